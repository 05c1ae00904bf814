#include "token.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CLAIMS_BYTES 2560
#define PIECE_BYTES  640

static bool plain(const char *s) {
  for (; *s; s++) {
    if ((unsigned char)*s < 0x20 || *s == '"' || *s == '\\') return false;
  }
  return true;
}

const char *json_inside(const char *s, char *buf, size_t size) {
  if (plain(s)) return s;
  size_t at = 0;
  for (; *s; s++) {
    if (at + 7 > size) return NULL;
    if ((unsigned char)*s < 0x20) {
      at += (size_t)snprintf(buf + at, 7, "\\u%04x", (unsigned)(unsigned char)*s);
    } else {
      if (*s == '"' || *s == '\\') buf[at++] = '\\';
      buf[at++] = *s;
    }
  }
  buf[at] = '\0';
  return buf;
}

/* The name for tokens: whole, or its first bytes without half a UTF-8 character. */
static const char *cut(const char *name, char buf[TOKEN_NAME_BYTES + 1]) {
  size_t n = strnlen(name, TOKEN_NAME_BYTES + 1);
  if (n <= TOKEN_NAME_BYTES) return name;
  for (n = TOKEN_NAME_BYTES; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80;) n--;
  memcpy(buf, name, n);
  buf[n] = '\0';
  return buf;
}

static size_t sign(struct signer *s, const char *claims, int n, char out[TOKEN_BYTES]) {
  if (n < 0 || n >= CLAIMS_BYTES) return 0;
  return signer_jwt(s, claims, (size_t)n, out, TOKEN_BYTES);
}

size_t token_viewer(struct signer *s, const struct token_viewer *v,
                    char out[TOKEN_BYTES]) {
  char claims[CLAIMS_BYTES], short_name[TOKEN_NAME_BYTES + 1];
  char b1[PIECE_BYTES], b2[PIECE_BYTES], b3[6 * TOKEN_NAME_BYTES + 8], b4[PIECE_BYTES];
  const char *room = json_inside(v->room, b1, sizeof b1);
  const char *identity = json_inside(v->identity, b2, sizeof b2);
  const char *name = json_inside(cut(v->name, short_name), b3, sizeof b3);
  const char *key = json_inside(v->key, b4, sizeof b4);
  if (!room || !identity || !name || !key) return 0;
  int n = snprintf(claims, sizeof claims,
                   "{\"iss\":\"%s\",\"sub\":\"%s\",\"nbf\":%" PRId64 ",\"exp\":%" PRId64
                   "%s%s%s,\"video\":{\"room\":\"%s\",\"roomJoin\":true,"
                   "\"canSubscribe\":true,\"canPublish\":false,\"canPublishData\":false,"
                   "\"canUpdateOwnMetadata\":false}}",
                   key, identity, v->nbf_s, v->exp_s, *name ? ",\"name\":\"" : "", name,
                   *name ? "\"" : "", room);
  return sign(s, claims, n, out);
}

size_t token_service(struct signer *s, const char *key, const char *room, int64_t now_s,
                     int64_t exp_s, char out[TOKEN_BYTES]) {
  char claims[CLAIMS_BYTES], b1[PIECE_BYTES], b2[PIECE_BYTES];
  const char *k = json_inside(key, b1, sizeof b1);
  const char *r = json_inside(room ? room : "", b2, sizeof b2);
  if (!k || !r) return 0;
  int n = snprintf(
      claims, sizeof claims,
      "{\"iss\":\"%s\",\"nbf\":%" PRId64 ",\"exp\":%" PRId64 ",\"video\":{%s%s%s}}", k,
      now_s, exp_s,
      room ? "\"roomAdmin\":true,\"room\":\"" : "\"roomCreate\":true,\"roomList\":true",
      r, room ? "\"" : "");
  return sign(s, claims, n, out);
}
