#include "cli/mint.h"

#include <stdio.h>

#include "auth/identity.h"
#include "auth/jwt.h"
#include "base/clock.h"

/* Would the gate take who it speaks for? */
static bool would_be_taken(const struct cg_conf *conf, json_t *claims,
                           struct cg_err *err) {
  const struct cg_auth_conf *a = &conf->auth;
  struct cg_identity *id = cg_identity_new(claims, a->roles_claim, a->sites_claim, err);
  cg_identity_unref(id);
  return id != NULL;
}

char *cg_mint(const struct cg_conf *conf, json_t *claims, int64_t ttl_s) {
  struct cg_err err = {0};
  int64_t now_s = cg_clock_system.wall_us(&cg_clock_system) / 1000000;
  if (!conf->auth.secret) {
    fprintf(stderr, conf->dev_secret
                        ? "camgate: the gate has not made its development secret yet\n"
                        : "camgate: tokens are verified with a public key here; there is "
                          "no secret to sign with\n");
    return NULL;
  }
  json_object_set_new(claims, "iat", json_integer(now_s));
  json_object_set_new(claims, "exp", json_integer(now_s + ttl_s));
  if (conf->auth.issuer)
    json_object_set_new(claims, "iss", json_string(conf->auth.issuer));
  if (conf->auth.audience)
    json_object_set_new(claims, "aud", json_string(conf->auth.audience));
  char *token = would_be_taken(conf, claims, &err)
                    ? cg_jwt_mint(conf->auth.secret, claims, &err)
                    : NULL;
  if (!token) fprintf(stderr, "camgate: %s\n", err.text);
  return token;
}
