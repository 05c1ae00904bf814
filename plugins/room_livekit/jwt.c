#include "jwt.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

/* {"alg":"HS256","typ":"JWT"} */
static const char header[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";
static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct signer {
  EVP_MAC *hmac;
  EVP_MAC_CTX *keyed;
};

struct signer *signer_new(const char *secret) {
  static const char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      {OSSL_MAC_PARAM_DIGEST, OSSL_PARAM_UTF8_STRING, (void *)(uintptr_t)digest,
       sizeof digest - 1, OSSL_PARAM_UNMODIFIED},
      OSSL_PARAM_construct_end(),
  };
  struct signer *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  s->keyed = s->hmac ? EVP_MAC_CTX_new(s->hmac) : NULL;
  if (s->keyed &&
      EVP_MAC_init(s->keyed, (const unsigned char *)secret, strlen(secret), params)) {
    return s;
  }
  signer_free(s);
  return NULL;
}

void signer_free(struct signer *s) {
  if (!s) return;
  EVP_MAC_CTX_free(s->keyed);
  EVP_MAC_free(s->hmac);
  free(s);
}

static bool mac_of(struct signer *s, const char *input, size_t n,
                   unsigned char mac[JWT_MAC_BYTES]) {
  size_t len = 0;
  return EVP_MAC_init(s->keyed, NULL, 0, NULL) &&
         EVP_MAC_update(s->keyed, (const unsigned char *)input, n) &&
         EVP_MAC_final(s->keyed, mac, &len, JWT_MAC_BYTES) && len == JWT_MAC_BYTES;
}

/* No NUL; 4/3 n, up. */
static size_t base64url_encode(const void *data, size_t n, char *out) {
  const unsigned char *p = data;
  char *o = out;
  for (; n >= 3; n -= 3, p += 3) {
    uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    *o++ = digits[v >> 18];
    *o++ = digits[v >> 12 & 63];
    *o++ = digits[v >> 6 & 63];
    *o++ = digits[v & 63];
  }
  if (n > 0) {
    uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0);
    *o++ = digits[v >> 18];
    *o++ = digits[v >> 12 & 63];
    if (n > 1) *o++ = digits[v >> 6 & 63];
  }
  return (size_t)(o - out);
}

size_t signer_jwt(struct signer *s, const char *claims, size_t n, char *out,
                  size_t size) {
  const size_t head = sizeof header - 1, tail = 1 + 43 + 1;
  unsigned char mac[JWT_MAC_BYTES];
  if (n > size || head + (n + 2) / 3 * 4 + tail > size) return 0;
  memcpy(out, header, head);
  size_t len = head + base64url_encode(claims, n, out + head);
  if (!mac_of(s, out, len, mac)) return 0;
  out[len++] = '.';
  len += base64url_encode(mac, sizeof mac, out + len);
  out[len] = '\0';
  return len;
}

bool signer_matches(struct signer *s, const char *input, size_t n,
                    const unsigned char mac[JWT_MAC_BYTES]) {
  unsigned char own[JWT_MAC_BYTES];
  return mac_of(s, input, n, own) && CRYPTO_memcmp(own, mac, sizeof own) == 0;
}

static int digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  return c == '_' ? 63 : -1;
}

ptrdiff_t base64url_decode(const char *text, size_t n, void *out, size_t size) {
  unsigned char *o = out;
  uint32_t bits = 0;
  int have = 0;
  if (n % 4 == 1 || n / 4 * 3 + n % 4 * 3 / 4 > size) return -1;
  for (size_t i = 0; i < n; i++) {
    int d = digit(text[i]);
    if (d < 0) return -1;
    bits = bits << 6 | (uint32_t)d;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    *o++ = (unsigned char)(bits >> have);
    bits &= (1u << have) - 1;
  }
  if (bits != 0) return -1; /* spare bits are zero in the canonical form */
  return o - (unsigned char *)out;
}
