#include "conf/conf_lua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/meant.h"
#include "base/utf8.h"
#include "conf/conf_path.h"
#include "lua/args.h"
#include "lua/meter.h"
#include "lua/sandbox.h"

#define DEPTH_MAX 8
#define ITEMS_MAX 1024

/* The instructions bound the time: of a table as large as the memory allows, too. */
static const struct cg_lua_limits limits = {
    .memory_bytes = 16 << 20,
    .instructions = 10 * 1000 * 1000,
    .burst_cpu_us = UINT32_MAX,
    .cpu_us = UINT32_MAX,
};

struct reading {
  struct cg_state state;
  const struct cg_conf_lua *in;
  struct cg_conf_asked *asked;
  struct cg_arena *arena;
  struct cg_field_errors *errs;
  json_t *root;
  size_t pointer_n;
  char pointer[256];
};

/* ---- what the file may call ---- */

static struct reading *reading_of(lua_State *L) {
  return CG_CONTAINER(cg_state_of(L), struct reading, state);
}

static void note_asked(struct reading *r, const char *name) {
  struct cg_strings all = {r->asked->items, r->asked->n};
  if (all.n == CG_CONF_ENV_MAX || cg_strings_has(&all, name)) return;
  const char *kept = cg_arena_strdup(r->arena, name);
  if (kept) r->asked->items[r->asked->n++] = kept;
}

static int l_env(lua_State *L) {
  cg_lua_at_most(L, 2);
  const char *name = cg_lua_check_text(L, 1), *value = getenv(name);
  note_asked(reading_of(L), name);
  lua_settop(L, 2);
  if (!value || !value[0]) return 1;
  int type = lua_type(L, 2);
  if (type == LUA_TNUMBER && !cg_text_odd(value, strlen(value)) &&
      lua_stringtonumber(L, value))
    return 1;
  bool yes = !strcmp(value, "true"), no = !strcmp(value, "false");
  if (type == LUA_TBOOLEAN && (yes || no))
    lua_pushboolean(L, yes);
  else
    lua_pushstring(L, value);
  return 1;
}

/* Where the file is in the call: ":12". */
static void here(lua_State *L, char *out, size_t n) {
  luaL_where(L, 1); /* "conf:12: " */
  const char *colon = strchr(lua_tostring(L, -1), ':');
  snprintf(out, n, "%.*s", colon ? (int)strcspn(colon + 1, ":") + 1 : 0,
           colon ? colon : "");
  lua_pop(L, 1);
}

static void warn_if_open(lua_State *L, struct reading *r, const char *name,
                         const char *path) {
  struct stat st;
  char where[24];
  if (stat(path, &st) != 0 || !(st.st_mode & (S_IROTH | S_IWOTH))) return;
  here(L, where, sizeof where);
  cg_field_error(r->in->warnings, r->arena, where,
                 "file \"%s\" may be %s by everybody on this host (mode %04o)", name,
                 st.st_mode & S_IWOTH ? "changed" : "read", (unsigned)st.st_mode & 07777);
}

/* One newline at the end is the editor's; any other is the text's. */
static int l_file(lua_State *L) {
  struct reading *r = reading_of(L);
  cg_lua_at_most(L, 1);
  const char *name = cg_lua_check_text(L, 1), *words = NULL;
  const char *path = cg_conf_path(r->in->dir, name, r->arena);
  size_t n;
  char *text = cg_conf_slurp(path, r->arena, &n, &words);
  if (!text) return luaL_error(L, "file \"%s\": %s", name, words);
  if (!n) return luaL_error(L, "file \"%s\" is empty", name);
  warn_if_open(L, r, name, path);
  if (text[n - 1] == '\n') n--;
  lua_pushlstring(L, text, n);
  return 1;
}

static const struct cg_sandbox sandbox = {
    .functions = (const luaL_Reg[]){{"env", l_env}, {"file", l_file}, {NULL, NULL}},
};

/* ---- table to JSON ---- */

static json_t *value_of(lua_State *L, struct reading *r, int depth);

static json_t *wrong(struct reading *r, const char *text) {
  cg_field_error(r->errs, r->arena, r->pointer, "%s", text);
  return NULL;
}

static size_t enter(struct reading *r, const char *name) {
  size_t before = r->pointer_n, room = sizeof r->pointer - before;
  r->pointer_n += cg_utf8_print(r->pointer + before, room, "/%s", name);
  return before;
}

static void leave(struct reading *r, size_t before) {
  r->pointer_n = before;
  r->pointer[before] = 0;
}

