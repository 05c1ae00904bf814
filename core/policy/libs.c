#include "policy/libs.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "lua/args.h"
#include "lua/sandbox.h"
#include "policy/set.h"

static const char loaded_key; /* in the registry: what libs returned, by name */

void cg_libs_open(lua_State *L) {
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);
}

/* The lib's index in the bundle, or n_libs. */
static size_t find_lib(const struct cg_bundle *b, const char *name) {
  char file[160];
  snprintf(file, sizeof(file), "lib/%s.lua", name);
  size_t i = 0;
  while (i < b->n_libs && strcmp(b->libs[i].name, file) != 0) i++;
  return i;
}

static void load_lib(lua_State *L, struct cg_policy *p, const char *name) {
  size_t i = find_lib(p->bundle, name);
  if (i == p->bundle->n_libs) luaL_error(L, "use: there is no lib/%s.lua", name);
  if (p->lib_tried[i]) luaL_error(L, "use: lib/%s.lua is broken, or uses itself", name);
  p->lib_tried[i] = true;
  const struct cg_bundle_file *file = &p->bundle->libs[i];
  cg_sandbox_load(L, file->name, file->text, file->len);
  lua_call(L, 0, 1);
  if (lua_isnil(L, -1)) luaL_error(L, "lib/%s.lua returns nothing", name);
  if (lua_istable(L, -1) && !lua_getmetatable(L, -1)) cg_sandbox_freeze(L);
}

int cg_libs_use(lua_State *L) {
  struct cg_policy *p = CG_CONTAINER(cg_state_of(L), struct cg_policy, state);
  size_t n;
  luaL_checktype(L, 1, LUA_TSTRING);
  cg_lua_at_most(L, 1);
  const char *name = lua_tolstring(L, 1, &n);
  luaL_argcheck(L, n <= 128 && strlen(name) == n, 1, "no such lib");
  lua_settop(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
  lua_pushvalue(L, 1);
  if (lua_rawget(L, 2) != LUA_TNIL) return 1;
  lua_settop(L, 2);
  load_lib(L, p, name);
  lua_settop(L, 3);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 3);
  lua_rawset(L, 2);
  return 1;
}
