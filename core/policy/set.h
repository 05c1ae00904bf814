/* set.h - the policy set of one worker, from the inside. */
#ifndef CG_POLICY_SET_H
#define CG_POLICY_SET_H

#include "base/list.h"
#include "lua/state.h"
#include "policy/bundle.h"
#include "policy/env.h"
#include "policy/rule.h"

/* The second last asked for, as the clocks of its zone showed it. */
struct cg_shown {
  const struct cg_zone *zone; /* NULL: none yet */
  int64_t second;             /* since 1970 */
  struct cg_local local;
  char date[32]; /* "" until it is asked for */
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
  struct cg_shown shown;
  struct cg_policy *successor; /* decide.c: decides in its place; NULL: none needed */
};

#endif
