#include "credential.h"

#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA1_BYTES 20

struct minter {
  EVP_MAC *hmac;
  EVP_MAC_CTX *keyed;
};

struct minter *minter_new(const char *secret) {
  static const char digest[] = "SHA1";
  const OSSL_PARAM params[] = {
      {OSSL_MAC_PARAM_DIGEST, OSSL_PARAM_UTF8_STRING, (void *)(uintptr_t)digest,
       sizeof digest - 1, OSSL_PARAM_UNMODIFIED},
      OSSL_PARAM_construct_end(),
  };
  struct minter *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  m->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  m->keyed = m->hmac ? EVP_MAC_CTX_new(m->hmac) : NULL;
  if (m->keyed &&
      EVP_MAC_init(m->keyed, (const unsigned char *)secret, strlen(secret), params)) {
    return m;
  }
  minter_free(m);
  return NULL;
}

void minter_free(struct minter *m) {
  if (!m) return;
  EVP_MAC_CTX_free(m->keyed);
  EVP_MAC_free(m->hmac);
  free(m);
}

bool minter_issue(struct minter *m, int64_t expires_s, const char *lease_id,
                  struct credential *ret) {
  unsigned char mac[SHA1_BYTES];
  size_t mac_len = 0;
  int n = snprintf(ret->username, sizeof ret->username, "%" PRId64 ":%s", expires_s,
                   lease_id);
  if (n < 0 || (size_t)n >= sizeof ret->username) return false;
  if (!EVP_MAC_init(m->keyed, NULL, 0, NULL) ||
      !EVP_MAC_update(m->keyed, (const unsigned char *)ret->username, (size_t)n) ||
      !EVP_MAC_final(m->keyed, mac, &mac_len, sizeof mac) || mac_len != sizeof mac) {
    return false;
  }
  EVP_EncodeBlock((unsigned char *)ret->password, mac, sizeof mac);
  return true;
}
