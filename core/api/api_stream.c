/* The calls about leases: reserve, heartbeat, release, token, leases. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "base/check.h"
#include "grant/listing.h"

static const struct cg_lease_conf *conf_of(const struct cg_exchange *x) {
  return cg_api_of(x)->service->conf;
}

/* ---- what a grant gives ---- */

static void write_access(struct cg_buf *b, const struct cg_grant *g) {
  cg_json_str(b, "room", g->out.room);
  cg_json_str(b, "livekit_url", g->out.url);
  cg_json_str(b, "token", g->out.token);
  cg_json_time(b, "token_expires_at", g->out.token_expires_us);
  cg_json_raw(b, "ice_servers", g->out.ice);
}

static void write_clocks(struct cg_buf *b, const struct cg_exchange *x,
                         const struct cg_grant *g) {
  const struct cg_service *s = cg_api_of(x)->service;
  cg_json_time(b, "expires_at", cg_service_tell(s, g->out.expires_mono_us));
  cg_json_time(b, "ends_at", cg_service_tell(s, g->out.ends_mono_us));
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
     .max = CGP_CAMERA_ID_MAX,
     .offset = offsetof(struct reserve_body, camera_id),
     .help = "The camera."},
    {.name = "quality",
     .type = CG_STRING,
     .min = 1,
     .max = CGP_TIER_MAX,
     .offset = offsetof(struct reserve_body, quality),
     .help = "The tier wanted; the best allowed when absent."},
    {.name = "purpose",
     .type = CG_TEXT,
     .max = CG_PURPOSE_CHARACTERS,
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

static void write_reserved(struct cg_buf *b, const struct cg_exchange *x,
                           const struct cg_grant *g) {
  cg_json_open(b, NULL, '{');
  cg_json_str(b, "lease_id", g->out.lease_id);
  cg_json_str(b, "camera_id", g->out.camera_id);
  cg_json_str(b, "quality", tier_name(x, g->out.tier));
  cg_json_str(b, "quality_requested",
              g->in.quality == CG_TIER_NONE ? NULL : tier_name(x, g->in.quality));
  cg_json_open(b, "why", '[');
  for (size_t i = 0; i < g->out.why.n; i++) cg_json_str(b, NULL, g->out.why.items[i]);
  cg_json_close(b, ']');
  cg_json_str(b, "decision_id", *g->out.decision_id ? g->out.decision_id : NULL);
  write_clocks(b, x, g);
  write_access(b, g);
  cg_json_close(b, '}');
}

static void reserved(void *arg, struct cg_grant *g) {
  struct cg_exchange *x = arg;
  if (g->out.err.code != CG_OK) {
    cg_api_refuse(x, g);
    return;
  }
  if (!cg_exchange_alive(x)) cg_grant_abandon(g);
  char location[64];
  snprintf(location, sizeof location, "/api/v1/stream/leases?lease_id=%s",
           g->out.lease_id);
  cg_exchange_set_header(x, "Location", location);
  if (!*g->out.decision_id) cg_exchange_set_header(x, "Idempotent-Replayed", "true");
  struct cg_buf *b = cg_api_out(x);
  write_reserved(b, x, g);
  cg_api_send(x, 201, b);
}

static bool valid_key(const char *key) {
  size_t n = strlen(key);
  if (n == 0 || n > CG_KEY_MAX) return false;
  for (; *key; key++)
    if (*key < 0x21 || *key > 0x7e) return false;
  return true;
}

static void reserve(struct cg_exchange *x) {
  struct reserve_body body = {.purpose = ""};
  struct cg_field_errors errs = {.n = 0};
  struct cg_grant *g = cg_api_grant(x, CG_RESERVE);
  if (!g || !cg_exchange_body(x, reserve_fields, &body, &errs) ||
      !cg_api_meaning(x, body.camera_id, body.quality, body.replace, &errs))
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
  cg_grant_start(cg_api_of(x)->service, g, reserved, x);
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
  if (g->out.err.code != CG_OK) {
    cg_api_refuse(x, g);
    return;
  }
  struct cg_buf *b = cg_api_out(x);
  cg_json_open(b, NULL, '{');
  cg_json_str(b, "lease_id", g->out.lease_id);
  cg_json_str(b, "quality", tier_name(x, g->out.tier));
  write_clocks(b, x, g);
  if (g->out.moved) write_access(b, g);
  cg_json_close(b, '}');
  cg_api_send(x, 200, b);
}

static void heartbeat(struct cg_exchange *x) {
  struct cg_grant *g = cg_api_grant(x, CG_HEARTBEAT);
  if (g && lease_named(x, g)) cg_grant_start(cg_api_of(x)->service, g, beaten, x);
}

static void released(void *arg, struct cg_grant *g) {
  struct cg_exchange *x = arg;
  if (g->out.err.code != CG_OK)
    cg_api_refuse(x, g);
  else
    cg_exchange_reply(x, 204, NULL, NULL, 0);
}

static void release(struct cg_exchange *x) {
  struct cg_grant *g = cg_api_grant(x, CG_RELEASE);
  if (g && lease_named(x, g)) cg_grant_start(cg_api_of(x)->service, g, released, x);
}

static void tokened(void *arg, struct cg_grant *g) {
  struct cg_exchange *x = arg;
  if (g->out.err.code != CG_OK) {
    cg_api_refuse(x, g);
    return;
  }
  struct cg_buf *b = cg_api_out(x);
  cg_json_open(b, NULL, '{');
  cg_json_str(b, "lease_id", g->out.lease_id);
  cg_json_str(b, "camera_id", g->out.camera_id);
  cg_json_str(b, "quality", tier_name(x, g->out.tier));
  write_clocks(b, x, g);
  write_access(b, g);
  cg_json_close(b, '}');
  cg_api_send(x, 200, b);
}

static void token(struct cg_exchange *x) {
  struct cg_grant *g = cg_api_grant(x, CG_TOKEN);
  if (!g) return;
  if (!cg_camera_id_valid(x->param)) {
    cg_exchange_failf(x, CG_E_NOT_FOUND, "you have no live lease on this camera");
    return;
  }
  g->in.camera = x->param;
  cg_grant_start(cg_api_of(x)->service, g, tokened, x);
}

/* ---- leases ---- */

static void listed(void *arg, const struct cg_err *err, const char *json, size_t n) {
  struct cg_exchange *x = arg;
  if (err)
    cg_exchange_fail(x, err);
  else
    cg_exchange_reply(x, 200, "application/json", json, n);
}

static void copy_query(const struct cg_exchange *x, const char *name, char *to,
                       size_t room) {
  const char *value = cg_exchange_query(x, name);
  snprintf(to, room, "%s", value ? value : "");
}

/* Whose leases: an admin's question is about all, or the subject named.  false:
 * answered. */
static bool subject_of(struct cg_exchange *x, const struct cg_subject *caller,
                       struct cg_lease_filter *f) {
  const char *named = cg_exchange_query(x, "subject");
  bool admin = cg_strings_has(&caller->roles, "admin");
  const char *who = admin ? named ? named : "" : caller->id;
  if (!admin && named && *named && strcmp(named, who) != 0) {
    cg_exchange_failf(x, CG_E_DENIED,
                      "the leases of others are for callers with the role admin");
    return false;
  }
  if (strlen(who) >= sizeof f->subject) { /* nobody is called so */
    cg_exchange_reply(x, 200, "application/json", "{\"leases\":[]}", 13);
    return false;
  }
  memcpy(f->subject, who, strlen(who) + 1);
  return true;
}

static void leases(struct cg_exchange *x) {
  static const char *const known[] = {"subject", "camera", "lease_id", NULL};
  struct cg_caller caller;
  struct cg_lease_filter f;
  if (!cg_api_caller(x, NULL, &caller)) return;
  if (cg_api_known_query(x, known) && subject_of(x, &caller.subject, &f)) {
    copy_query(x, "camera", f.camera, sizeof f.camera);
    copy_query(x, "lease_id", f.lease_id, sizeof f.lease_id);
    cg_list_leases(cg_api_of(x)->service, &f, listed, x);
  }
  cg_identity_unref(caller.identity);
}

const struct cg_route cg_api_stream_routes[] = {
    {"POST", "/api/v1/stream/reserve", reserve, CG_ROUTE_BODY},
    {"POST", "/api/v1/stream/heartbeat/{id}", heartbeat, CG_ROUTE_KEEPS},
    {"DELETE", "/api/v1/stream/release/{id}", release, CG_ROUTE_KEEPS},
    {"GET", "/api/v1/stream/token/{camera}", token, 0},
    {"GET", "/api/v1/stream/leases", leases, 0},
    {NULL, NULL, NULL, 0},
};
