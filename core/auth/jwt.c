#include "auth/jwt.h"

#include <string.h>
#include <strings.h>

#include "auth/b64url.h"
#include "base/check.h"
#include "base/schema.h"

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

/* A part that holds a JSON object. */
static json_t *read_object(const struct part *part, size_t max, const char *what,
                           struct cg_err *err) {
  unsigned char bytes[CG_JWT_MAX];
  size_t n;
  if (!cg_b64url_decode(part->text, part->n, bytes, max, &n)) {
    cg_fail(err, CG_E_UNAUTHENTICATED,
            "the token's %s is not canonical base64url of at most %zu bytes", what, max);
    return NULL;
  }
  struct cg_err why = {0};
  json_t *json = cg_json_parse((const char *)bytes, n, &why);
  if (json_is_object(json)) return json;
  json_decref(json);
  if (why.code == CG_E_MEMORY)
    cg_fail(err, CG_E_MEMORY, "no memory to read a token");
  else
    cg_fail(err, CG_E_UNAUTHENTICATED,
            "the token's %s is not a JSON object with each member once", what);
  return NULL;
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
  if (n > CG_JWT_MAX) return refuse(err, "the token is longer than 8 KiB");
  if (!split(token, n, parts)) return refuse(err, "the token has not three parts");
  ret->text = token;
  ret->signed_n = parts[0].n + 1 + parts[1].n;
  if (!cg_b64url_decode(parts[2].text, parts[2].n, ret->signature, sizeof ret->signature,
                        &ret->signature_n))
    return refuse(err, "the token's signature is not canonical base64url");
  ret->claims = NULL;
  ret->header = read_object(&parts[0], HEADER_MAX, "header", err);
  if (!ret->header) return false;
  if (check_header(ret, err))
    ret->claims = read_object(&parts[1], CG_JWT_MAX, "body", err);
  if (ret->claims) return true;
  cg_jwt_done(ret);
  return false;
}

void cg_jwt_done(struct cg_jwt *jwt) {
  json_decref(jwt->header);
  json_decref(jwt->claims);
  jwt->header = jwt->claims = NULL;
}
