/* tokens.h - tokens for tests, good and bad, made without the code under test.
 *
 * Keys are made anew by each run.  token() signs any two texts in any way, and hands out
 * a buffer that the next call overwrites.
 */
#ifndef TEST_AUTH_TOKENS_H
#define TEST_AUTH_TOKENS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define OTHER  "another-secret-another-secret-32"
#define NOW_S  INT64_C(1800000000)
#define NOW    (NOW_S * 1000000)
/* Of a struct cg_auth_conf. */
#define USUAL_RULES                                                                      \
  .roles_claim = "roles", .sites_claim = "sites", .leeway_s = 30, .cache_entries = 4096
#define CLAIMS "{\"sub\":\"alice\",\"exp\":1800003600}"

enum signer {
  HS,
  HS_OTHER,
  HS_PEM,
  RS,
  RS_OTHER,
  RS_PSS,
  RS_512,
  ES,
  ES_OTHER,
  ES_DER,
  NONE
};

struct test_keys {
  EVP_PKEY *rsa, *rsa_other, *ec, *ec_other;
  char rsa_pem[1024], ec_pem[512];
  char token[40000];
};

static inline void pem_of(EVP_PKEY *key, char *out, size_t size) {
  BIO *bio = BIO_new(BIO_s_mem());
  assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
  int n = BIO_read(bio, out, (int)size - 1);
  assert_in_range(n, 1, size - 2);
  out[n] = '\0';
  BIO_free(bio);
}

static inline int keys_setup(void **state) {
  static struct test_keys k;
  k.rsa = EVP_RSA_gen(2048);
  k.rsa_other = EVP_RSA_gen(2048);
  k.ec = EVP_EC_gen("P-256");
  k.ec_other = EVP_EC_gen("P-256");
  pem_of(k.rsa, k.rsa_pem, sizeof k.rsa_pem);
  pem_of(k.ec, k.ec_pem, sizeof k.ec_pem);
  *state = &k;
  return 0;
}

static inline int keys_teardown(void **state) {
  struct test_keys *k = *state;
  EVP_PKEY_free(k->rsa);
  EVP_PKEY_free(k->rsa_other);
  EVP_PKEY_free(k->ec);
  EVP_PKEY_free(k->ec_other);
  return 0;
}

/* Appends base64url; returns the new length. */
static inline size_t add_b64(char *to, size_t at, const void *data, size_t n) {
  EVP_EncodeBlock((unsigned char *)to + at, data, (int)n);
  for (; to[at] && to[at] != '='; at++)
    to[at] = to[at] == '+' ? '-' : to[at] == '/' ? '_' : to[at];
  to[at] = '\0';
  return at;
}

static inline size_t sign_pkey(EVP_PKEY *key, const EVP_MD *md, bool pss,
                               const char *text, unsigned char *out, size_t size) {
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  EVP_PKEY_CTX *pctx;
  assert_int_equal(EVP_DigestSignInit(ctx, &pctx, md, NULL, key), 1);
  if (pss) EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
  assert_int_equal(
      EVP_DigestSign(ctx, out, &size, (const unsigned char *)text, strlen(text)), 1);
  EVP_MD_CTX_free(ctx);
  return size;
}

static inline size_t sign_hmac(const char *key, const char *text, unsigned char *out) {
  unsigned n;
  HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text, strlen(text),
       out, &n);
  return n;
}

static inline size_t raw_of_der(unsigned char *sig, size_t n) {
  const unsigned char *p = sig;
  ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);
  BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32);
  ECDSA_SIG_free(s);
  return 64;
}

static inline size_t sign(struct test_keys *k, enum signer how, const char *text,
                          unsigned char *out, size_t size) {
  switch (how) {
  case HS: return sign_hmac(SECRET, text, out);
  case HS_OTHER: return sign_hmac(OTHER, text, out);
  case HS_PEM: return sign_hmac(k->rsa_pem, text, out);
  case RS: return sign_pkey(k->rsa, EVP_sha256(), false, text, out, size);
  case RS_OTHER: return sign_pkey(k->rsa_other, EVP_sha256(), false, text, out, size);
  case RS_PSS: return sign_pkey(k->rsa, EVP_sha256(), true, text, out, size);
  case RS_512: return sign_pkey(k->rsa, EVP_sha512(), false, text, out, size);
  case ES: return raw_of_der(out, sign_pkey(k->ec, EVP_sha256(), false, text, out, size));
  case ES_OTHER:
    return raw_of_der(out, sign_pkey(k->ec_other, EVP_sha256(), false, text, out, size));
  case ES_DER: return sign_pkey(k->ec, EVP_sha256(), false, text, out, size);
  case NONE: break;
  }
  return 0;
}

static inline const char *header_of(enum signer how) {
  return how >= ES && how <= ES_DER   ? "{\"alg\":\"ES256\",\"typ\":\"JWT\"}"
         : how >= RS && how <= RS_512 ? "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
                                      : "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
}

/* "Bearer " and the token. */
static inline char *token_n(struct test_keys *k, enum signer how, const char *header,
                            size_t header_n, const char *claims, size_t claims_n) {
  static const char scheme[] = "Bearer ";
  unsigned char sig[1024];
  memcpy(k->token, scheme, sizeof scheme);
  char *text = k->token + strlen(scheme);
  size_t at = add_b64(text, 0, header, header_n);
  text[at++] = '.';
  at = add_b64(text, at, claims, claims_n);
  size_t n = sign(k, how, text, sig, sizeof sig);
  text[at++] = '.';
  add_b64(text, at, sig, n);
  return k->token;
}

static inline char *token(struct test_keys *k, enum signer how, const char *header,
                          const char *claims) {
  if (!header) header = header_of(how);
  if (!claims) claims = CLAIMS;
  return token_n(k, how, header, strlen(header), claims, strlen(claims));
}

#endif
