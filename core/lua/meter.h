/* meter.h - instructions and CPU that a run takes, and its end when it takes too much.
 *
 * While a meter is begun, a hook fires every CG_HOOK_EVERY instructions and looks at it;
 * C functions that loop charge the meter themselves.  Reading thread CPU is a system
 * call, so a run of a few hundred instructions never does it.
 *
 * A limit once hit stays hit: meter.broken is set, the hook then fires at every
 * instruction, and the sandbox's pcall passes the error on.  One thread.
 */
#ifndef CG_LUA_METER_H
#define CG_LUA_METER_H

#include "lua/limits.h"
#include "lua/state.h"

#define CG_HOOK_EVERY 256

/* Zeroed but for limits, which outlive it. */
struct cg_meter {
  const struct cg_lua_limits *limits;
  uint64_t instructions;
  int64_t cpu_us;        /* of bursts that are over */
  int64_t burst_from_us; /* thread CPU at the burst's first look, 0: none yet */
  int64_t began_us;      /* monotonic: a burst too short for a look is told by it */
  const char *broken;    /* the limit that was hit, NULL: none */
  unsigned pcalls;       /* open now; each costs a walk of the stack when it unwinds */
};

/* A burst: between these the meter counts what runs on `co`. */
void cg_meter_begin(struct cg_state *s, struct cg_meter *m, lua_State *co);
void cg_meter_end(struct cg_state *s);
void cg_meter_arm(lua_State *co); /* the hook, on a coroutine made in between */

/* cg_state_call as one burst. */
bool cg_meter_call(struct cg_state *s, struct cg_meter *m, lua_CFunction f, void *arg,
                   struct cg_err *err) CG_MUST_USE;

void cg_meter_charge(lua_State *L, uint64_t instructions); /* [raises] */
int cg_meter_break(lua_State *L, const char *limit);       /* [raises]; static text */
int cg_meter_raise(lua_State *L);                          /* [raises] the broken limit */

#endif
