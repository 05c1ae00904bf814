#include "check.h"

#include <string.h>

static bool name_ok(const char *name) {
  size_t n = strnlen(name, CHECK_NAME_MAX + 1);
  return n > 0 && n <= CHECK_NAME_MAX;
}

static const char *check_scopes(const struct cgp_scope *scopes, size_t n) {
  if (n > CHECK_SCOPES_MAX) return "more than 32 scopes";
  for (size_t i = 0; i < n; i++) {
    const char *name = CGP_AT(scopes, i)->name;
    if (!name_ok(name)) return "a scope's name is not 1 to 255 bytes long";
    for (size_t j = 0; j < i; j++)
      if (strcmp(name, CGP_AT(scopes, j)->name) == 0) return "a scope is named twice";
  }
  return NULL;
}

const char *check_reserve(const struct cgp_quota_reserve *req) {
  if (!name_ok(req->lease_id)) return "the lease id is not 1 to 255 bytes long";
  if (req->n_ladder == 0 || req->n_ladder > CHECK_LADDER_MAX)
    return "the ladder has not 1 to 16 rungs";
  if (req->ttl_ms == 0) return "the time to live is 0";
  return check_scopes(req->scopes, req->n_scopes);
}

const char *check_hold(const struct cgp_quota_hold *hold) {
  if (!name_ok(hold->lease_id)) return "the lease id is not 1 to 255 bytes long";
  if (hold->ttl_ms == 0) return "the time to live is 0";
  return check_scopes(hold->scopes, hold->n_scopes);
}
