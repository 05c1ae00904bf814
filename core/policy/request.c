#include "policy/request.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "policy/set.h"

enum part { REQ, SUBJECT, CAMERA, TIME, LEASE, PARTS };

struct view {
  struct cg_run *run;
};

struct field {
  const char *name;
  void (*push)(lua_State *L, struct cg_run *r);
};

static const char metatable_keys[PARTS];

static struct cg_run *alive(lua_State *L, struct cg_run *r) {
  if (cg_state_of(L)->life != &r->life) luaL_error(L, "this req is of another decision");
  return r;
}

/* The run of the view at index 1, which must be of that part. */
static struct cg_run *view_of(lua_State *L, enum part part) {
  if (lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1)) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_keys[part]);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (same) return alive(L, ((struct view *)lua_touserdata(L, 1))->run);
  }
  luaL_error(L, "use a colon: req.subject:has_role(...), req.time:between(...)");
  return NULL;
}

static void push_strings(lua_State *L, const struct cg_strings *list) {
  cg_meter_charge(L, list->n);
  lua_createtable(L, (int)list->n, 0);
  for (size_t i = 0; i < list->n; i++) {
    lua_pushstring(L, list->items[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

static int has_one(lua_State *L, const struct cg_strings *list) {
  lua_pushboolean(L, cg_strings_has(list, luaL_checkstring(L, 2)));
  return 1;
}

/* ---- subject ---- */

static int has_role(lua_State *L) {
  return has_one(L, &view_of(L, SUBJECT)->ask->subject->roles);
}

static int has_site(lua_State *L) {
  return has_one(L, &view_of(L, SUBJECT)->ask->subject->sites);
}

static void subject_id(lua_State *L, struct cg_run *r) {
  lua_pushstring(L, r->ask->subject->id);
}

static void subject_name(lua_State *L, struct cg_run *r) {
  lua_pushstring(L, r->ask->subject->name);
}

static void subject_ip(lua_State *L, struct cg_run *r) {
  lua_pushstring(L, r->ask->subject->ip);
}

static void subject_roles(lua_State *L, struct cg_run *r) {
  push_strings(L, &r->ask->subject->roles);
}

static void subject_sites(lua_State *L, struct cg_run *r) {
  push_strings(L, &r->ask->subject->sites);
}

static void subject_claims(lua_State *L, struct cg_run *r) {
  cg_view_json_push(L, &r->life, r->ask->subject->claims);
}

static void subject_has_role(lua_State *L, struct cg_run *r) {
  (void)r;
  lua_pushcfunction(L, has_role);
}

static void subject_has_site(lua_State *L, struct cg_run *r) {
  (void)r;
  lua_pushcfunction(L, has_site);
}

/* ---- camera ---- */

static int has_tag(lua_State *L) {
  return has_one(L, &view_of(L, CAMERA)->ask->camera->tags);
}

static void camera_id(lua_State *L, struct cg_run *r) {
  lua_pushstring(L, r->ask->camera->id);
}

static void camera_name(lua_State *L, struct cg_run *r) {
  lua_pushstring(L, r->ask->camera->name);
}

static void camera_site(lua_State *L, struct cg_run *r) {
  lua_pushstring(L, r->ask->camera->site);
}

static void camera_tags(lua_State *L, struct cg_run *r) {
  push_strings(L, &r->ask->camera->tags);
}

static void camera_level(lua_State *L, struct cg_run *r) {
  lua_pushinteger(L, r->ask->camera->level);
}

static void camera_attributes(lua_State *L, struct cg_run *r) {
  const char *text = r->ask->camera->attributes;
  if (!r->attributes && text && *text) {
    struct cg_err err;
    cg_meter_charge(L, strlen(text));
    r->attributes = cg_json_parse(text, strlen(text), &err);
    if (!r->attributes) luaL_error(L, "attributes of the camera: %s", err.text);
  }
  cg_view_json_push(L, &r->life, r->attributes);
}

static void camera_has_tag(lua_State *L, struct cg_run *r) {
  (void)r;
  lua_pushcfunction(L, has_tag);
}

/* ---- time ---- */

static const struct cg_minute *minute_of(lua_State *L, struct cg_run *r) {
  struct cg_minute *m = &r->policy->minute;
  time_t t = (time_t)(r->ask->now_us / 1000000);
  if (m->number == t / 60) return m;
  if (!localtime_r(&t, &m->tm)) luaL_error(L, "the time cannot be told");
  strftime(m->date, sizeof(m->date), "%Y-%m-%d", &m->tm);
  m->number = t / 60;
  return m;
}

/* "HH:MM" -> minutes of the day; 24:00 is its end. */
static int clock_minutes(lua_State *L, int index) {
  const char *s = luaL_checkstring(L, index);
  for (int i = 0; i < 5; i++)
    if (i == 2 ? s[i] != ':' : s[i] < '0' || s[i] > '9')
      return luaL_error(L, "a time of day is \"HH:MM\", not \"%s\"", s);
  int hour = (s[0] - '0') * 10 + s[1] - '0', minute = (s[3] - '0') * 10 + s[4] - '0';
  if (s[5] || minute > 59 || hour * 60 + minute > 24 * 60)
    return luaL_error(L, "a time of day is \"HH:MM\", not \"%s\"", s);
  return hour * 60 + minute;
}

/* from <= now < to; from > to: across midnight. */
static int between(lua_State *L) {
  const struct cg_minute *m = minute_of(L, view_of(L, TIME));
  int from = clock_minutes(L, 2), to = clock_minutes(L, 3);
  int now = m->tm.tm_hour * 60 + m->tm.tm_min;
  bool inside = from <= to ? from <= now && now < to : from <= now || now < to;
  lua_pushboolean(L, inside);
  return 1;
}

static void time_hour(lua_State *L, struct cg_run *r) {
  lua_pushinteger(L, minute_of(L, r)->tm.tm_hour);
}

static void time_minute(lua_State *L, struct cg_run *r) {
  lua_pushinteger(L, minute_of(L, r)->tm.tm_min);
}

static void time_weekday(lua_State *L, struct cg_run *r) {
  int sunday0 = minute_of(L, r)->tm.tm_wday;
  lua_pushinteger(L, sunday0 == 0 ? 7 : sunday0);
}

static void time_date(lua_State *L, struct cg_run *r) {
  lua_pushstring(L, minute_of(L, r)->date);
}

static void time_between(lua_State *L, struct cg_run *r) {
  (void)r;
  lua_pushcfunction(L, between);
}

/* ---- lease: what is held already, on a re-decision ---- */

static void lease_id(lua_State *L, struct cg_run *r) {
  lua_pushstring(L, r->ask->lease_id);
}

static void lease_quality(lua_State *L, struct cg_run *r) {
  lua_pushstring(L, r->ask->lease_quality);
}

static void lease_granted_at(lua_State *L, struct cg_run *r) {
  lua_pushinteger(L, r->ask->lease_granted_us / 1000000);
}

/* ---- req ---- */

static void push_part(lua_State *L, enum part part) {
  lua_getiuservalue(L, 1, (int)part);
}

static void req_subject(lua_State *L, struct cg_run *r) {
  (void)r;
  push_part(L, SUBJECT);
}

static void req_camera(lua_State *L, struct cg_run *r) {
  (void)r;
  push_part(L, CAMERA);
}

static void req_time(lua_State *L, struct cg_run *r) {
  (void)r;
  push_part(L, TIME);
}

static void req_lease(lua_State *L, struct cg_run *r) {
  if (r->ask->lease_id)
    push_part(L, LEASE);
  else
    lua_pushnil(L);
}

static void req_quality(lua_State *L, struct cg_run *r) {
  const char *name = cg_tier_name(cg_run_tiers(r), r->ask->quality);
  if (*name)
    lua_pushstring(L, name);
  else
    lua_pushnil(L);
}

static void req_purpose(lua_State *L, struct cg_run *r) {
  lua_pushstring(L, r->ask->purpose ? r->ask->purpose : "");
}

static void req_now(lua_State *L, struct cg_run *r) {
  lua_pushinteger(L, r->ask->now_us / 1000000);
}

static const struct field req_fields[] = {
    {"subject", req_subject}, {"camera", req_camera},
    {"time", req_time},       {"quality", req_quality},
    {"purpose", req_purpose}, {"lease", req_lease},
    {"now", req_now},         {NULL, NULL},
};
static const struct field subject_fields[] = {
    {"id", subject_id},
    {"has_role", subject_has_role},
    {"name", subject_name},
    {"has_site", subject_has_site},
    {"roles", subject_roles},
    {"sites", subject_sites},
    {"claims", subject_claims},
    {"ip", subject_ip},
    {NULL, NULL},
};
static const struct field camera_fields[] = {
    {"id", camera_id},
    {"has_tag", camera_has_tag},
    {"name", camera_name},
    {"site", camera_site},
    {"level", camera_level},
    {"tags", camera_tags},
    {"attributes", camera_attributes},
    {NULL, NULL},
};
static const struct field time_fields[] = {
    {"between", time_between}, {"hour", time_hour}, {"minute", time_minute},
    {"weekday", time_weekday}, {"date", time_date}, {NULL, NULL},
};
static const struct field lease_fields[] = {
    {"id", lease_id},
    {"quality", lease_quality},
    {"granted_at", lease_granted_at},
    {NULL, NULL},
};

static const struct {
  const char *name;
  const struct field *fields;
} parts[PARTS] = {
    [REQ] = {"req", req_fields},
    [SUBJECT] = {"req.subject", subject_fields},
    [CAMERA] = {"req.camera", camera_fields},
    [TIME] = {"req.time", time_fields},
    [LEASE] = {"req.lease", lease_fields},
};

/* __index; upvalue 1 = the part's number. */
static int view_index(lua_State *L) {
  struct cg_run *r = alive(L, ((struct view *)lua_touserdata(L, 1))->run);
  lua_Integer part = lua_tointeger(L, lua_upvalueindex(1));
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
  for (const struct field *f = parts[part].fields; f->name; f++)
    if (strcmp(f->name, key) == 0) {
      f->push(L, r);
      return 1;
    }
  return luaL_error(L, "%s has no '%s'", parts[part].name, key);
}

static int view_newindex(lua_State *L) {
  return luaL_error(L, "req is read-only");
}

void cg_request_open(lua_State *L) {
  for (int part = 0; part < PARTS; part++) {
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, part);
    lua_pushcclosure(L, view_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, view_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_keys[part]);
  }
}

static void push_view(lua_State *L, struct cg_run *r, enum part part, int values) {
  struct view *v = lua_newuserdatauv(L, sizeof(*v), values);
  v->run = r;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_keys[part]);
  lua_setmetatable(L, -2);
}

void cg_request_push(lua_State *L, struct cg_run *r) {
  push_view(L, r, REQ, PARTS - 1);
  for (int part = REQ + 1; part < PARTS; part++) {
    push_view(L, r, (enum part)part, 0);
    lua_setiuservalue(L, -2, part);
  }
}
