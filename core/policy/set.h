/* set.h - the policy set of one worker, from the inside. */
#ifndef CG_POLICY_SET_H
#define CG_POLICY_SET_H

#include <time.h>

#include "base/list.h"
#include "lua/state.h"
#include "policy/bundle.h"
#include "policy/env.h"
#include "policy/rule.h"

/* The minute last asked for, as local time. */
struct cg_minute {
  int64_t number; /* minutes since 1970, -1: none yet */
  struct tm tm;
  char date[16];
};

struct cg_policy {
  unsigned refs;
  struct cg_policy_env env;
  const struct cg_bundle *bundle;
  struct cg_state state;
  struct cg_rule *rules; /* by place in the bundle */
  size_t n_rules;
  bool *lib_tried;           /* by place in the bundle */
  struct cg_list runs, idle; /* pool.h: all of them; those that nobody uses */
  size_t n_runs;
  struct cg_minute minute;
  struct cg_policy *successor; /* decide.c: decides in its place; NULL: none needed */
};

#endif
