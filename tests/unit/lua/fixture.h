/* fixture.h - a state with a sandbox, and texts run in it under a meter. */
#ifndef TEST_LUA_FIXTURE_H
#define TEST_LUA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "lua/meter.h"
#include "lua/sandbox.h"

#define UNLIMITED UINT32_MAX

struct fix {
  struct cg_state state;
  struct cg_lua_limits limits;
  struct cg_meter meter;
  struct cg_err err;
};

struct text {
  const char *text;
};

static const luaL_Reg no_functions[] = {{NULL, NULL}};
static const struct cg_sandbox lenient = {.functions = no_functions};

static int fix_open_sandbox(lua_State *L) {
  cg_sandbox_open(L, lua_touserdata(L, 1));
  return 0;
}

static inline void fix_init_with(struct fix *f, const struct cg_sandbox *sandbox) {
  *f = (struct fix){.limits = {1 << 20, 1000000, UNLIMITED, UNLIMITED}};
  assert_true(cg_state_open(&f->state, f->limits.memory_bytes));
  struct cg_sandbox copy = *sandbox;
  assert_true(cg_state_call(&f->state, fix_open_sandbox, &copy, &f->err));
}

static inline void fix_init(struct fix *f) {
  fix_init_with(f, &lenient);
}

static inline void fix_done(struct fix *f) {
  cg_state_close(&f->state);
}

static int fix_run_text(lua_State *L) {
  const struct text *t = lua_touserdata(L, 1);
  cg_sandbox_load(L, "t.lua", t->text, strlen(t->text));
  lua_call(L, 0, 0);
  return 0;
}

/* The text runs under the meter as it stands; false: f->err. */
static inline bool fix_run_on(struct fix *f, const char *text) {
  struct text t = {text};
  return cg_meter_call(&f->state, &f->meter, fix_run_text, &t, &f->err);
}

/* Under a new meter. */
static inline bool fix_run(struct fix *f, const char *text) {
  f->meter = (struct cg_meter){.limits = &f->limits};
  return fix_run_on(f, text);
}

static inline void fix_good(struct fix *f, const char *text) {
  if (!fix_run(f, text)) fail_msg("%s: %s", text, f->err.text);
}

/* It ends in an error of those words. */
static inline void fix_bad(struct fix *f, const char *text, const char *words) {
  if (fix_run(f, text)) fail_msg("%s: no error", text);
  if (!strstr(f->err.text, words)) fail_msg("%s: %s", text, f->err.text);
}

#endif
