#include "auth/keys.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/mem.h"

#define DIGEST_N     32
#define P256_N       32
#define P256_DER_MAX 72

struct cg_key {
  const char *alg;
  char *kid;
  struct cg_keys *keys;
  EVP_MAC_CTX *mac;    /* HS256: keyed */
  EVP_PKEY_CTX *check; /* RS256, ES256: ready for EVP_PKEY_verify */
  size_t signature_n;
  bool ec;
};

struct cg_keys {
  EVP_MD *sha256;
  EVP_MD_CTX *digest;
  EVP_MAC *hmac;
  bool published;
  size_t n;
  struct cg_key items[CG_KEYS_MAX];
};

struct cg_keys *cg_keys_new(bool published, struct cg_err *err) {
  struct cg_keys *keys = cg_alloc(sizeof *keys);
  if (keys) {
    keys->published = published;
    keys->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    keys->digest = EVP_MD_CTX_new();
    keys->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (keys->sha256 && keys->digest && keys->hmac) return keys;
  }
  cg_keys_free(keys);
  cg_fail(err, CG_E_MEMORY, "cannot set up cryptography (memory)");
  return NULL;
}

static void key_done(struct cg_key *key) {
  EVP_MAC_CTX_free(key->mac);
  EVP_PKEY_CTX_free(key->check);
  cg_free(key->kid);
}

void cg_keys_free(struct cg_keys *keys) {
  if (!keys) return;
  for (size_t i = 0; i < keys->n; i++) key_done(&keys->items[i]);
  EVP_MD_free(keys->sha256);
  EVP_MD_CTX_free(keys->digest);
  EVP_MAC_free(keys->hmac);
  cg_free(keys);
}

static bool add(struct cg_keys *keys, struct cg_key key, const char *kid,
                struct cg_err *err) {
  key.keys = keys;
  key.kid = kid ? cg_strdup(kid) : NULL;
  if (kid && !key.kid) {
    key_done(&key);
    return cg_fail(err, CG_E_MEMORY, "no memory for a key");
  }
  keys->items[keys->n++] = key;
  return true;
}

bool cg_keys_add_secret(struct cg_keys *keys, const char *kid, const char *secret,
                        struct cg_err *err) {
  size_t n = strlen(secret);
  if (keys->n == CG_KEYS_MAX)
    return cg_fail(err, CG_E_INVALID, "more than %d keys", CG_KEYS_MAX);
  if (n < CG_SECRET_MIN)
    return cg_fail(err, CG_E_INVALID, "the secret for HS256 has %zu bytes, needs %d", n,
                   CG_SECRET_MIN);
  if (strstr(secret, "-----BEGIN"))
    return cg_fail(err, CG_E_INVALID,
                   "the secret for HS256 is a PEM, which is no secret");
  char digest[] = "SHA256";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  struct cg_key key = {.alg = "HS256", .signature_n = DIGEST_N};
  key.mac = EVP_MAC_CTX_new(keys->hmac);
  if (key.mac && EVP_MAC_init(key.mac, (const unsigned char *)secret, n, params) == 1)
    return add(keys, key, kid, err);
  key_done(&key);
  return cg_fail(err, CG_E_MEMORY, "no memory for a key");
}

/* Each has a line before it and one behind. */
static bool holds_several(const char *pem) {
  static const char line[] = "PUBLIC KEY-----";
  size_t lines = 0;
  for (const char *at = pem; (at = strstr(at, line)); at += sizeof line - 1) lines++;
  return lines > 2;
}

static EVP_PKEY *read_pem(const char *pem, struct cg_err *err) {
  if (strstr(pem, "PRIVATE KEY-----")) {
    cg_fail(err, CG_E_INVALID, "the PEM holds a private key; give the public one");
    return NULL;
  }
  if (holds_several(pem)) {
    cg_fail(err, CG_E_INVALID,
            "the PEM holds several public keys; a key set (jwks) may have several");
    return NULL;
  }
  BIO *bio = BIO_new_mem_buf(pem, -1);
  EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
  BIO_free(bio);
  ERR_clear_error();
  if (!pkey) cg_fail(err, CG_E_INVALID, "the PEM holds no public key that can be read");
  return pkey;
}

/* What this key is good for, or words. */
static bool key_of(EVP_PKEY *pkey, struct cg_key *ret, struct cg_err *err) {
  int bits = EVP_PKEY_get_bits(pkey);
  if (EVP_PKEY_is_a(pkey, "RSA")) {
    size_t n = (size_t)EVP_PKEY_get_size(pkey);
    *ret = (struct cg_key){.alg = "RS256", .signature_n = n};
    if (bits >= CG_RSA_BITS_MIN && bits <= CG_RSA_BITS_MAX) return true;
    return cg_fail(err, CG_E_INVALID, "the RSA key has %d bits, needs %d to %d", bits,
                   CG_RSA_BITS_MIN, CG_RSA_BITS_MAX);
  }
  char curve[32] = "";
  size_t n;
  if (EVP_PKEY_is_a(pkey, "EC") &&
      EVP_PKEY_get_group_name(pkey, curve, sizeof curve, &n) == 1 &&
      !strcmp(curve, "prime256v1")) {
    *ret = (struct cg_key){.alg = "ES256", .signature_n = 2 * P256_N, .ec = true};
    return true;
  }
  return cg_fail(err, CG_E_INVALID, "the public key is neither RSA nor EC P-256");
}

