#include "lua/view_json.h"

#include "lua/args.h"

struct json_view {
  const struct cg_view_life *life;
  uint64_t generation; /* the life's when the view was made */
  json_t *value;       /* borrowed */
};

static const char metatable_key;

bool cg_view_json_is(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}

static struct json_view *view_at_1(lua_State *L) {
  struct json_view *v = lua_touserdata(L, 1);
  if (cg_state_of(L)->life != v->life || v->generation != v->life->generation)
    luaL_error(L, "this JSON is of another run");
  return v;
}

static void push_value(lua_State *L, const struct cg_view_life *life, json_t *value) {
  if (!value) {
    lua_pushnil(L);
    return;
  }
  switch (json_typeof(value)) {
  case JSON_STRING:
    lua_pushlstring(L, json_string_value(value), json_string_length(value));
    break;
  case JSON_INTEGER: lua_pushinteger(L, json_integer_value(value)); break;
  case JSON_REAL: lua_pushnumber(L, json_real_value(value)); break;
  case JSON_TRUE: lua_pushboolean(L, 1); break;
  case JSON_FALSE: lua_pushboolean(L, 0); break;
  case JSON_NULL: lua_pushnil(L); break;
  case JSON_OBJECT:
  case JSON_ARRAY: cg_view_json_push(L, life, value); break;
  }
}

void cg_view_json_push(lua_State *L, const struct cg_view_life *life, json_t *value) {
  struct json_view *v = lua_newuserdatauv(L, sizeof(*v), 0);
  *v = (struct json_view){life, life->generation, value};
  lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
  lua_setmetatable(L, -2);
}

static json_t *member(lua_State *L, const struct json_view *v) {
  if (lua_type(L, 2) == LUA_TSTRING) {
    const char *name = cg_lua_text(L, 2);
    return name ? json_object_get(v->value, name) : NULL;
  }
  lua_Integer i = lua_isinteger(L, 2) ? lua_tointeger(L, 2) : 0;
  return i > 0 ? json_array_get(v->value, (size_t)i - 1) : NULL;
}

static int view_index(lua_State *L) {
  struct json_view *v = view_at_1(L);
  push_value(L, v->life, member(L, v));
  return 1;
}

static int view_newindex(lua_State *L) {
  return luaL_error(L, "this JSON is read-only");
}

static int view_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)json_array_size(view_at_1(L)->value));
  return 1;
}

static int next_element(lua_State *L, const struct json_view *v) {
  lua_Integer i = lua_isnil(L, 2) ? 0 : luaL_checkinteger(L, 2);
  json_t *value = i >= 0 ? json_array_get(v->value, (size_t)i) : NULL;
  if (!value) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, i + 1);
  push_value(L, v->life, value);
  return 2;
}

int cg_view_json_next(lua_State *L) {
  struct json_view *v = view_at_1(L);
  if (json_is_array(v->value)) return next_element(L, v);
  void *it = lua_isnil(L, 2) ? json_object_iter(v->value)
                             : json_object_iter_at(v->value, cg_lua_check_text(L, 2));
  if (it && !lua_isnil(L, 2)) it = json_object_iter_next(v->value, it);
  if (!it) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushstring(L, json_object_iter_key(it));
  push_value(L, v->life, json_object_iter_value(it));
  return 2;
}

static const luaL_Reg view_methods[] = {
    {"__index", view_index},
    {"__newindex", view_newindex},
    {"__len", view_len},
    {NULL, NULL},
};

void cg_view_json_open(lua_State *L) {
  luaL_newlib(L, view_methods);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_key);
}
