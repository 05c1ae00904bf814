#include "lua/sandbox.h"

#include <lualib.h>
#include <stdio.h>

#include "lua/lib_table.h"
#include "lua/lib_text.h"
#include "lua/meter.h"
#include "lua/view_json.h"

#define PCALLS_MAX     32
#define CHUNK_NAME_MAX 160

static const char target_key; /* in a proxy's metatable: the table behind it */

/* ---- base functions that are ours ---- */

/* The table behind the proxy at index, in its place; other values stay. */
static void unwrap(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) return;
  if (lua_rawgetp(L, -1, &target_key) == LUA_TTABLE)
    lua_replace(L, index);
  else
    lua_pop(L, 1);
  lua_pop(L, 1);
}

static int b_next(lua_State *L) {
  lua_settop(L, 2);
  if (cg_view_json_is(L, 1)) return cg_view_json_next(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  unwrap(L, 1);
  if (lua_next(L, 1)) return 2;
  lua_pushnil(L);
  return 1;
}

static int b_pairs(lua_State *L) {
  if (!cg_view_json_is(L, 1)) luaL_checktype(L, 1, LUA_TTABLE);
  lua_pushcfunction(L, b_next);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

/* As Lua's own, but what broke a limit goes on. */
static int pcall_done(lua_State *L, int status, lua_KContext unused) {
  (void)unused;
  struct cg_meter *m = cg_state_of(L)->meter;
  if (m) m->pcalls--;
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L);
  if (m && m->broken) return lua_error(L);
  if (m && (status == LUA_ERRMEM || status == LUA_ERRERR))
    return cg_meter_break(L, "memory limit reached");
  lua_pushboolean(L, 0);
  lua_pushvalue(L, -2);
  return 2;
}

static int b_pcall(lua_State *L) {
  struct cg_meter *m = cg_state_of(L)->meter;
  luaL_checkany(L, 1);
  if (m && ++m->pcalls > PCALLS_MAX) return cg_meter_break(L, "pcall nested too deep");
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  return pcall_done(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_done),
                    0);
}

/* No addresses: they would tell where things lie in memory. */
static int b_tostring(lua_State *L) {
  luaL_checkany(L, 1);
  int type = lua_type(L, 1);
  if (type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TBOOLEAN ||
      type == LUA_TNIL)
    luaL_tolstring(L, 1, NULL);
  else
    lua_pushstring(L, lua_typename(L, type));
  return 1;
}

static int b_tonumber(lua_State *L) {
  size_t n = 0;
  luaL_checkany(L, 1);
  if (lua_type(L, 1) == LUA_TSTRING) lua_tolstring(L, 1, &n);
  if (n > 128 || lua_gettop(L) > 1) {
    luaL_argcheck(L, lua_gettop(L) == 1, 2, "bases are not available");
    lua_pushnil(L);
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

/* ---- read-only tables ---- */

static int refuse_write(lua_State *L) {
  return luaL_error(L, "this table is read-only");
}

static int proxy_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)lua_rawlen(L, lua_upvalueindex(1)));
  return 1;
}

/* proxy and metatable over the table on top: [-1, +2] */
static void push_proxy(lua_State *L, lua_CFunction write) {
  int target = lua_gettop(L);
  lua_newtable(L);
  lua_createtable(L, 0, 4);
  lua_pushvalue(L, target);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, write);
  lua_setfield(L, -2, "__newindex");
  lua_pushvalue(L, target);
  lua_pushcclosure(L, proxy_len, 1);
  lua_setfield(L, -2, "__len");
  lua_remove(L, target);
}

void cg_sandbox_freeze(lua_State *L) {
  lua_pushvalue(L, -1);
  push_proxy(L, refuse_write);
  lua_pushvalue(L, -3);
  lua_rawsetp(L, -2, &target_key);
  lua_setmetatable(L, -2);
  lua_remove(L, -2);
}

/* ---- the environment ---- */

static const char *const from_base[] = {"assert", "error",    "ipairs", "select",
                                        "type",   "rawequal", "rawlen", NULL};
static const char *const from_math[] = {
    "abs", "ceil",       "floor",      "fmod", "max", "min",  "tointeger", "type",
    "ult", "maxinteger", "mininteger", "huge", "pi",  "sqrt", NULL};
static const luaL_Reg own[] = {
    {"next", b_next},         {"pairs", b_pairs}, {"pcall", b_pcall},
    {"tostring", b_tostring}, {NULL, NULL},
};

/* The library's table on top gives those names to the table below it. */
static void copy_names(lua_State *L, const char *const *names) {
  for (; *names; names++) {
    lua_getfield(L, -1, *names);
    lua_setfield(L, -3, *names);
  }
}

static void open_base(lua_State *L) {
  lua_pushcfunction(L, luaopen_base);
  lua_call(L, 0, 1);
  copy_names(L, from_base);
  lua_getfield(L, -1, "tonumber");
  lua_pushcclosure(L, b_tonumber, 1);
  lua_setfield(L, -3, "tonumber");
  lua_pop(L, 1);
  lua_newtable(L); /* nothing of the base library stays reachable */
  lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

static void open_math(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, luaopen_math);
  lua_call(L, 0, 1);
  copy_names(L, from_math);
  lua_pop(L, 1);
  cg_sandbox_freeze(L);
  lua_setfield(L, -2, "math");
}

static void open_table(lua_State *L) {
  lua_newtable(L);
  luaL_setfuncs(L, cg_lib_table, 0);
  cg_sandbox_freeze(L);
  lua_setfield(L, -2, "table");
}

/* Strings have the text helpers as methods; the string library is never opened. */
static void open_string_methods(lua_State *L) {
  lua_pushliteral(L, "");
  lua_createtable(L, 0, 1);
  lua_newtable(L);
  luaL_setfuncs(L, cg_lib_text, 0);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

/* The table of names on top becomes the environment that files see. */
static void close_environment(lua_State *L, const struct cg_sandbox *sandbox) {
  if (!sandbox->unknown) return;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, sandbox->unknown);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  push_proxy(L, sandbox->global);
  lua_setmetatable(L, -2);
}

void cg_sandbox_open(lua_State *L, const struct cg_sandbox *sandbox) {
  cg_view_json_open(L);
  lua_newtable(L);
  open_base(L);
  open_math(L);
  open_table(L);
  luaL_setfuncs(L, cg_lib_text, 0);
  luaL_setfuncs(L, own, 0);
  luaL_setfuncs(L, sandbox->functions, 0);
  open_string_methods(L);
  close_environment(L, sandbox);
  cg_state_of(L)->env_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void cg_sandbox_load(lua_State *L, const char *name, const char *text, size_t n) {
  char chunk[CHUNK_NAME_MAX];
  snprintf(chunk, sizeof(chunk), "=%s", name);
  if (luaL_loadbufferx(L, text, n, chunk, "t") != LUA_OK) lua_error(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, cg_state_of(L)->env_ref);
  if (!lua_setupvalue(L, -2, 1)) lua_pop(L, 1);
}