static bool make_ready(struct cg_key *key, EVP_PKEY *pkey, const EVP_MD *md) {
  key->check = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
  if (!key->check || EVP_PKEY_verify_init(key->check) != 1) return false;
  if (!key->ec && EVP_PKEY_CTX_set_rsa_padding(key->check, RSA_PKCS1_PADDING) != 1)
    return false;
  return EVP_PKEY_CTX_set_signature_md(key->check, md) == 1;
}

bool cg_keys_add_pkey(struct cg_keys *keys, const char *kid, const char *alg, void *pkey,
                      struct cg_err *err) {
  struct cg_key key;
  if (keys->n == CG_KEYS_MAX)
    return cg_fail(err, CG_E_INVALID, "more than %d keys", CG_KEYS_MAX);
  if (!key_of(pkey, &key, err)) return false;
  if (alg && strcmp(alg, key.alg))
    return cg_fail(err, CG_E_INVALID, "the key is for %.16s, which is not taken here",
                   alg);
  if (make_ready(&key, pkey, keys->sha256)) return add(keys, key, kid, err);
  key_done(&key);
  return cg_fail(err, CG_E_INVALID, "the public key cannot be used to check signatures");
}

bool cg_keys_add_pem(struct cg_keys *keys, const char *kid, const char *pem,
                     struct cg_err *err) {
  EVP_PKEY *pkey = read_pem(pem, err);
  bool ok = pkey && cg_keys_add_pkey(keys, kid, NULL, pkey, err);
  EVP_PKEY_free(pkey);
  return ok;
}

size_t cg_keys_count(const struct cg_keys *keys) {
  return keys->n;
}

static bool answers(const struct cg_key *key, const char *kid) {
  if (!kid) return true;
  return key->kid ? !strcmp(key->kid, kid) : !key->keys->published;
}

struct cg_key *cg_keys_find(struct cg_keys *keys, const char *alg, const char *kid,
                            struct cg_err *err) {
  size_t of_alg = 0, answering = 0;
  struct cg_key *found = NULL;
  for (size_t i = 0; i < keys->n; i++) {
    struct cg_key *key = &keys->items[i];
    if (strcmp(key->alg, alg)) continue;
    of_alg++;
    if (!answers(key, kid)) continue;
    if (!found) found = key;
    answering++;
  }
  if (found && (kid || answering == 1)) return found;
  cg_fail(err, CG_E_UNAUTHENTICATED, "%s",
          !of_alg ? "the token's alg is not that of this gate's key"
          : found ? "the token has no kid, and this gate has several keys of its alg"
                  : "the token's kid names no key of this gate");
  return NULL;
}

bool cg_keys_digest(struct cg_keys *keys, const void *data, size_t n,
                    unsigned char out[32]) {
  return EVP_DigestInit_ex2(keys->digest, keys->sha256, NULL) == 1 &&
         EVP_DigestUpdate(keys->digest, data, n) == 1 &&
         EVP_DigestFinal_ex(keys->digest, out, NULL) == 1;
}

static bool verify_mac(struct cg_key *key, const char *text, size_t n,
                       const unsigned char *signature) {
  unsigned char mac[DIGEST_N];
  size_t got;
  return EVP_MAC_init(key->mac, NULL, 0, NULL) == 1 &&
         EVP_MAC_update(key->mac, (const unsigned char *)text, n) == 1 &&
         EVP_MAC_final(key->mac, mac, &got, sizeof mac) == 1 && got == sizeof mac &&
         !CRYPTO_memcmp(mac, signature, sizeof mac);
}

/* JWS has r and s side by side (RFC 7518, 3.4), OpenSSL wants DER; 0: no memory. */
static size_t to_der(const unsigned char *raw, unsigned char out[P256_DER_MAX]) {
  ECDSA_SIG *sig = ECDSA_SIG_new();
  BIGNUM *r = BN_bin2bn(raw, P256_N, NULL), *s = BN_bin2bn(raw + P256_N, P256_N, NULL);
  int n = 0;
  if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
    n = i2d_ECDSA_SIG(sig, &out);
  } else {
    BN_free(r);
    BN_free(s);
  }
  ECDSA_SIG_free(sig);
  return n > 0 ? (size_t)n : 0;
}

bool cg_key_verify(struct cg_key *key, const char *text, size_t n,
                   const unsigned char *signature, size_t signature_n) {
  if (signature_n != key->signature_n) return false;
  if (key->mac) return verify_mac(key, text, n, signature);
  unsigned char digest[DIGEST_N], der[P256_DER_MAX];
  if (!cg_keys_digest(key->keys, text, n, digest)) return false;
  if (key->ec) {
    signature_n = to_der(signature, der);
    signature = der;
  }
  bool ok =
      EVP_PKEY_verify(key->check, signature, signature_n, digest, sizeof digest) == 1;
  if (!ok) ERR_clear_error();
  return ok;
}
