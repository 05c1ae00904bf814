/* User tokens before their signature: what parses has a header, claims and a signature
 * inside its bounds; what does not has words. */
#include <stdint.h>
#include <string.h>

#include "auth/jwt.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct cg_jwt_rules rules = {"issuer", "audience", 30};
  struct cg_jwt jwt;
  struct cg_err err = {0};
  if (!cg_jwt_parse((const char *)data, size, &jwt, &err)) {
    CG_CHECK(err.code != CG_OK && err.text[0]);
    return 0;
  }
  CG_CHECK(size <= CG_TOKEN_MAX && jwt.signed_n < size && data[jwt.signed_n] == '.');
  CG_CHECK(jwt.signature_n <= CG_JWT_SIGNATURE_MAX && jwt.alg);
  CG_CHECK(json_is_object(jwt.header) && json_is_object(jwt.claims));
  int64_t until = 0;
  const int64_t now = INT64_C(1767225600000000);
  if (cg_jwt_check_claims(jwt.claims, &rules, now, &until, &err))
    CG_CHECK(until > now);
  else
    CG_CHECK(err.code != CG_OK && err.text[0]);
  cg_jwt_done(&jwt);
  return 0;
}
