#include "auth/jwt.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/b64url.h"
#include "base/check.h"
#include "base/schema.h"
#include "base/utf8.h"

#define HEADER_MAX 1024
#define KID_MAX    256

struct part {
  const char *text;
  size_t n;
};

static bool refuse(struct cg_err *err, const char *why) {
  return cg_fail(err, CG_E_UNAUTHENTICATED, "%s", why);
}

static bool split(const char *token, size_t n, struct part parts[3]) {
  size_t count = 0, from = 0;
  for (size_t i = 0; i <= n; i++) {
    if (i < n && token[i] != '.') continue;
    if (count == 3 || i == from) return false;
    parts[count++] = (struct part){token + from, i - from};
    from = i + 1;
  }
  return count == 3;
}

/* What \uXXXX at s says; -1: it is none. */
static int unit_at(const char *s, const char *end) {
  if (end - s < 6 || s[0] != '\\' || s[1] != 'u') return -1;
  const char digits[] = {s[2], s[3], s[4], s[5], '\0'};
  bool four = strspn(digits, "0123456789abcdefABCDEF") == 4;
  return four ? (int)strtol(digits, NULL, 16) : -1;
}

/* NUL, which no text of ours may hold, and half a surrogate pair, which is no character:
 * U+FFFD in their place, which is as long.  -> was there one? */
static bool mend_escapes(char *json, size_t n) {
  bool mended = false;
  for (char *at = json, *end = json + n; (at = memchr(at, '\\', (size_t)(end - at)));) {
    int unit = unit_at(at, end), next = unit > 0 ? unit_at(at + 6, end) : -1;
    bool pair = unit >> 10 == 0xd800 >> 10 && next >> 10 == 0xdc00 >> 10;
    if (unit == 0 || (unit >> 11 == 0xd800 >> 11 && !pair)) {
      memcpy(at, "\\ufffd", 6);
      mended = true;
    }
    size_t step = pair ? 12 : 2; /* an escaped backslash is two, too */
    at += (size_t)(end - at) < step ? (size_t)(end - at) : step;
  }
  return mended;
}

struct text {
  char bytes[CG_UTF8_ROOM(CG_CLAIMS_MAX)];
  size_t n;
};

static bool decode(const struct part *part, size_t max, const char *what,
                   struct text *ret, struct cg_err *err) {
  return cg_b64url_decode(part->text, part->n, (unsigned char *)ret->bytes, max,
                          &ret->n) ||
         cg_fail(err, CG_E_UNAUTHENTICATED,
                 "the token's %s is not canonical base64url of at most %zu bytes", what,
                 max);
}

static json_t *read_object(const struct text *t, const char *what, struct cg_err *err) {
  struct cg_err why = {0};
  json_t *json = cg_json_parse(t->bytes, t->n, &why);
  if (json_is_object(json)) return json;
  json_decref(json);
  if (why.code == CG_E_MEMORY)
    cg_fail(err, CG_E_MEMORY, "no memory to read a token");
  else
    cg_fail(err, CG_E_UNAUTHENTICATED,
            "the token's %s is not a JSON object with each member once", what);
  return NULL;
}

static json_t *read_header(const struct part *part, struct cg_err *err) {
  struct text t;
  return decode(part, HEADER_MAX, "header", &t, err) ? read_object(&t, "header", err)
                                                     : NULL;
}

static json_t *read_claims(const struct part *part, bool *ret_mended,
                           struct cg_err *err) {
  struct text given, t;
  if (!decode(part, CG_CLAIMS_MAX, "body", &given, err)) return NULL;
  t.n = cg_utf8_put(t.bytes, sizeof t.bytes, given.bytes, given.n);
  *ret_mended = mend_escapes(t.bytes, t.n) || t.n != given.n ||
                memcmp(t.bytes, given.bytes, t.n) != 0;
  return read_object(&t, "body", err);
}

static const char *const refused[][2] = {
    {"crit", "the token's header has crit: no extension is understood here"},
    {"jwk", "the token's header has jwk: a token cannot bring its own key"},
    {"jku", "the token's header has jku: a token cannot say where its key is"},
    {"x5u", "the token's header has x5u: a token cannot say where its key is"},
    {"b64", "the token's header has b64: unencoded claims are not taken"},
    {"enc", "the token's header has enc: encrypted tokens are not taken"},
    {"zip", "the token's header has zip: compressed tokens are not taken"},
    {"cty", "the token's header has cty: tokens within tokens are not taken"},
};

static bool typ_ok(const json_t *typ) {
  static const char *const known[] = {"JWT", "at+jwt", "application/at+jwt"};
  if (!typ) return true;
  for (size_t i = 0; i < CG_COUNT(known); i++)
    if (json_is_string(typ) && !strcasecmp(json_string_value(typ), known[i])) return true;
  return false;
}

static bool check_header(struct cg_jwt *jwt, struct cg_err *err) {
  for (size_t i = 0; i < CG_COUNT(refused); i++)
    if (json_object_get(jwt->header, refused[i][0])) return refuse(err, refused[i][1]);
  if (!typ_ok(json_object_get(jwt->header, "typ")))
    return refuse(err, "the token's typ is neither JWT nor at+jwt");
  jwt->alg = json_string_value(json_object_get(jwt->header, "alg"));
  if (!jwt->alg) return refuse(err, "the token's header names no alg");
  const json_t *kid = json_object_get(jwt->header, "kid");
  jwt->kid = json_string_value(kid);
  if (kid && (!jwt->kid || json_string_length(kid) > KID_MAX))
    return refuse(err, "the token's kid is not a string of at most 256 bytes");
  return true;
}

bool cg_jwt_parse(const char *token, size_t n, struct cg_jwt *ret, struct cg_err *err) {
  struct part parts[3];
  if (n > CG_TOKEN_MAX)
    return cg_fail(err, CG_E_UNAUTHENTICATED, "the token is longer than %d bytes",
                   CG_TOKEN_MAX);
  if (!split(token, n, parts)) return refuse(err, "the token has not three parts");
  ret->text = token;
  ret->signed_n = parts[0].n + 1 + parts[1].n;
  if (!cg_b64url_decode(parts[2].text, parts[2].n, ret->signature, sizeof ret->signature,
                        &ret->signature_n))
    return refuse(err, "the token's signature is not canonical base64url");
  ret->claims = NULL;
  ret->header = read_header(&parts[0], err);
  if (!ret->header) return false;
  if (check_header(ret, err)) ret->claims = read_claims(&parts[1], &ret->mended, err);
  if (ret->claims) return true;
  cg_jwt_done(ret);
  return false;
}

void cg_jwt_done(struct cg_jwt *jwt) {
  json_decref(jwt->header);
  json_decref(jwt->claims);
  jwt->header = jwt->claims = NULL;
}
