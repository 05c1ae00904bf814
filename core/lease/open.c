#include "lease/open.h"

#include "lease/clock_watch.h"
#include "lease/end.h"
#include "lease/gap.h"
#include "lease/presence.h"
#include "lease/rooms.h"
#include "lease/tally.h"

bool cg_service_open(struct cg_service *g, struct cg_err *err) {
  g->leases = cg_leases_new((size_t)g->conf->leases_max);
  g->endings = cg_endings_new(g);
  g->tally = cg_tally_new(g);
  g->gaps = cg_gaps_new(g);
  g->rooms = cg_rooms_new();
  g->presence = g->rooms ? cg_presence_new(g) : NULL;
  if (g->leases && g->endings && g->tally && g->gaps && g->presence) return true;
  cg_service_close(g);
  return cg_fail(err, CG_E_MEMORY, "no memory for the lease table");
}

void cg_service_close(struct cg_service *g) {
  cg_timer_stop(&g->sweep);
  cg_clock_watch_free(g->clock_watch);
  cg_gaps_free(g->gaps);
  cg_tally_free(g->tally);
  cg_endings_free(g->endings);
  cg_presence_free(g->presence);
  cg_rooms_free(g->rooms);
  cg_leases_free(g->leases);
  g->clock_watch = NULL;
  g->gaps = NULL;
  g->tally = NULL;
  g->endings = NULL;
  g->presence = NULL;
  g->rooms = NULL;
  g->leases = NULL;
}
