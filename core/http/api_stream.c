/* The calls about leases: reserve, heartbeat, release, token, leases. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "grant/list.h"
#include "http/api.h"

static const struct cg_grant_conf *conf_of(const struct cg_exchange *x) {
  return cg_api_of(x)->grants->conf;
}

/* ---- what a grant gives ---- */

static void write_access(struct cg_buf *b, const struct cg_grant *g) {
  cg_json_str(b, "room", g->room);
  cg_json_str(b, "livekit_url", g->url);
  cg_json_str(b, "token", g->token);
  cg_json_time(b, "token_expires_at", g->token_expires_us);
  cg_json_raw(b, "ice_servers", g->ice);
}

static void write_clocks(struct cg_buf *b, const struct cg_exchange *x,
                         const struct cg_grant *g) {
  cg_json_time(b, "expires_at", g->expires_us);
  cg_json_time(b, "ends_at", g->ends_us);
  cg_json_int(b, "heartbeat_after_s", conf_of(x)->beat_s);
}

static const char *tier_name(const struct cg_exchange *x, int tier) {
  return cg_tier_name(&conf_of(x)->tiers, tier);
}

/* ---- reserve ---- */

struct reserve_body {
  const char *camera_id, *quality, *purpose;
  int64_t ttl_s;
  struct cg_strings replace;
};

static const struct cg_field reserve_fields[] = {
    {.name = "camera_id",
     .type = CG_STRING,
     .required = true,
     .min = 1,
     .max = CG_CAMERA_ID_MAX,
     .offset = offsetof(struct reserve_body, camera_id),
     .help = "The camera."},
    {.name = "quality",
     .type = CG_STRING,
     .min = 1,
     .max = 31,
     .offset = offsetof(struct reserve_body, quality),
     .help = "The tier wanted; the best allowed when absent."},
    {.name = "purpose",
     .type = CG_STRING,
     .max = 200,
     .offset = offsetof(struct reserve_body, purpose),
     .help = "Why, for policies and the trail."},
    {.name = "ttl_s",
     .type = CG_INT,
     .min = 1,
     .max = 86400 * 366,
     .offset = offsetof(struct reserve_body, ttl_s),
     .help = "Seconds after which the lease ends whatever happens."},
    {.name = "replace",
     .type = CG_STRINGS,
     .max = CG_REPLACE_MAX,
     .offset = offsetof(struct reserve_body, replace),
     .help = "Leases of the caller's that give way to this one."},
    {.name = NULL},
};

