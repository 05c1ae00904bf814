#include "plugin/names.h"

#include <string.h>

#include "base/bounds.h"

_Static_assert(CGP_CAMERA_ID_MAX == CG_CAMERA_ID_MAX &&
                   CGP_TIER_MAX == CG_TIER_NAME_MAX &&
                   CGP_SCOPE_MAX == CG_SCOPE_NAME_MAX && CGP_SCOPES_MAX == CG_SCOPES_MAX,
               "the ABI's bounds are those of the table");

static bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_word(const char *text, size_t max) {
  size_t n = 0;
  for (; text[n] && n <= max; n++)
    if (!is_alphanumeric(text[n]) && (n == 0 || (text[n] != '_' && text[n] != '-')))
      return false;
  return n > 0 && n <= max;
}

bool cg_camera_id_valid(const char *id) {
  return is_word(id, CGP_CAMERA_ID_MAX);
}

bool cg_tier_name_valid(const char *name) {
  return is_word(name, CGP_TIER_MAX);
}

bool cg_scope_name_valid(const char *name) {
  size_t n = strnlen(name, CGP_SCOPE_MAX + 1);
  return n > 0 && n <= CGP_SCOPE_MAX;
}

static const char *lease_odd(const char *id) {
  return is_word(id, CGP_LEASE_ID_MAX) ? NULL : "that is no lease id";
}

static const char *scopes_odd(const struct cgp_scope *scopes, size_t n) {
  if (n > CGP_SCOPES_MAX) return "more than 32 scopes";
  for (size_t i = 0; i < n; i++) {
    const char *name = CGP_AT(scopes, i)->name;
    if (!cg_scope_name_valid(name)) return "a scope's name is not 1 to 384 bytes long";
    for (size_t j = 0; j < i; j++)
      if (strcmp(name, CGP_AT(scopes, j)->name) == 0) return "a scope is named twice";
  }
  return NULL;
}

const char *cg_reserve_odd(const struct cgp_quota_reserve *req) {
  if (req->n_ladder == 0 || req->n_ladder > CGP_LADDER_MAX)
    return "the ladder has not 1 to 16 rungs";
  if (req->ttl_ms == 0) return "the time to live is 0";
  const char *odd = lease_odd(req->lease_id);
  return odd ? odd : scopes_odd(req->scopes, req->n_scopes);
}

const char *cg_hold_odd(const struct cgp_quota_hold *hold) {
  if (hold->ttl_ms == 0) return "the time to live is 0";
  const char *odd = lease_odd(hold->lease_id);
  return odd ? odd : scopes_odd(hold->scopes, hold->n_scopes);
}

const char *cg_lease_ids_odd(const char *const *ids, size_t n) {
  const char *odd = n > 0 ? NULL : "no lease is named";
  for (size_t i = 0; i < n && !odd; i++) odd = lease_odd(ids[i]);
  return odd;
}