/* Adds the value on top; the member is left out when it cannot be told. */
static void add(lua_State *L, struct reading *r, json_t *to, const char *name,
                int depth) {
  char number[24];
  snprintf(number, sizeof number, "%zu", json_array_size(to) + 1);
  size_t before = enter(r, name ? name : number);
  json_t *v = value_of(L, r, depth + 1);
  if (v && (name ? json_object_set_new(to, name, v) : json_array_append_new(to, v)))
    wrong(r, "the name is not UTF-8");
  leave(r, before);
}

/* How many keys of which kind the table on top has. */
struct keys {
  size_t named, numbered, odd;
  lua_Integer last;
};

static struct keys keys_of(lua_State *L) {
  struct keys s = {0};
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    lua_Integer i = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    if (lua_type(L, -2) == LUA_TSTRING)
      s.named++;
    else if (i >= 1 && i <= ITEMS_MAX)
      s.numbered++;
    else
      s.odd++;
    if (i > s.last) s.last = i;
  }
  return s;
}

static json_t *list_of(lua_State *L, struct reading *r, const struct keys *s, int depth) {
  json_t *list = json_array();
  for (lua_Integer i = 1; list && i <= s->last; i++) {
    if (lua_rawgeti(L, -1, i) != LUA_TNIL) add(L, r, list, NULL, depth);
    lua_pop(L, 1);
  }
  return list;
}

static json_t *table_of(lua_State *L, struct reading *r, int depth) {
  struct keys s = keys_of(L);
  if (depth >= DEPTH_MAX || s.named > ITEMS_MAX || !lua_checkstack(L, 8))
    return wrong(r, "tables too deep or too large");
  if (s.odd) return wrong(r, "keys are names, or places in a list");
  if (s.numbered && !s.named) return list_of(L, r, &s, depth);
  if (s.numbered && s.last != 1) return wrong(r, "a list and named values in one table");
  json_t *object = json_object();
  for (lua_pushnil(L); object && lua_next(L, -2); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? cg_lua_text(L, -2) : "";
    if (!name) name = "\xff"; /* holds NUL: no name, as what is not UTF-8 */
    add(L, r, object, name, depth);
  }
  return object;
}

static json_t *number_of(lua_State *L) {
  int whole;
  lua_Integer i = lua_tointegerx(L, -1, &whole);
  return whole ? json_integer(i) : json_real(lua_tonumber(L, -1));
}

/* The value on top. */
static json_t *value_of(lua_State *L, struct reading *r, int depth) {
  size_t n;
  const char *text;
  json_t *v;
  switch (lua_type(L, -1)) {
  case LUA_TTABLE: return table_of(L, r, depth);
  case LUA_TBOOLEAN: return json_boolean(lua_toboolean(L, -1));
  case LUA_TNUMBER: v = number_of(L); break;
  case LUA_TSTRING:
    text = lua_tolstring(L, -1, &n);
    v = json_stringn(text, n);
    break;
  default: v = NULL;
  }
  return v ? v : wrong(r, "is neither text, number, boolean nor table, or not UTF-8");
}

/* ---- all together ---- */

static int run(lua_State *L) {
  struct reading *r = lua_touserdata(L, 1);
  cg_sandbox_open(L, &sandbox);
  cg_sandbox_load(L, "conf", r->in->source, r->in->n);
  lua_call(L, 0, 1);
  if (lua_istable(L, -1))
    r->root = value_of(L, r, 0);
  else
    wrong(r, "the file must return a table");
  return 0;
}

/* "conf:12: words" -> ":12" and the words. */
static void tell(struct reading *r, const char *message, bool too_long) {
  size_t digits = strncmp(message, "conf:", 5) ? 0 : strspn(message + 5, "0123456789");
  char where[24] = "";
  if (digits && message[5 + digits] == ':') {
    snprintf(where, sizeof where, ":%.*s", (int)digits, message + 5);
    message += 5 + digits + 1;
    message += strspn(message, " ");
  }
  if (too_long) message = "the file runs too long";
  cg_field_error(r->errs, r->arena, where, "%s", message);
}

static void run_limited(struct reading *r) {
  struct cg_meter meter = {.limits = &limits};
  struct cg_err err;
  if (!cg_state_open(&r->state, limits.memory_bytes))
    wrong(r, "no memory");
  else if (!cg_meter_call(&r->state, &meter, run, r, &err))
    tell(r, err.text, meter.instructions > limits.instructions);
  cg_state_close(&r->state);
}

json_t *cg_conf_lua_run(const struct cg_conf_lua *in, struct cg_conf_asked *asked,
                        struct cg_arena *arena, struct cg_field_errors *errs) {
  size_t before = errs->n;
  struct reading r = {.in = in, .asked = asked, .arena = arena, .errs = errs};
  run_limited(&r);
  if (errs->n == before) return r.root;
  json_decref(r.root);
  return NULL;
}
