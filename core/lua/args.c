#include "lua/args.h"

#include <string.h>

const char *cg_lua_text(lua_State *L, int index) {
  size_t n;
  const char *s = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &n) : NULL;
  return s && strlen(s) == n ? s : NULL;
}

const char *cg_lua_check_text(lua_State *L, int n) {
  size_t len;
  const char *s = luaL_checklstring(L, n, &len);
  luaL_argcheck(L, strlen(s) == len, n, "holds a NUL byte");
  return s;
}

void cg_lua_at_most(lua_State *L, int n) {
  luaL_argcheck(L, lua_gettop(L) <= n, n + 1, "is one more than there are");
}