static bool valid_camera_id(const char *id) {
  static const char first[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  static const char rest[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  size_t n = strlen(id);
  return n > 0 && n <= CG_CAMERA_ID_MAX && strspn(id, first) > 0 && strspn(id, rest) == n;
}

/* What the table cannot say.  false: answered. */
static bool meaning_holds(struct cg_exchange *x, const char *camera, const char *quality,
                          const struct cg_strings *replace,
                          struct cg_field_errors *errs) {
  if (!valid_camera_id(camera))
    cg_field_error(errs, x->arena, "/camera_id",
                   "must match [A-Za-z0-9][A-Za-z0-9_-]{0,62}");
  if (quality && cg_tier_find(&conf_of(x)->tiers, quality) == CG_TIER_NONE)
    cg_field_error(errs, x->arena, "/quality", "there is no quality \"%s\"", quality);
  for (size_t i = 0; i < replace->n; i++) {
    char at[32];
    snprintf(at, sizeof at, "/replace/%zu", i);
    if (!cg_id_valid(replace->items[i]))
      cg_field_error(errs, x->arena, at, "is not a lease id");
  }
  if (errs->n == 0) return true;
  struct cg_err err;
  cg_fail(&err, CG_E_INVALID, "the body has %zu invalid member%s", errs->n,
          errs->n == 1 ? "" : "s");
  cg_exchange_problem(x, &(struct cg_problem){.err = &err, .errors = errs});
  return false;
}

static void write_reserved(struct cg_buf *b, const struct cg_exchange *x,
                           const struct cg_grant *g) {
  cg_json_open(b, NULL, '{');
  cg_json_str(b, "lease_id", g->lease_id);
  cg_json_str(b, "camera_id", g->camera_id);
  cg_json_str(b, "quality", tier_name(x, g->tier));
  cg_json_str(b, "quality_requested",
              g->in.quality == CG_TIER_NONE ? NULL : tier_name(x, g->in.quality));
  cg_json_open(b, "why", '[');
  for (size_t i = 0; i < g->why.n; i++) cg_json_str(b, NULL, g->why.items[i]);
  cg_json_close(b, ']');
  cg_json_str(b, "decision_id", *g->decision_id ? g->decision_id : NULL);
  write_clocks(b, x, g);
  write_access(b, g);
  cg_json_close(b, '}');
}

static void reserved(void *arg, struct cg_grant *g) {
  struct cg_exchange *x = arg;
  if (g->err.code != CG_OK) {
    cg_api_refuse(x, g);
    return;
  }
  if (!cg_exchange_alive(x)) cg_grant_abandon(g);
  char location[64];
  snprintf(location, sizeof location, "/api/v1/stream/leases?lease_id=%s", g->lease_id);
  cg_exchange_set_header(x, "Location", location);
  struct cg_buf *b = cg_api_out(x);
  write_reserved(b, x, g);
  cg_api_send(x, 201, b);
}

static bool valid_key(const char *key) {
  size_t n = strlen(key);
  if (n == 0 || n > 128) return false;
  for (; *key; key++)
    if (*key < 0x21 || *key > 0x7e) return false;
  return true;
}

static void reserve(struct cg_exchange *x) {
  struct reserve_body body = {.purpose = ""};
  struct cg_field_errors errs = {.n = 0};
  struct cg_grant *g = cg_api_grant(x, CG_RESERVE);
  if (!g || !cg_exchange_body(x, reserve_fields, &body, &errs) ||
      !meaning_holds(x, body.camera_id, body.quality, &body.replace, &errs))
    return;
  const char *key = cg_exchange_header(x, "Idempotency-Key");
  if (key && !valid_key(key)) {
    cg_exchange_failf(x, CG_E_MALFORMED,
                      "Idempotency-Key must be 1 to 128 visible ASCII characters");
    return;
  }
  g->in.camera = body.camera_id;
  g->in.purpose = body.purpose;
  g->in.ttl_s = body.ttl_s;
  g->in.replace = body.replace;
  if (key) g->in.key = key;
  if (body.quality) g->in.quality = cg_tier_find(&conf_of(x)->tiers, body.quality);
  cg_grant_start(cg_api_of(x)->grants, g, reserved, x);
}

/* ---- heartbeat, release, token ---- */

/* false: answered; an id that was never one is nobody's lease. */
static bool lease_named(struct cg_exchange *x, struct cg_grant *g) {
  if (cg_id_valid(x->param)) {
    g->in.lease_id = x->param;
    return true;
  }
  cg_exchange_failf(x, CG_E_NOT_FOUND, "you have no lease of this id");
  return false;
}

static void beaten(void *arg, struct cg_grant *g) {
  struct cg_exchange *x = arg;
  if (g->err.code != CG_OK) {
    cg_api_refuse(x, g);
    return;
  }
  struct cg_buf *b = cg_api_out(x);
  cg_json_open(b, NULL, '{');
  cg_json_str(b, "lease_id", g->lease_id);
  cg_json_str(b, "quality", tier_name(x, g->tier));
  write_clocks(b, x, g);
  if (g->changed) write_access(b, g);
  cg_json_close(b, '}');
  cg_api_send(x, 200, b);
}

static void heartbeat(struct cg_exchange *x) {
  struct cg_grant *g = cg_api_grant(x, CG_HEARTBEAT);
  if (g && lease_named(x, g)) cg_grant_start(cg_api_of(x)->grants, g, beaten, x);
}

static void released(void *arg, struct cg_grant *g) {
  struct cg_exchange *x = arg;
  if (g->err.code != CG_OK)
    cg_api_refuse(x, g);
  else
    cg_exchange_reply(x, 204, NULL, NULL, 0);
}

static void release(struct cg_exchange *x) {
  struct cg_grant *g = cg_api_grant(x, CG_RELEASE);
  if (g && lease_named(x, g)) cg_grant_start(cg_api_of(x)->grants, g, released, x);
}

static void tokened(void *arg, struct cg_grant *g) {
  struct cg_exchange *x = arg;
  if (g->err.code != CG_OK) {
    cg_api_refuse(x, g);
    return;
  }
  struct cg_buf *b = cg_api_out(x);
  cg_json_open(b, NULL, '{');
  cg_json_str(b, "lease_id", g->lease_id);
  cg_json_str(b, "camera_id", g->camera_id);
  cg_json_str(b, "quality", tier_name(x, g->tier));
  write_clocks(b, x, g);
  write_access(b, g);
  cg_json_close(b, '}');
  cg_api_send(x, 200, b);
}

static void token(struct cg_exchange *x) {
  struct cg_grant *g = cg_api_grant(x, CG_TOKEN);
  if (!g) return;
  if (!valid_camera_id(x->param)) {
    cg_exchange_failf(x, CG_E_NOT_FOUND, "you have no live lease on this camera");
    return;
  }
  g->in.camera = x->param;
  cg_grant_start(cg_api_of(x)->grants, g, tokened, x);
}

/* ---- leases ---- */

static void listed(void *arg, const struct cg_err *err, const char *json, size_t n) {
  struct cg_exchange *x = arg;
  if (err)
    cg_exchange_fail(x, err);
  else
    cg_exchange_reply(x, 200, "application/json", json, n);
}

static bool filter_of(struct cg_exchange *x, struct cg_lease_filter *f) {
  const char *const names[] = {"subject", "camera", "lease_id"};
  char *const to[] = {f->subject, f->camera, f->lease_id};
  const size_t room[] = {sizeof f->subject, sizeof f->camera, sizeof f->lease_id};
  for (size_t i = 0; i < CG_COUNT(names); i++) {
    const char *value = cg_exchange_query(x, names[i]);
    if (value && strlen(value) >= room[i]) {
      cg_exchange_failf(x, CG_E_MALFORMED, "%s is too long", names[i]);
      return false;
    }
    snprintf(to[i], room[i], "%s", value ? value : "");
  }
  if (!*f->lease_id || cg_id_valid(f->lease_id)) return true;
  cg_exchange_failf(x, CG_E_MALFORMED, "lease_id is not a lease id");
  return false;
}

static void leases(struct cg_exchange *x) {
  static const char *const known[] = {"subject", "camera", "lease_id", NULL};
  struct cg_caller caller;
  struct cg_lease_filter f;
  if (!cg_api_caller(x, NULL, &caller)) return;
  if (cg_api_known_query(x, known) && filter_of(x, &f)) {
    if (!cg_subject_has_role(&caller.subject, "admin"))
      snprintf(f.subject, sizeof f.subject, "%s", caller.subject.id);
    cg_list_leases(cg_api_of(x)->grants, &f, listed, x);
  }
  cg_identity_unref(caller.identity);
}

const struct cg_route cg_api_stream_routes[] = {
    {"POST", "/api/v1/stream/reserve", reserve, CG_ROUTE_BODY},
    {"POST", "/api/v1/stream/heartbeat/{id}", heartbeat, 0},
    {"DELETE", "/api/v1/stream/release/{id}", release, 0},
    {"GET", "/api/v1/stream/token/{camera}", token, 0},
    {"GET", "/api/v1/stream/leases", leases, 0},
    {NULL, NULL, NULL, 0},
};
