/* The step "token": what opens the room, for no longer than the lease may live. */
#include "grant/step.h"
#include "grant/token_life.h"

static void minted(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct cg_grant *g = arg;
  const struct cgp_room_token *t = result;
  if (code != CGP_OK) {
    cg_step_fail_call(g, "room", code, text);
    return;
  }
  g->out.token = cg_arena_strdup(g->walk.arena, t->token);
  g->out.url = cg_arena_strdup(g->walk.arena, t->url);
  g->out.token_expires_us = t->expires_at_us;
  if (g->out.token && g->out.url)
    cg_step_done(g);
  else
    cg_step_no_memory(g);
}

void cg_step_token(struct cg_grant *g) {
  struct cgp_room_token_request r = {.room = g->out.room,
                                     .identity = g->walk.lease->id,
                                     .name = g->walk.lease->name,
                                     .ttl_s = cg_token_life_s(g)};
  cg_room_token(g->walk.home->drivers, &r, minted, g);
}
