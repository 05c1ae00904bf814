#include "lua/state.h"

#include <string.h>

#include "base/mem.h"

static void *count_memory(void *ud, void *ptr, size_t old, size_t size) {
  struct cg_state *s = ud;
  size_t had = ptr ? old : 0;
  if (size == 0) {
    cg_free(ptr);
    s->used -= had;
    return NULL;
  }
  if (size > had && size > CG_LUA_BLOCK_MAX) return NULL;
  if (size > had && s->used + (size - had) > s->limit) {
    s->refused = true;
    return NULL;
  }
  void *p = cg_realloc(ptr, size);
  if (!p) return size <= had ? ptr : NULL;
  s->used = s->used - had + size;
  return p;
}

bool cg_state_open(struct cg_state *s, uint64_t memory_bytes) {
  *s = (struct cg_state){.limit = (size_t)memory_bytes, .env_ref = LUA_NOREF};
  s->L = lua_newstate(count_memory, s);
  if (!s->L) return false;
  memcpy(lua_getextraspace(s->L), &s, sizeof(s));
  lua_gc(s->L, LUA_GCINC, 150, 200, 0);
  return true;
}

void cg_state_close(struct cg_state *s) {
  if (s->L) lua_close(s->L);
  s->L = NULL;
}

struct cg_state *cg_state_of(lua_State *L) {
  struct cg_state *s;
  memcpy(&s, lua_getextraspace(L), sizeof(s));
  return s;
}

bool cg_state_call(struct cg_state *s, lua_CFunction f, void *arg, struct cg_err *err) {
  lua_pushcfunction(s->L, f);
  lua_pushlightuserdata(s->L, arg);
  int status = lua_pcall(s->L, 1, 0, 0);
  if (status == LUA_OK) return true;
  enum cg_code code = status == LUA_ERRMEM ? CG_E_MEMORY : CG_E_INVALID;
  bool text = lua_type(s->L, -1) == LUA_TSTRING;
  cg_fail(err, code, "%s", text ? lua_tostring(s->L, -1) : "an error without text");
  lua_pop(s->L, 1);
  return false;
}
