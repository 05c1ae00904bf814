/* The steps room, token and ice: what a client joins with. */
#include <string.h>

#include "base/buf.h"
#include "grant/step.h"

/* A beat needs room and token only when they changed. */
static bool settled(const struct cg_grant *g) {
  return g->op == CG_HEARTBEAT && !g->changed;
}

static void ensured(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct cg_grant *g = arg;
  (void)result;
  if (code != CGP_OK) {
    cg_step_fail_call(g, "room", code, text);
    return;
  }
  g->lease->room_gone = false; /* what closes it from now on is news */
  cg_step_done(g);
}

void cg_step_room(struct cg_grant *g) {
  if (settled(g)) {
    cg_step_done(g);
    return;
  }
  if (!g->room) g->room = cg_arena_strdup(g->arena, g->lease->room);
  if (g->room)
    cg_room_ensure(g->home->drivers, g->room, ensured, g);
  else
    cg_step_no_memory(g);
}

static uint32_t token_ttl_s(const struct cg_grant *g) {
  int64_t left = (g->ends_us - cg_service_now(g->home)) / 1000000;
  int64_t ttl = left < g->home->conf->token_s ? left : g->home->conf->token_s;
  return ttl > 0 ? (uint32_t)ttl : 1;
}

static void minted(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct cg_grant *g = arg;
  const struct cgp_room_token *t = result;
  if (code != CGP_OK) {
    cg_step_fail_call(g, "room", code, text);
    return;
  }
  g->token = cg_arena_strdup(g->arena, t->token);
  g->url = cg_arena_strdup(g->arena, t->url);
  g->token_expires_us = t->expires_at_us;
  if (g->token && g->url)
    cg_step_done(g);
  else
    cg_step_no_memory(g);
}

void cg_step_token(struct cg_grant *g) {
  if (settled(g)) {
    cg_step_done(g);
    return;
  }
  struct cgp_room_token_request r = {.room = g->room,
                                     .identity = g->lease->id,
                                     .name = g->lease->name,
                                     .ttl_s = token_ttl_s(g)};
  cg_room_token(g->home->drivers, &r, minted, g);
}

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
  cg_buf_init(&b, 16384);
  cg_json_open(&b, NULL, '[');
  for (size_t i = 0; i < servers->n; i++) write_server(&b, CGP_AT(servers->servers, i));
  cg_json_close(&b, ']');
  g->ice = cg_buf_ok(&b) ? cg_arena_strdup(g->arena, cg_buf_text(&b)) : NULL;
  cg_buf_done(&b);
  if (g->ice)
    cg_step_done(g);
  else
    cg_step_no_memory(g);
}

void cg_step_ice(struct cg_grant *g) {
  if (settled(g)) {
    cg_step_done(g);
    return;
  }
  struct cgp_ice_request r = {.lease_id = g->lease->id, .ttl_s = token_ttl_s(g)};
  cg_ice_issue(g->home->drivers, &r, issued, g);
}
