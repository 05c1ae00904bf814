#include "policy/state.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define SHORT_BURST_US 500 /* the rest was the scheduler's */

static void *count_memory(void *ud, void *ptr, size_t old, size_t size) {
  struct cg_state *s = ud;
  size_t had = ptr ? old : 0;
  if (size == 0) {
    cg_free(ptr);
    s->used -= had;
    return NULL;
  }
  if (size > had && size > CG_BLOCK_MAX) return NULL;
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
  s->libs_ref = LUA_NOREF;
  s->minute.number = -1;
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

static int64_t clock_us(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void look(struct cg_meter *m) {
  if (m->broken) return;
  int64_t now = clock_us(CLOCK_THREAD_CPUTIME_ID);
  if (!m->burst_from_us) m->burst_from_us = now;
  int64_t burst = now - m->burst_from_us;
  if (m->instructions > m->limits->instructions)
    m->broken = "instruction limit reached";
  else if (burst > m->limits->resume_cpu_us)
    m->broken = "CPU limit of one burst reached";
  else if (m->cpu_us + burst > m->limits->decide_cpu_us)
    m->broken = "CPU limit of one decision reached";
}

static void on_count(lua_State *L, lua_Debug *ar) {
  (void)ar;
  struct cg_meter *m = cg_state_of(L)->meter;
  if (!m) return;
  m->instructions += CG_HOOK_EVERY;
  look(m);
  if (m->broken) cg_meter_raise(L);
}

void cg_meter_arm(lua_State *co) {
  lua_sethook(co, on_count, LUA_MASKCOUNT, CG_HOOK_EVERY);
}

void cg_meter_begin(struct cg_state *s, struct cg_meter *m, lua_State *co) {
  s->meter = m;
  m->burst_from_us = 0;
  m->began_us = clock_us(CLOCK_MONOTONIC);
  cg_meter_arm(co);
}

void cg_meter_end(struct cg_state *s) {
  struct cg_meter *m = s->meter;
  s->meter = NULL;
  if (m->burst_from_us) {
    m->cpu_us += clock_us(CLOCK_THREAD_CPUTIME_ID) - m->burst_from_us;
    return;
  }
  int64_t wall = clock_us(CLOCK_MONOTONIC) - m->began_us;
  m->cpu_us += wall < SHORT_BURST_US ? wall : SHORT_BURST_US;
}

int cg_meter_raise(lua_State *L) {
  const char *limit = cg_state_of(L)->meter->broken;
  lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
  return luaL_error(L, "%s", limit);
}

int cg_meter_break(lua_State *L, const char *limit) {
  struct cg_meter *m = cg_state_of(L)->meter;
  if (!m->broken) m->broken = limit;
  return cg_meter_raise(L);
}

void cg_meter_charge(lua_State *L, uint64_t instructions) {
  struct cg_meter *m = cg_state_of(L)->meter;
  if (!m) return;
  uint64_t before = m->instructions / CG_HOOK_EVERY;
  m->instructions += instructions;
  if (m->instructions / CG_HOOK_EVERY == before) return;
  look(m);
  if (m->broken) cg_meter_raise(L);
}
