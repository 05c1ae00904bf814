#include "lua/lib_table.h"

#include <string.h>

#include "lua/args.h"
#include "lua/meter.h"

#define UNPACK_MAX 256

/* The length of the plain table at index 1. */
static lua_Integer list_arg(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  if (lua_getmetatable(L, 1)) return luaL_error(L, "this table is read-only");
  return (lua_Integer)lua_rawlen(L, 1);
}

static int l_insert(lua_State *L) {
  lua_Integer n = list_arg(L), at = n + 1;
  int top = lua_gettop(L);
  luaL_argcheck(L, top == 2 || top == 3, 2,
                "insert(list, value) or (list, place, value)");
  if (top == 3) at = luaL_checkinteger(L, 2);
  luaL_argcheck(L, at >= 1 && at <= n + 1, 2, "place is outside of the list");
  cg_meter_charge(L, (uint64_t)(n + 1 - at) / 2 + 1);
  for (lua_Integer i = n; i >= at; i--) {
    lua_rawgeti(L, 1, i);
    lua_rawseti(L, 1, i + 1);
  }
  lua_rawseti(L, 1, at);
  return 0;
}

static int l_remove(lua_State *L) {
  lua_Integer n = list_arg(L), at = luaL_optinteger(L, 2, n);
  cg_lua_at_most(L, 2);
  if (n == 0 && (at == 0 || at == 1)) return 0;
  luaL_argcheck(L, at >= 1 && at <= n, 2, "place is outside of the list");
  cg_meter_charge(L, (uint64_t)(n - at) / 2 + 1);
  lua_rawgeti(L, 1, at);
  for (lua_Integer i = at; i < n; i++) {
    lua_rawgeti(L, 1, i + 1);
    lua_rawseti(L, 1, i);
  }
  lua_pushnil(L);
  lua_rawseti(L, 1, n);
  return 1;
}

/* The text of element i, pushed. */
static const char *element(lua_State *L, lua_Integer i, size_t *ret_n) {
  lua_rawgeti(L, 1, i);
  int type = lua_type(L, -1);
  if (type != LUA_TSTRING && type != LUA_TNUMBER)
    luaL_error(L, "element %I is a %s, not text", (LUAI_UACINT)i, luaL_typename(L, -1));
  return lua_tolstring(L, -1, ret_n);
}

/* Elements i to j, as asked for behind the arguments before; *ret_n of them. */
static lua_Integer range_arg(lua_State *L, int arg, lua_Integer n, lua_Unsigned *ret_n) {
  lua_Integer i = luaL_optinteger(L, arg, 1), j = luaL_optinteger(L, arg + 1, n);
  *ret_n = i > j ? 0 : (lua_Unsigned)j - (lua_Unsigned)i + 1;
  if (i <= j && *ret_n == 0) *ret_n = LUA_MAXUNSIGNED; /* all integers */
  return i;
}

static int l_concat(lua_State *L) {
  lua_Integer n = list_arg(L);
  lua_Unsigned count;
  size_t sep_n, total = 0, len;
  cg_lua_at_most(L, 4);
  const char *sep = luaL_optlstring(L, 2, "", &sep_n);
  lua_Integer first = range_arg(L, 3, n, &count);
  for (lua_Unsigned i = 0; i < count; i++) {
    cg_meter_charge(L, 2);
    element(L, first + (lua_Integer)i, &len);
    lua_pop(L, 1);
    total += len + sep_n;
    if (total > CG_LUA_BLOCK_MAX) return luaL_error(L, "concat: the text is too long");
  }
  cg_meter_charge(L, total / 64);
  char *out = lua_newuserdatauv(L, total + 1, 0);
  size_t at = 0;
  for (lua_Unsigned i = 0; i < count; i++) {
    const char *s = element(L, first + (lua_Integer)i, &len);
    memcpy(out + at, s, len);
    at += len;
    if (i + 1 < count) memcpy(out + at, sep, sep_n);
    at += i + 1 < count ? sep_n : 0;
    lua_pop(L, 1);
  }
  lua_pushlstring(L, out, at);
  return 1;
}

static int l_unpack(lua_State *L) {
  lua_Integer n = list_arg(L);
  lua_Unsigned count;
  cg_lua_at_most(L, 3);
  lua_Integer first = range_arg(L, 2, n, &count);
  if (count > UNPACK_MAX)
    return luaL_error(L, "unpack: more than %d elements", UNPACK_MAX);
  cg_meter_charge(L, count);
  luaL_checkstack(L, (int)count, "unpack");
  for (lua_Unsigned i = 0; i < count; i++) lua_rawgeti(L, 1, first + (lua_Integer)i);
  return (int)count;
}

const luaL_Reg cg_lib_table[] = {
    {"concat", l_concat}, {"insert", l_insert}, {"remove", l_remove},
    {"unpack", l_unpack}, {NULL, NULL},
};
