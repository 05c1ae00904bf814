/* The checks of exp, nbf, iat, iss and aud. */
#include <string.h>

#include "auth/jwt.h"

#define SECOND INT64_C(1000000)
#define LAST_S INT64_C(253402300799) /* the end of 9999 */

struct time_claim {
  bool there;
  int64_t us;
};

/* NumericDate, RFC 7519, section 2: a number, fractions allowed. */
static bool read_time(const json_t *claims, const char *name, struct time_claim *ret,
                      struct cg_err *err) {
  const json_t *v = json_object_get(claims, name);
  *ret = (struct time_claim){.there = v != NULL};
  if (!v) return true;
  if (!json_is_number(v))
    return cg_fail(err, CG_E_UNAUTHENTICATED, "the token's %s is not a number", name);
  double s = json_number_value(v);
  if (!(s >= 0 && s <= (double)LAST_S))
    return cg_fail(err, CG_E_UNAUTHENTICATED,
                   "the token's %s is not in seconds since 1970 (at most year 9999)",
                   name);
  ret->us = json_is_integer(v) ? json_integer_value(v) * SECOND : (int64_t)(s * 1e6);
  return true;
}

static bool check_times(const json_t *claims, int64_t leeway_us, int64_t now,
                        int64_t *ret_until_us, struct cg_err *err) {
  struct time_claim exp, nbf, iat;
  if (!read_time(claims, "exp", &exp, err) || !read_time(claims, "nbf", &nbf, err) ||
      !read_time(claims, "iat", &iat, err))
    return false;
  if (!exp.there) return cg_fail(err, CG_E_UNAUTHENTICATED, "the token has no exp");
  if (now >= exp.us + leeway_us)
    return cg_fail(err, CG_E_UNAUTHENTICATED, "the token has expired");
  if (nbf.there && now < nbf.us - leeway_us)
    return cg_fail(err, CG_E_UNAUTHENTICATED, "the token is not valid yet (nbf)");
  if (iat.there && now < iat.us - leeway_us)
    return cg_fail(err, CG_E_UNAUTHENTICATED, "the token was issued in the future (iat)");
  *ret_until_us = exp.us + leeway_us;
  return true;
}

static bool check_issuer(const json_t *claims, const char *issuer, struct cg_err *err) {
  const json_t *iss = json_object_get(claims, "iss");
  if (iss && !json_is_string(iss))
    return cg_fail(err, CG_E_UNAUTHENTICATED, "the token's iss is not a string");
  if (!issuer || (iss && !strcmp(json_string_value(iss), issuer))) return true;
  return cg_fail(err, CG_E_UNAUTHENTICATED, "the token is from another issuer (iss)");
}

static bool check_audience(const json_t *claims, const char *audience,
                           struct cg_err *err) {
  const json_t *aud = json_object_get(claims, "aud");
  bool list = json_is_array(aud), found = !audience;
  size_t n = list ? json_array_size(aud) : aud ? 1 : 0;
  for (size_t i = 0; i < n; i++) {
    const json_t *v = list ? json_array_get(aud, i) : aud;
    if (!json_is_string(v))
      return cg_fail(err, CG_E_UNAUTHENTICATED,
                     "the token's aud is neither a string nor an array of strings");
    found = found || !strcmp(json_string_value(v), audience);
  }
  if (found) return true;
  return cg_fail(err, CG_E_UNAUTHENTICATED, "the token is for another audience (aud)");
}

bool cg_jwt_check_claims(const json_t *claims, const struct cg_jwt_rules *rules,
                         int64_t now_wall_us, int64_t *ret_until_us, struct cg_err *err) {
  return check_times(claims, rules->leeway_s * SECOND, now_wall_us, ret_until_us, err) &&
         check_issuer(claims, rules->issuer, err) &&
         check_audience(claims, rules->audience, err);
}
