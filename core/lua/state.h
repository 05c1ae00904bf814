/* state.h - a Lua state whose memory is counted.
 *
 * The allocator refuses what would pass the state's limit, and any single block over
 * 2 MiB, so no string, table or stack is ever long enough for one VM instruction to take
 * long.  meter.h bounds instructions and CPU.  Functions marked [raises] here and in the
 * rest of this layer use lua_error and must run inside lua_resume or lua_pcall; [-n, +m]
 * is what they take from Lua's stack and leave on it.  One thread.
 */
#ifndef CG_LUA_STATE_H
#define CG_LUA_STATE_H

#include <lauxlib.h>
#include <lua.h>

#include "base/err.h"

#define CG_LUA_BLOCK_MAX (2u << 20)

struct cg_meter;
struct cg_view_life;

struct cg_state {
  lua_State *L;
  size_t used, limit; /* bytes */
  bool refused;       /* the limit was met since somebody last looked */
  int env_ref;        /* sandbox.c: the environment, in the registry */

  /* Of what runs now; NULL: nothing does. */
  struct cg_meter *meter;
  struct cg_view_life *life; /* view_json.h */
};

/* s must not move while open.  false: no memory. */
bool cg_state_open(struct cg_state *s, uint64_t memory_bytes) CG_MUST_USE;
void cg_state_close(struct cg_state *s); /* also of a zeroed one */

struct cg_state *cg_state_of(lua_State *L);

/* f with arg as its one light userdata, protected.  false: *err says why; CG_E_MEMORY or
 * CG_E_INVALID. */
bool cg_state_call(struct cg_state *s, lua_CFunction f, void *arg,
                   struct cg_err *err) CG_MUST_USE;

#endif
