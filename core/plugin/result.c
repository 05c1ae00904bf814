#include "plugin/result.h"

#include <string.h>
#include <strings.h>

#include "base/bounds.h"
#include "base/check.h"
#include "plugin/columns.h"
#include "plugin/names.h"

#define SERVERS_MAX 64 /* and URLs of one */
#define TAGS_MAX    4096
#define FEEDS_MAX   64

#define HEADER_NAME_MAX  64
#define HEADER_VALUE_MAX 320

/* A struct that a later minor appends to keeps its first size: up to the first member
 * that was not there. */
#define FIRST(type)             ((uint32_t)sizeof(struct type))
#define FIRST_UP_TO(type, next) ((uint32_t)offsetof(struct type, next))

static bool all_there(const char *const *texts, size_t n) {
  if (n > 0 && !texts) return false;
  for (size_t i = 0; i < n; i++)
    if (!texts[i]) return false;
  return true;
}

/* ---- cameras ---- */

static bool feeds_whole(const struct cgp_camera *c) {
  if (c->n_feeds > FEEDS_MAX || (c->n_feeds > 0 && !c->feeds)) return false;
  for (size_t i = 0; i < c->n_feeds; i++) {
    const struct cgp_feed *f = CGP_AT(c->feeds, i);
    if (f->size < FIRST(cgp_feed) || !f->tier || !cg_tier_name_valid(f->tier) || !f->url)
      return false;
  }
  return true;
}

static const char *camera_odd(const void *result) {
  const struct cgp_camera *c = result;
  const char *const texts[] = {c->id, c->name, c->site, c->attributes};
  if (!all_there(texts, CG_COUNT(texts))) return "a text of the camera is missing";
  if (!cg_camera_id_valid(c->id)) return "that is no camera's id";
  if (strnlen(c->site, CG_SITE_MAX + 1) > CG_SITE_MAX)
    return "the camera's site is longer than 256 bytes";
  if (c->n_tags > TAGS_MAX || !all_there(c->tags, c->n_tags))
    return "the camera's tags are not there";
  return feeds_whole(c) ? NULL : "the camera's feeds are not there";
}

static const char *cameras_odd(const void *result) {
  const struct cgp_camera_list *l = result;
  if (l->n > 0 && !l->cameras) return "the cameras are not there";
  for (size_t i = 0; i < l->n; i++) {
    const struct cgp_camera *c = l->cameras[i];
    if (!c) return "a camera is not there";
    if (c->size < FIRST(cgp_camera)) return "a camera is shorter than the ABI's";
    const char *odd = camera_odd(c);
    if (odd) return odd;
  }
  return NULL;
}

/* ---- quota, room, ice ---- */

static const char *verdict_odd(const void *result) {
  const struct cgp_quota_verdict *v = result;
  if (v->n_holders > CGP_HOLDERS_MAX || !all_there(v->holders, v->n_holders))
    return "the holders are not there";
  return v->granted || v->scope ? NULL : "refused, but no scope is named";
}

static const char *token_odd(const void *result) {
  const struct cgp_room_token *t = result;
  if (!t->token || !*t->token || !t->url) return "token or url is missing";
  return t->expires_at_us > 0 ? NULL : "the token never held";
}

static const char *participants_odd(const void *result) {
  const struct cgp_participants *all = result;
  if (!all->room_sid) return "the room's sid is not there";
  if (all->n > 0 && !all->participants) return "the participants are not there";
  for (size_t i = 0; i < all->n; i++) {
    const struct cgp_participant *p = CGP_AT(all->participants, i);
    if (p->size < FIRST(cgp_participant))
      return "a participant is shorter than the ABI's";
    if (!p->identity || !p->sid) return "a text of a participant is missing";
  }
  return NULL;
}

static const char *server_odd(const struct cgp_ice_server *s) {
  if (s->size < FIRST(cgp_ice_server)) return "a server is shorter than the ABI's";
  if (s->n_urls > SERVERS_MAX || !all_there(s->urls, s->n_urls))
    return "the URLs of a server are not there";
  return !s->username == !s->credential ? NULL : "half a credential";
}

static const char *servers_odd(const void *result) {
  const struct cgp_ice_servers *all = result;
  if (all->n > SERVERS_MAX || (all->n > 0 && !all->servers))
    return "the servers are not there";
  for (size_t i = 0; i < all->n; i++) {
    const char *odd = server_odd(CGP_AT(all->servers, i));
    if (odd) return odd;
  }
  return NULL;
}

/* ---- audit ---- */

static const char *appended_odd(const void *result) {
  const struct cgp_audit_appended *a = result;
  return a->seq > 0 ? NULL : "the row has no number";
}

static bool row_whole(const struct cgp_audit_row *r) {
  if (r->size < FIRST(cgp_audit_row)) return false;
  for (const struct cg_column *c = cg_row_columns; c->name; c++)
    if (!cg_column_text(r, c)) return false;
  return true;
}

static const char *rows_odd(const void *result) {
  const struct cgp_audit_rows *all = result;
  if (all->n > 0 && !all->rows) return "the rows are not there";
  for (size_t i = 0; i < all->n; i++)
    if (!row_whole(CGP_AT(all->rows, i))) return "a row is not whole";
  return NULL;
}

