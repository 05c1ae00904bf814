/* token_life.h - how long what opens a room may be good. */
#ifndef CG_GRANT_TOKEN_LIFE_H
#define CG_GRANT_TOKEN_LIFE_H

#include "grant/grant.h"

/* Seconds, 1 at least: as configured, never past the lease's hard end. */
static inline uint32_t cg_token_life_s(const struct cg_grant *g) {
  int64_t left = (g->out.ends_mono_us - cg_service_mono(g->walk.home)) / 1000000;
  int64_t most = g->walk.home->conf->token_s;
  int64_t life = left < most ? left : most;
  return life > 0 ? (uint32_t)life : 1;
}

#endif
