/* holding.h - what the quota is asked to hold for a lease: which scopes, and how long. */
#ifndef CG_LEASE_HOLDING_H
#define CG_LEASE_HOLDING_H

#include "lease/service.h"

/* Seconds until a holding that nobody renews lapses: a beat more than the lease. */
static inline int64_t cg_holding_s(const struct cg_lease_conf *conf) {
  return conf->lapse_s + conf->beat_s;
}

static inline uint32_t cg_holding_ms(const struct cg_lease_conf *conf) {
  return (uint32_t)cg_holding_s(conf) * 1000;
}

/* out: room for n; borrows the names. */
static inline void cg_holding_scopes(struct cgp_scope *out,
                                     const struct cg_scope_ask *scopes, size_t n) {
  for (size_t i = 0; i < n; i++)
    out[i] = CGP_MAKE(cgp_scope, .name = scopes[i].name, .limit = scopes[i].limit,
                      .weighted = scopes[i].weighted);
}

/* Borrows the holding's name and the scopes. */
static inline struct cgp_quota_hold cg_holding_of(const struct cg_lease_conf *conf,
                                                  const char *holding, int tier,
                                                  const struct cgp_scope *scopes,
                                                  size_t n) {
  return CGP_MAKE(cgp_quota_hold, .lease_id = holding, .scopes = scopes, .n_scopes = n,
                  .kbps = conf->tiers.items[tier].kbps, .ttl_ms = cg_holding_ms(conf));
}

#endif
