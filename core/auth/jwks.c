#include "auth/jwks.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#include "auth/b64url.h"
#include "base/check.h"
#include "base/schema.h"

#define KID_MAX      256
#define NUMBER_MAX   (CG_RSA_BITS_MAX / 8 + 1)
#define COORDINATE   32
#define EXPONENT_MAX 33 /* bits; a larger one only costs time */

static bool refuse(struct cg_err *err, const char *why) {
  return cg_fail(err, CG_E_INVALID, "%s", why);
}

/* A member that is bytes in base64url; 0: it is not. */
static size_t bytes_of(const json_t *jwk, const char *name, unsigned char *out,
                       size_t max) {
  const json_t *v = json_object_get(jwk, name);
  size_t n;
  if (!json_is_string(v) ||
      !cg_b64url_decode(json_string_value(v), json_string_length(v), out, max, &n))
    return 0;
  return n;
}

/* ---- kinds ---- */

static EVP_PKEY *from_params(const char *kind, OSSL_PARAM *params) {
  EVP_PKEY_CTX *ctx = params ? EVP_PKEY_CTX_new_from_name(NULL, kind, NULL) : NULL;
  EVP_PKEY *pkey = NULL;
  if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
  EVP_PKEY_CTX_free(ctx);
  ERR_clear_error();
  return pkey;
}

static EVP_PKEY *rsa_from(const BIGNUM *n, const BIGNUM *e) {
  OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
  OSSL_PARAM *params = NULL;
  if (build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
      OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
    params = OSSL_PARAM_BLD_to_param(build);
  EVP_PKEY *pkey = from_params("RSA", params);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(build);
  return pkey;
}

static EVP_PKEY *read_rsa(const json_t *jwk) {
  unsigned char bytes[NUMBER_MAX];
  size_t n_len = bytes_of(jwk, "n", bytes, sizeof bytes);
  BIGNUM *n = BN_bin2bn(bytes, (int)n_len, NULL);
  size_t e_len = bytes_of(jwk, "e", bytes, sizeof bytes);
  BIGNUM *e = BN_bin2bn(bytes, (int)e_len, NULL);
  /* with 1, or an even number, anybody could sign */
  bool sound = n && e && BN_is_odd(n) && BN_is_odd(e) && !BN_is_one(e) &&
               BN_num_bits(e) <= EXPONENT_MAX;
  EVP_PKEY *pkey = sound ? rsa_from(n, e) : NULL;
  BN_free(n);
  BN_free(e);
  return pkey;
}

static EVP_PKEY *read_ec(const json_t *jwk) {
  unsigned char point[1 + 2 * COORDINATE] = {POINT_CONVERSION_UNCOMPRESSED};
  const char *curve = json_string_value(json_object_get(jwk, "crv"));
  if (!curve || strcmp(curve, "P-256") ||
      bytes_of(jwk, "x", point + 1, COORDINATE) != COORDINATE ||
      bytes_of(jwk, "y", point + 1 + COORDINATE, COORDINATE) != COORDINATE)
    return NULL;
  char group[] = "prime256v1";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
      OSSL_PARAM_construct_end()};
  return from_params("EC", params);
}

static const struct {
  const char *kty, *broken;
  EVP_PKEY *(*read)(const json_t *jwk);
} kinds[] = {
    {"RSA", "an RSA key whose n or e is broken", read_rsa},
    {"EC", "an EC key that is not a point on P-256", read_ec},
};

/* ---- one member ---- */

static bool is(const json_t *v, const char *text) {
  return json_is_string(v) && !strcmp(json_string_value(v), text);
}

static bool may_verify(const json_t *ops) {
  if (!ops) return true;
  for (size_t i = 0; i < json_array_size(ops); i++)
    if (is(json_array_get(ops, i), "verify")) return true;
  return false;
}

static bool has_private_half(const json_t *jwk) {
  static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth"};
  for (size_t i = 0; i < CG_COUNT(names); i++)
    if (json_object_get(jwk, names[i])) return true;
  return false;
}

