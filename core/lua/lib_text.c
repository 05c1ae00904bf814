#include "lua/lib_text.h"

#include <string.h>

#include "lua/args.h"
#include "lua/meter.h"

#define GLOB_TEXT_MAX    4096
#define GLOB_PATTERN_MAX 256

struct text {
  const char *s;
  size_t n;
};

static struct text text_arg(lua_State *L, int index) {
  struct text t;
  luaL_checktype(L, index, LUA_TSTRING);
  t.s = lua_tolstring(L, index, &t.n);
  return t;
}

static void charge(lua_State *L, size_t bytes) {
  cg_meter_charge(L, 1 + bytes / 64);
}

static int t_find(lua_State *L) {
  cg_lua_at_most(L, 4); /* the fourth as Lua's own: true for a plain text */
  luaL_argcheck(L, lua_isnone(L, 4) || lua_toboolean(L, 4), 4, "there are no patterns");
  struct text s = text_arg(L, 1), t = text_arg(L, 2);
  lua_Integer from = luaL_optinteger(L, 3, 1);
  luaL_argcheck(L, from >= 1, 3, "starts at 1");
  charge(L, s.n + t.n);
  const char *at = (size_t)from - 1 <= s.n
                       ? memmem(s.s + from - 1, s.n - (size_t)from + 1, t.s, t.n)
                       : NULL;
  if (at)
    lua_pushinteger(L, at - s.s + 1);
  else
    lua_pushnil(L);
  return 1;
}

static int t_starts(lua_State *L) {
  cg_lua_at_most(L, 2);
  struct text s = text_arg(L, 1), t = text_arg(L, 2);
  charge(L, t.n);
  lua_pushboolean(L, t.n <= s.n && memcmp(s.s, t.s, t.n) == 0);
  return 1;
}

static int t_ends(lua_State *L) {
  cg_lua_at_most(L, 2);
  struct text s = text_arg(L, 1), t = text_arg(L, 2);
  charge(L, t.n);
  lua_pushboolean(L, t.n <= s.n && memcmp(s.s + s.n - t.n, t.s, t.n) == 0);
  return 1;
}

/* Only the last * is ever tried again, so this takes at most s.n * p.n steps. */
static bool glob(struct text s, struct text p, size_t *steps) {
  size_t i = 0, j = 0, star = p.n, mark = 0;
  while (i < s.n) {
    ++*steps;
    if (j < p.n && p.s[j] == '*') {
      star = j++;
      mark = i;
    } else if (j < p.n && (p.s[j] == '?' || p.s[j] == s.s[i])) {
      i++;
      j++;
    } else if (star < p.n) {
      j = star + 1;
      i = ++mark;
    } else {
      return false;
    }
  }
  while (j < p.n && p.s[j] == '*') j++;
  return j == p.n;
}

static int t_glob(lua_State *L) {
  cg_lua_at_most(L, 2);
  struct text s = text_arg(L, 1), p = text_arg(L, 2);
  luaL_argcheck(L, s.n <= GLOB_TEXT_MAX, 1, "longer than 4096 bytes");
  luaL_argcheck(L, p.n <= GLOB_PATTERN_MAX, 2, "longer than 256 bytes");
  size_t steps = 0;
  bool same = glob(s, p, &steps);
  cg_meter_charge(L, 1 + steps / 4);
  lua_pushboolean(L, same);
  return 1;
}

static int t_split(lua_State *L) {
  cg_lua_at_most(L, 2);
  struct text s = text_arg(L, 1), sep = text_arg(L, 2);
  luaL_argcheck(L, sep.n > 0, 2, "the separator is empty");
  charge(L, s.n + sep.n);
  lua_newtable(L);
  const char *end = s.s + s.n, *from = s.s;
  for (lua_Integer i = 1;; i++) {
    cg_meter_charge(L, 1);
    const char *at = memmem(from, (size_t)(end - from), sep.s, sep.n);
    lua_pushlstring(L, from, (size_t)((at ? at : end) - from));
    lua_rawseti(L, -2, i);
    if (!at) return 1;
    from = at + sep.n;
  }
}

static int map_letters(lua_State *L, char first, char last, int shift) {
  cg_lua_at_most(L, 1);
  struct text s = text_arg(L, 1);
  charge(L, 4 * s.n);
  char *out = lua_newuserdatauv(L, s.n + 1, 0);
  for (size_t i = 0; i < s.n; i++) {
    bool letter = s.s[i] >= first && s.s[i] <= last;
    out[i] = (char)(s.s[i] + (letter ? shift : 0));
  }
  lua_pushlstring(L, out, s.n);
  return 1;
}

static int t_lower(lua_State *L) {
  return map_letters(L, 'A', 'Z', 'a' - 'A');
}

static int t_upper(lua_State *L) {
  return map_letters(L, 'a', 'z', 'A' - 'a');
}

const luaL_Reg cg_lib_text[] = {
    {"find", t_find},   {"starts", t_starts}, {"ends", t_ends},   {"glob", t_glob},
    {"split", t_split}, {"lower", t_lower},   {"upper", t_upper}, {NULL, NULL},
};
