#include "plugin/result.h"

#include <string.h>

#include "base/check.h"

#define SERVERS_MAX 64 /* and URLs of one */
#define TAGS_MAX    4096

static const char missing[] = "there is no result";

static bool all_there(const char *const *texts, size_t n) {
  if (n > 0 && !texts) return false;
  for (size_t i = 0; i < n; i++)
    if (!texts[i]) return false;
  return true;
}

const char *cg_result_any(const void *result) {
  (void)result;
  return NULL;
}

const char *cg_result_there(const void *result) {
  return result ? NULL : missing;
}

const char *cg_result_camera(const void *result) {
  const struct cgp_camera *c = result;
  if (!c) return missing;
  if (c->size < sizeof *c) return "the camera is shorter than the ABI's";
  const char *const texts[] = {c->id, c->name, c->site, c->attributes};
  if (!all_there(texts, CG_COUNT(texts))) return "a text of the camera is missing";
  if (c->n_tags > TAGS_MAX || !all_there(c->tags, c->n_tags))
    return "the camera's tags are not there";
  return NULL;
}

const char *cg_result_cameras(const void *result) {
  const struct cgp_camera_list *l = result;
  if (!l) return missing;
  if (l->n > 0 && !l->cameras) return "the cameras are not there";
  for (size_t i = 0; i < l->n; i++) {
    const char *odd = cg_result_camera(l->cameras[i]);
    if (odd) return odd;
  }
  return NULL;
}

const char *cg_result_verdict(const void *result) {
  const struct cgp_quota_verdict *v = result;
  if (!v) return missing;
  return v->granted || v->scope ? NULL : "refused, but no scope is named";
}

const char *cg_result_token(const void *result) {
  const struct cgp_room_token *t = result;
  if (!t) return missing;
  if (!t->token || !*t->token || !t->url) return "token or url is missing";
  return t->expires_at_us > 0 ? NULL : "the token never held";
}

static const char *server_odd(const struct cgp_ice_server *s) {
  if (s->n_urls > SERVERS_MAX || !all_there(s->urls, s->n_urls))
    return "the URLs of a server are not there";
  return !s->username == !s->credential ? NULL : "half a credential";
}

const char *cg_result_servers(const void *result) {
  const struct cgp_ice_servers *all = result;
  if (!all) return missing;
  if (all->n > SERVERS_MAX || (all->n > 0 && !all->servers))
    return "the servers are not there";
  for (size_t i = 0; i < all->n; i++) {
    const char *odd = server_odd(&all->servers[i]);
    if (odd) return odd;
  }
  return NULL;
}

const char *cg_result_appended(const void *result) {
  const struct cgp_audit_appended *a = result;
  if (!a) return missing;
  return a->seq > 0 ? NULL : "the row has no number";
}

static bool row_whole(const struct cgp_audit_row *r) {
  const char *const texts[] = {
      r->kind,    r->lease_id,    r->request_id, r->subject,
      r->camera,  r->decision_id, r->quality,    r->quality_requested,
      r->outcome, r->reason,      r->rule,       r->policy_revision,
      r->facts,   r->client_addr, r->id,         r->time,
      r->node,    r->prev,        r->hash};
  return r->size >= sizeof *r && all_there(texts, CG_COUNT(texts));
}

const char *cg_result_rows(const void *result) {
  const struct cgp_audit_rows *all = result;
  if (!all) return missing;
  if (all->n > 0 && !all->rows) return "the rows are not there";
  for (size_t i = 0; i < all->n; i++)
    if (!row_whole(&all->rows[i])) return "a row is not whole";
  return NULL;
}

const char *cg_result_reply(const void *result) {
  const struct cgp_http_reply *r = result;
  if (!r) return missing;
  if (r->status < 200 || r->status > 599) return "that is no final status";
  return r->body || r->body_len == 0 ? NULL : "the body is not there";
}
