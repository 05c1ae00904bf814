#include "policy/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/civil.h"
#include "lua/args.h"
#include "policy/set.h"

/* Members that are computed at each use; a method's upvalue is the run. */
struct field {
  const char *name;
  void (*push)(lua_State *L, struct cg_run *r);
};

static struct cg_run *alive(lua_State *L, struct cg_run *r) {
  if (cg_state_of(L)->life != &r->life) luaL_error(L, "this req is of another decision");
  return r;
}

/* The run of the method that is called, whose first argument must be its view. */
static struct cg_run *run_of(lua_State *L, enum cg_view view) {
  struct cg_run *r = lua_touserdata(L, lua_upvalueindex(1));
  if (lua_touserdata(L, 1) != r->views[view])
    luaL_error(L, "use a colon: req.subject:has_role(...), req.time:between(...)");
  return alive(L, r);
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
  cg_lua_at_most(L, 2);
  lua_pushboolean(L, cg_strings_has(list, cg_lua_check_text(L, 2)));
  return 1;
}

/* ---- subject ---- */

static int has_role(lua_State *L) {
  return has_one(L, &run_of(L, CG_VIEW_SUBJECT)->ask->subject->roles);
}

static int has_site(lua_State *L) {
  return has_one(L, &run_of(L, CG_VIEW_SUBJECT)->ask->subject->sites);
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

/* ---- camera ---- */

static int has_tag(lua_State *L) {
  return has_one(L, &run_of(L, CG_VIEW_CAMERA)->ask->camera->tags);
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

/* ---- time ---- */

static struct cg_shown *shown_at(const struct cg_run *r) {
  struct cg_shown *s = &r->policy->shown;
  int64_t second = cg_seconds_of(r->ask->now_us);
  const struct cg_zone *zone = r->zone;
  if (s->zone == zone && s->second == second) return s;
  s->zone = zone;
  s->second = second;
  cg_zone_local(zone, second, &s->local);
  s->date[0] = '\0';
  return s;
}

/* "HH:MM" -> minutes of the day; 24:00 is its end. */
static int clock_minutes(lua_State *L, int index) {
  const char *s = cg_lua_check_text(L, index);
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
  const struct cg_local *l = &shown_at(run_of(L, CG_VIEW_TIME))->local;
  cg_lua_at_most(L, 3);
  int from = clock_minutes(L, 2), to = clock_minutes(L, 3);
  int now = l->hour * 60 + l->minute;
  bool inside = from <= to ? from <= now && now < to : from <= now || now < to;
  lua_pushboolean(L, inside);
  return 1;
}

/* So that an answer ends when clocks there show it next, whatever happens to them. */
static int seconds_until(lua_State *L) {
  const struct cg_run *r = run_of(L, CG_VIEW_TIME);
  cg_lua_at_most(L, 2);
  int64_t now = cg_seconds_of(r->ask->now_us);
  lua_pushinteger(L, cg_zone_next(r->zone, now, clock_minutes(L, 2) * 60) - now);
  return 1;
}

static void time_hour(lua_State *L, struct cg_run *r) {
  lua_pushinteger(L, shown_at(r)->local.hour);
}

static void time_minute(lua_State *L, struct cg_run *r) {
  lua_pushinteger(L, shown_at(r)->local.minute);
}

static void time_weekday(lua_State *L, struct cg_run *r) {
  lua_pushinteger(L, shown_at(r)->local.weekday);
}

static void time_date(lua_State *L, struct cg_run *r) {
  struct cg_shown *s = shown_at(r);
  if (!s->date[0])
    snprintf(s->date, sizeof s->date, "%04" PRId64 "-%02d-%02d", s->local.year,
             s->local.month, s->local.day);
  lua_pushstring(L, s->date);
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

static void req_lease(lua_State *L, struct cg_run *r) {
  if (r->ask->lease_id)
    lua_pushvalue(L, lua_upvalueindex(3));
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
    {"quality", req_quality},
    {"purpose", req_purpose},
    {"lease", req_lease},
    {"now", req_now},
    {NULL, NULL},
};
static const struct field subject_fields[] = {
    {"id", subject_id},
    {"name", subject_name},
    {"roles", subject_roles},
    {"sites", subject_sites},
    {"claims", subject_claims},
    {"ip", subject_ip},
    {NULL, NULL},
};
static const luaL_Reg subject_methods[] = {
    {"has_role", has_role}, {"has_site", has_site}, {NULL, NULL}};
static const struct field camera_fields[] = {
    {"id", camera_id},     {"name", camera_name},
    {"site", camera_site}, {"level", camera_level},
    {"tags", camera_tags}, {"attributes", camera_attributes},
    {NULL, NULL},
};
static const luaL_Reg camera_methods[] = {{"has_tag", has_tag}, {NULL, NULL}};
static const struct field time_fields[] = {
    {"hour", time_hour},
    {"minute", time_minute},
    {"weekday", time_weekday},
    {"date", time_date},
    {NULL, NULL},
};
static const luaL_Reg time_methods[] = {
    {"between", between}, {"seconds_until", seconds_until}, {NULL, NULL}};
static const struct field lease_fields[] = {
    {"id", lease_id},
    {"quality", lease_quality},
    {"granted_at", lease_granted_at},
    {NULL, NULL},
};
static const luaL_Reg no_methods[] = {{NULL, NULL}};

static const struct {
  const char *name, *member; /* member: of req */
  const struct field *fields;
  const luaL_Reg *methods;
} views[CG_VIEWS] = {
    [CG_VIEW_SUBJECT] = {"req.subject", "subject", subject_fields, subject_methods},
    [CG_VIEW_CAMERA] = {"req.camera", "camera", camera_fields, camera_methods},
    [CG_VIEW_TIME] = {"req.time", "time", time_fields, time_methods},
    [CG_VIEW_LEASE] = {"req.lease", NULL, lease_fields, no_methods},
    [CG_VIEW_REQ] = {"req", NULL, req_fields, no_methods},
};

/* __index of a view's constants, for all else; upvalues: the run, the view's number, of
 * req the lease's view. */
static int view_index(lua_State *L) {
  struct cg_run *r = alive(L, lua_touserdata(L, lua_upvalueindex(1)));
  lua_Integer view = lua_tointeger(L, lua_upvalueindex(2));
  const char *text = cg_lua_text(L, 2), *key = text ? text : "?";
  for (const struct field *f = views[view].fields; f->name; f++)
    if (strcmp(f->name, key) == 0) {
      f->push(L, r);
      return 1;
    }
  return luaL_error(L, "%s has no '%s'", views[view].name, key);
}

static int view_newindex(lua_State *L) {
  return luaL_error(L, "req is read-only");
}

/* The table on top, of constants, becomes a view: what it lacks is computed. */
static void make_view(lua_State *L, struct cg_run *r, enum cg_view view) {
  int constants = lua_gettop(L);
  lua_createtable(L, 0, 1);
  lua_pushlightuserdata(L, r);
  lua_pushinteger(L, view);
  if (view == CG_VIEW_REQ)
    lua_pushvalue(L, constants - 1);
  else
    lua_pushnil(L);
  lua_pushcclosure(L, view_index, 3);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, constants);

  r->views[view] = lua_newuserdatauv(L, 1, 0);
  lua_createtable(L, 0, 2);
  lua_pushvalue(L, constants);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, view_newindex);
  lua_setfield(L, -2, "__newindex");
  lua_setmetatable(L, -2);
  lua_replace(L, constants);
}

static void push_part(lua_State *L, struct cg_run *r, enum cg_view view) {
  lua_createtable(L, 0, 2);
  lua_pushlightuserdata(L, r);
  luaL_setfuncs(L, views[view].methods, 1);
  make_view(L, r, view);
}

void cg_request_push(lua_State *L, struct cg_run *r) {
  push_part(L, r, CG_VIEW_LEASE);
  lua_createtable(L, 0, 3);
  for (int view = 0; view < CG_VIEW_LEASE; view++) {
    push_part(L, r, (enum cg_view)view);
    lua_setfield(L, -2, views[view].member);
  }
  make_view(L, r, CG_VIEW_REQ);
  lua_remove(L, -2);
}
