/* An HS256 token made of its claims. */
#include <jwt.h>
#include <string.h>

#include "auth/jwt.h"
#include "auth/keys.h"
#include "base/mem.h"

/* cg_free also takes what libjwt and jansson gave: all of it is malloc's. */
static char *encode(jwt_t *jwt, const char *secret, const char *claims) {
  const unsigned char *key = (const unsigned char *)secret;
  if (jwt_set_alg(jwt, JWT_ALG_HS256, key, (int)strlen(secret))) return NULL;
  if (jwt_add_grants_json(jwt, claims)) return NULL;
  char *token = jwt_encode_str(jwt);
  char *copy = token ? cg_strdup(token) : NULL;
  cg_free(token);
  return copy;
}

char *cg_jwt_mint(const char *secret, const json_t *claims, struct cg_err *err) {
  if (strlen(secret) < CG_SECRET_MIN) {
    cg_fail(err, CG_E_INVALID, "the secret has fewer than %d bytes", CG_SECRET_MIN);
    return NULL;
  }
  jwt_t *jwt = NULL;
  char *token = NULL, *text = json_dumps(claims, JSON_COMPACT);
  if (text && !jwt_new(&jwt)) token = encode(jwt, secret, text);
  jwt_free(jwt);
  cg_free(text);
  if (!token) cg_fail(err, CG_E_MEMORY, "cannot make a token (memory, or the claims)");
  return token;
}
