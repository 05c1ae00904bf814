#include "lease/turning.h"

#define FRESH_US 1500000 /* the beat of a loop that turns is no older */

/* Its beat first: once it has beaten behind a gap, it says so when it regains. */
static enum cg_turning turning_of(const struct cg_service *peer, int64_t since_mono_us) {
  bool turns = cg_loop_beat_us(peer->loop) >= since_mono_us;
  if (atomic_load(&peer->regaining) || atomic_load(&peer->gap_nearby_us))
    return CG_ONE_REGAINS;
  return turns ? CG_ALL_TURN : CG_ONE_HANGS;
}

enum cg_turning cg_turning_since(const struct cg_service *g, int64_t since_mono_us) {
  enum cg_turning worst = CG_ALL_TURN;
  for (uint32_t i = 0; i < g->n_workers; i++) {
    enum cg_turning p = turning_of(g->peers[i], since_mono_us);
    if (p > worst) worst = p;
  }
  return worst;
}

bool cg_all_turn(const struct cg_service *g) {
  return cg_turning_since(g, cg_service_mono(g) - FRESH_US) == CG_ALL_TURN;
}
