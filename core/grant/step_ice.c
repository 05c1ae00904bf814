/* The step "ice": TURN credentials that live as long as the token. */
#include "base/buf.h"
#include "grant/step.h"
#include "grant/token_life.h"

#define ICE_MAX 16384 /* bytes of JSON */

static void write_server(struct cg_buf *b, const struct cgp_ice_server *s) {
  cg_json_open(b, NULL, '{');
  cg_json_open(b, "urls", '[');
  for (size_t i = 0; i < s->n_urls; i++) cg_json_str(b, NULL, s->urls[i]);
  cg_json_close(b, ']');
  if (s->username) {
    cg_json_str(b, "username", s->username);
    cg_json_str(b, "credential", s->credential);
  }
  cg_json_int(b, "ttl_s", s->ttl_s);
  cg_json_close(b, '}');
}

static void issued(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct cg_grant *g = arg;
  const struct cgp_ice_servers *servers = result;
  if (code != CGP_OK) {
    cg_step_fail_call(g, "ice", code, text);
    return;
  }
  struct cg_buf b;
  cg_buf_init(&b, ICE_MAX);
  cg_json_open(&b, NULL, '[');
  for (size_t i = 0; i < servers->n; i++) write_server(&b, CGP_AT(servers->servers, i));
  cg_json_close(&b, ']');
  g->out.ice = cg_buf_ok(&b) ? cg_arena_strdup(g->walk.arena, cg_buf_text(&b)) : NULL;
  cg_buf_done(&b);
  if (g->out.ice)
    cg_step_done(g);
  else
    cg_step_no_memory(g);
}

void cg_step_ice(struct cg_grant *g) {
  struct cgp_ice_request r = {.lease_id = g->walk.lease->id, .ttl_s = cg_token_life_s(g)};
  cg_ice_issue(g->walk.home->drivers, &r, issued, g);
}