static const char *audit_verdict_odd(const void *result) {
  const struct cgp_audit_verdict *v = result;
  return v->text ? NULL : "a verdict without words";
}

/* ---- routes and the rest ---- */

/* What the host says itself, or what is between it and the client alone. */
static const char *const not_the_plugins[] = {
    "Connection",  "Content-Length",     "Content-Type",     "Date",
    "Keep-Alive",  "Proxy-Authenticate", "Proxy-Connection", "TE",
    "Trailer",     "Transfer-Encoding",  "Upgrade",          "X-Content-Type-Options",
    "X-Request-Id"};

static bool token(const char *text, size_t max) {
  size_t n = strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  return n > 0 && n <= max && !text[n];
}

static bool one_line(const char *text, size_t max) {
  size_t n = strnlen(text, max + 1);
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) return false;
  return n <= max;
}

static const char *header_odd(const struct cgp_http_reply *r, size_t nth) {
  const struct cgp_header *h = CGP_AT(r->headers, nth);
  if (h->size < FIRST(cgp_header) || !h->name || !h->value) return "half a header";
  if (!token(h->name, HEADER_NAME_MAX)) return "a header's name is no token";
  if (!one_line(h->value, HEADER_VALUE_MAX))
    return "a header's value is not one line of at most 320 bytes";
  for (size_t i = 0; i < CG_COUNT(not_the_plugins); i++)
    if (!strcasecmp(not_the_plugins[i], h->name)) return "a header that is the host's";
  for (size_t i = 0; i < nth; i++)
    if (!strcasecmp(CGP_AT(r->headers, i)->name, h->name)) return "a header twice";
  return NULL;
}

static const char *reply_odd(const void *result) {
  const struct cgp_http_reply *r = result;
  if (r->status < 200 || r->status > 599) return "that is no final status";
  if (!r->body && r->body_len > 0) return "the body is not there";
  if (r->content_type && !one_line(r->content_type, HEADER_VALUE_MAX))
    return "the content type is not one line";
  if (r->n_headers > CGP_HEADERS_MAX) return "more headers than 6";
  if (r->n_headers > 0 && !r->headers) return "the headers are not there";
  const char *odd = NULL;
  for (size_t i = 0; i < r->n_headers && !odd; i++) odd = header_odd(r, i);
  return odd;
}

static const char *health_odd(const void *result) {
  const struct cgp_health *h = result;
  return h->text ? NULL : "a health without words";
}

const char *cg_room_event_read(const struct cgp_room_event *given,
                               struct cgp_room_event *ret) {
  if (!given || given->size < FIRST_UP_TO(cgp_room_event, room_sid))
    return "the event is shorter than the ABI's";
  *ret = (struct cgp_room_event){0};
  memcpy(ret, given, given->size < sizeof *ret ? given->size : sizeof *ret);
  ret->size = sizeof *ret;
  if (!ret->room_sid) ret->room_sid = "";
  const char *const texts[] = {ret->room, ret->identity, ret->sid};
  return all_there(texts, CG_COUNT(texts)) ? NULL : "a text of the event is missing";
}

static const char *fine(const void *result) {
  (void)result;
  return NULL;
}

#define KIND(name, type, odd, texts)                                                     \
  _Static_assert(sizeof(struct type) <= CG_RESULT_MAX, "CG_RESULT_MAX is too small");    \
  const struct cg_result_kind cg_result_##name = {FIRST(type), sizeof(struct type), odd, \
                                                  texts}

KIND(camera, cgp_camera, camera_odd, NULL);
KIND(cameras, cgp_camera_list, cameras_odd, NULL);
KIND(verdict, cgp_quota_verdict, verdict_odd, &cg_texts_verdict);
KIND(renewed, cgp_quota_renewed, fine, NULL);
KIND(usage, cgp_quota_usage, fine, NULL);
KIND(swept, cgp_quota_swept, fine, NULL);
KIND(token, cgp_room_token, token_odd, &cg_texts_token);
KIND(participants, cgp_participants, participants_odd, &cg_texts_participants);
KIND(servers, cgp_ice_servers, servers_odd, &cg_texts_servers);
KIND(appended, cgp_audit_appended, appended_odd, NULL);
KIND(rows, cgp_audit_rows, rows_odd, &cg_texts_rows);
KIND(audit_verdict, cgp_audit_verdict, audit_verdict_odd, &cg_texts_audit_verdict);
KIND(reply, cgp_http_reply, reply_odd, &cg_texts_reply);
KIND(health, cgp_health, health_odd, &cg_texts_health);
const struct cg_result_kind cg_result_none = {0, 0, fine, NULL};

const void *cg_result_read(const struct cg_result_kind *kind, const void *given,
                           char room[CG_RESULT_MAX], const char **ret_odd) {
  *ret_odd = NULL;
  if (kind->now == 0) return NULL;
  uint32_t size = 0;
  if (given) memcpy(&size, given, sizeof size);
  if (size < kind->first) {
    *ret_odd = given ? "it is shorter than the ABI's" : "there is no result";
    return NULL;
  }
  const void *read = given;
  if (size < kind->now) {
    memset(room, 0, CG_RESULT_MAX);
    read = memcpy(room, given, size);
  }
  *ret_odd = kind->odd(read);
  return *ret_odd ? NULL : read;
}
