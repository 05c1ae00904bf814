#include "chain.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct aud_chain {
  EVP_MD *sha256;
  EVP_MD_CTX *ctx;
};

struct aud_chain *aud_chain_new(struct aud_message *msg) {
  struct aud_chain *c = calloc(1, sizeof *c);
  if (c) {
    c->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    c->ctx = EVP_MD_CTX_new();
    if (c->sha256 && c->ctx) return c;
  }
  (void)aud_say(msg, "SHA-256 is not to be had from OpenSSL");
  aud_chain_free(c);
  return NULL;
}

void aud_chain_free(struct aud_chain *c) {
  if (!c) return;
  EVP_MD_CTX_free(c->ctx);
  EVP_MD_free(c->sha256);
  free(c);
}

char *aud_chain_put(char *at, const void *text, uint32_t len) {
  for (int shift = 24; shift >= 0; shift -= 8) *at++ = (char)(len >> shift);
  memcpy(at, text, len);
  return at + len;
}

bool aud_chain_hash(struct aud_chain *c, const unsigned char prev[AUD_HASH_LEN],
                    int64_t seq, const void *block, size_t block_len,
                    unsigned char out[AUD_HASH_LEN]) {
  unsigned char number[8];
  for (int i = 0; i < 8; i++) number[i] = (unsigned char)((uint64_t)seq >> (56 - 8 * i));
  return EVP_DigestInit_ex2(c->ctx, c->sha256, NULL) == 1 &&
         EVP_DigestUpdate(c->ctx, prev, AUD_HASH_LEN) == 1 &&
         EVP_DigestUpdate(c->ctx, number, sizeof number) == 1 &&
         EVP_DigestUpdate(c->ctx, block, block_len) == 1 &&
         EVP_DigestFinal_ex(c->ctx, out, NULL) == 1;
}

void aud_hex(const unsigned char hash[AUD_HASH_LEN], char out[2 * AUD_HASH_LEN + 1]) {
  static const char digits[] = "0123456789abcdef";
  for (int i = 0; i < AUD_HASH_LEN; i++) {
    out[2 * i] = digits[hash[i] >> 4];
    out[2 * i + 1] = digits[hash[i] & 15];
  }
  out[2 * AUD_HASH_LEN] = '\0';
}

static int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool aud_unhex(const char *text, unsigned char out[AUD_HASH_LEN]) {
  for (int i = 0; i < AUD_HASH_LEN; i++) {
    int high = nibble(text[2 * i]);
    int low = high < 0 ? -1 : nibble(text[2 * i + 1]);
    if (low < 0) return false;
    out[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}