/* What it says of itself. */
static bool is_for_us(const json_t *jwk, struct cg_err *err) {
  const json_t *use = json_object_get(jwk, "use"), *kid = json_object_get(jwk, "kid"),
               *alg = json_object_get(jwk, "alg");
  if (!json_is_object(jwk)) return refuse(err, "a member that is no object");
  if (is(json_object_get(jwk, "kty"), "oct"))
    return refuse(err, "a secret (kty oct), which has no place in a key set");
  if (has_private_half(jwk)) return refuse(err, "a key with its private half");
  if (use && !is(use, "sig")) return refuse(err, "a key whose use is not sig");
  if (!may_verify(json_object_get(jwk, "key_ops")))
    return refuse(err, "a key whose key_ops do not hold verify");
  if (alg && !json_is_string(alg)) return refuse(err, "a key whose alg is no string");
  if (kid && (!json_is_string(kid) || json_string_length(kid) > KID_MAX))
    return refuse(err, "a key whose kid is not a string of at most 256 bytes");
  return true;
}

static EVP_PKEY *read_key(const json_t *jwk, struct cg_err *err) {
  for (size_t i = 0; i < CG_COUNT(kinds); i++) {
    if (!is(json_object_get(jwk, "kty"), kinds[i].kty)) continue;
    EVP_PKEY *pkey = kinds[i].read(jwk);
    if (!pkey) refuse(err, kinds[i].broken);
    return pkey;
  }
  refuse(err, "a key whose kty is neither RSA nor EC");
  return NULL;
}

static bool add_member(struct cg_keys *keys, const json_t *jwk, struct cg_err *err) {
  EVP_PKEY *pkey = is_for_us(jwk, err) ? read_key(jwk, err) : NULL;
  const char *kid = json_string_value(json_object_get(jwk, "kid")),
             *alg = json_string_value(json_object_get(jwk, "alg"));
  bool ok = pkey && cg_keys_add_pkey(keys, kid, alg, pkey, err);
  EVP_PKEY_free(pkey);
  return ok;
}

/* ---- the set ---- */

static bool add_all(struct cg_keys *keys, const json_t *members, struct cg_err *err) {
  struct cg_err first = {0}, why = {0};
  size_t n = json_array_size(members);
  if (!json_is_array(members)) return refuse(err, "the key set has no list \"keys\"");
  if (n > CG_KEYS_MAX)
    return cg_fail(err, CG_E_INVALID, "the key set has %zu keys, more than %d", n,
                   CG_KEYS_MAX);
  for (size_t i = 0; i < n; i++) {
    if (add_member(keys, json_array_get(members, i), &why)) continue;
    if (why.code == CG_E_MEMORY) return cg_fail(err, CG_E_MEMORY, "%s", why.text);
    if (first.code == CG_OK) first = why;
  }
  if (cg_keys_count(keys)) return true;
  return cg_fail(err, CG_E_INVALID, "the key set has no key for this gate%s%s",
                 n ? ", but " : ": it is empty", first.text);
}

struct cg_keys *cg_jwks_read(const char *text, size_t n, struct cg_err *err) {
  if (n > CG_JWKS_MAX) {
    cg_fail(err, CG_E_INVALID, "the key set is larger than 256 KiB");
    return NULL;
  }
  struct cg_err why = {0};
  json_t *set = cg_json_parse(text, n, &why);
  struct cg_keys *keys = set ? cg_keys_new(true, err) : NULL;
  if (!set)
    cg_fail(err, why.code == CG_E_MEMORY ? CG_E_MEMORY : CG_E_INVALID,
            "the key set is not JSON: %s", why.text);
  bool ok = keys && add_all(keys, json_object_get(set, "keys"), err);
  json_decref(set);
  if (ok) return keys;
  cg_keys_free(keys);
  return NULL;
}
