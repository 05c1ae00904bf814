/* state.h - a Lua state under limits: counted memory, a count hook, a meter.
 *
 * Memory: the allocator refuses what would pass the state's limit, and any single block
 * over 2 MiB, so no string, table or stack is ever long enough for one VM instruction to
 * take long.  CPU and instructions: the hook fires every CG_HOOK_EVERY instructions and
 * looks at the meter; C functions that loop charge the meter themselves.  Reading thread
 * CPU is a system call, so a decision of a few hundred instructions never does it.
 *
 * A limit once hit stays hit: meter.broken is set, the hook then fires at every
 * instruction, and pcall passes the error on (sandbox.c).  Functions marked [raises] use
 * lua_error and must run inside lua_resume or lua_pcall.  One thread.
 */
#ifndef CG_POLICY_STATE_H
#define CG_POLICY_STATE_H

#include <lauxlib.h>
#include <lua.h>
#include <time.h>

#include "policy/policy.h"

#define CG_HOOK_EVERY 256
#define CG_BLOCK_MAX  (2u << 20)

struct cg_meter {
  const struct cg_policy_limits *limits;
  uint64_t instructions;
  int64_t cpu_us;        /* of bursts that are over */
  int64_t burst_from_us; /* thread CPU at the burst's first look, 0: none yet */
  int64_t began_us;      /* monotonic: a burst too short for a look is told by it */
  const char *broken;    /* the limit that was hit, NULL: none */
  unsigned pcalls;       /* open now; each costs a walk of the stack when it unwinds */
};

/* The minute last asked for, as local time. */
struct cg_minute {
  int64_t number; /* minutes since 1970, -1: none yet */
  struct tm tm;
  char date[16];
};

struct cg_run;

struct cg_state {
  lua_State *L;
  size_t used, limit;
  bool refused;           /* the limit was met since somebody last looked */
  struct cg_meter *meter; /* of what runs now, NULL: nothing does */
  struct cg_run *run;     /* the decision that runs now, NULL: none (loading) */
  int env_ref, libs_ref;  /* sandbox.c: the environment; values of lib files by name */
  struct cg_minute minute;
};

/* s must not move while open.  false: no memory. */
bool cg_state_open(struct cg_state *s, uint64_t memory_bytes) CG_MUST_USE;
void cg_state_close(struct cg_state *s); /* also of a zeroed one */

struct cg_state *cg_state_of(lua_State *L);

/* f with arg as its one light userdata, protected.  false: *err says why. */
bool cg_state_call(struct cg_state *s, lua_CFunction f, void *arg,
                   struct cg_err *err) CG_MUST_USE;

/* Between these the meter counts what runs on `co`. */
void cg_meter_begin(struct cg_state *s, struct cg_meter *m, lua_State *co);
void cg_meter_end(struct cg_state *s);
void cg_meter_arm(lua_State *co); /* the hook, on a coroutine made in between */

void cg_meter_charge(lua_State *L, uint64_t instructions); /* [raises] */
int cg_meter_break(lua_State *L, const char *limit);       /* [raises]; static text */
int cg_meter_raise(lua_State *L);                          /* [raises] the broken limit */

#endif
