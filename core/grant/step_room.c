/* The step "room": it is open when somebody gets a token for it. */
#include "grant/step.h"

static void ensured(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct cg_grant *g = arg;
  (void)result;
  if (code != CGP_OK) {
    cg_step_fail_call(g, "room", code, text);
    return;
  }
  g->walk.lease->room_gone = false; /* what closes it from now on is news */
  g->walk.lease->ensured =
      (struct cg_moment){cg_service_wall(g->walk.home), cg_service_mono(g->walk.home)};
  cg_step_done(g);
}

void cg_step_room(struct cg_grant *g) {
  if (!g->out.room) g->out.room = cg_arena_strdup(g->walk.arena, g->walk.lease->room);
  if (g->out.room)
    cg_room_ensure(g->walk.home->drivers, g->out.room, &g->in.trace, ensured, g);
  else
    cg_step_no_memory(g);
}
