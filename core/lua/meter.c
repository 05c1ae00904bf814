#include "lua/meter.h"

#include <time.h>

#define SHORT_BURST_US 500 /* the rest was the scheduler's */

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
  else if (burst > m->limits->burst_cpu_us)
    m->broken = "CPU limit of one burst reached";
  else if (m->cpu_us + burst > m->limits->cpu_us)
    m->broken = "CPU limit reached";
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

bool cg_meter_call(struct cg_state *s, struct cg_meter *m, lua_CFunction f, void *arg,
                   struct cg_err *err) {
  cg_meter_begin(s, m, s->L);
  bool good = cg_state_call(s, f, arg, err);
  cg_meter_end(s);
  lua_sethook(s->L, NULL, 0, 0);
  return good;
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
