/* env.h - what a policy set works with: limits, a log, and the counters of usage(). */
#ifndef CG_POLICY_ENV_H
#define CG_POLICY_ENV_H

#include "base/log.h"
#include "base/tier.h"
#include "lua/limits.h"
#include "policy/zones.h"

/* Memory is the set's; instructions and CPU are one decision's, over all its policies. */
struct cg_policy_limits {
  struct cg_lua_limits lua;
  uint32_t awaits; /* usage() calls of one decision */
};

struct cg_policy_env {
  const struct cg_tiers *tiers;
  const struct cg_zones *zones; /* of req.time; NULL: UTC.  A set has its reference */
  struct cg_policy_limits limits;
  struct cg_log *log; /* policy errors with traceback, once per decision */
  /* usage(scope): answer through done, now or later, exactly once.  false: unknown, the
   * decision fails with the text. */
  void (*usage)(void *ctx, const char *scope,
                void (*done)(void *arg, bool ok, uint64_t in_use, const char *text),
                void *arg);
  void *ctx;
};

#endif
