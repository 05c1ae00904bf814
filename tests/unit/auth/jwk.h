/* jwk.h - the test's keys as an issuer would publish them. */
#ifndef TEST_AUTH_JWK_H
#define TEST_AUTH_JWK_H

#include "auth/tokens.h"

#include <openssl/core_names.h>

/* A number of the key in base64url; EC coordinates have 32 bytes. */
static inline void jwk_number(EVP_PKEY *key, const char *name, bool padded, char *out) {
  BIGNUM *n = NULL;
  unsigned char bytes[1024];
  assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
  int len = padded ? BN_bn2binpad(n, bytes, 32) : BN_bn2bin(n, bytes);
  add_b64(out, 0, bytes, (size_t)len);
  BN_free(n);
}

/* more: further members, each after a comma. */
static inline const char *jwk_of(EVP_PKEY *key, const char *more, char *out,
                                 size_t size) {
  char a[1400], b[1400];
  int n;
  if (EVP_PKEY_is_a(key, "RSA")) {
    jwk_number(key, OSSL_PKEY_PARAM_RSA_N, false, a);
    jwk_number(key, OSSL_PKEY_PARAM_RSA_E, false, b);
    n = snprintf(out, size, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}", a, b, more);
  } else {
    jwk_number(key, OSSL_PKEY_PARAM_EC_PUB_X, true, a);
    jwk_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, true, b);
    n = snprintf(out, size,
                 "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"%s}", a, b,
                 more);
  }
  assert_in_range(n, 1, size - 1);
  return out;
}

#endif
