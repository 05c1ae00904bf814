#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "app/cmd.h"
#include "base/mem.h"
#include "grant/jwt.h"

#define HOUR_S 3600

static bool read_options(json_t *claims, int argc, char **argv) {
  json_t *roles = json_array(), *sites = json_array();
  bool ok = argc % 2 == 1;
  for (int i = 1; ok && i + 1 < argc; i += 2) {
    json_t *value = json_string(argv[i + 1]);
    if (strcmp(argv[i], "--sub") == 0)
      ok = json_object_set(claims, "sub", value) == 0;
    else if (strcmp(argv[i], "--name") == 0)
      ok = json_object_set(claims, "name", value) == 0;
    else if (strcmp(argv[i], "--role") == 0)
      ok = json_array_append(roles, value) == 0;
    else if (strcmp(argv[i], "--site") == 0)
      ok = json_array_append(sites, value) == 0;
    else
      ok = false;
    json_decref(value);
  }
  json_object_set_new(claims, "roles", roles);
  json_object_set_new(claims, "sites", sites);
  return ok && json_object_get(claims, "sub");
}

static int mint(const struct cg_conf *conf, json_t *claims) {
  struct cg_err err = {0};
  int64_t now_s = cg_clock_system.wall_us(&cg_clock_system) / 1000000;
  json_object_set_new(claims, "iat", json_integer(now_s));
  json_object_set_new(claims, "exp", json_integer(now_s + HOUR_S));
  if (conf->auth.issuer)
    json_object_set_new(claims, "iss", json_string(conf->auth.issuer));
  if (conf->auth.audience)
    json_object_set_new(claims, "aud", json_string(conf->auth.audience));
  char *token = conf->auth.secret ? cg_jwt_mint(conf->auth.secret, claims, &err) : NULL;
  if (token)
    printf("%s\n", token);
  else
    fprintf(stderr, "camgate token: %s\n",
            conf->auth.secret ? err.text : "there is no secret to sign with");
  cg_free_secret(token);
  return token ? CG_EXIT_OK : CG_EXIT_USAGE;
}

int cg_cmd_token(const struct cg_cmd_env *env, int argc, char **argv) {
  json_t *claims = json_object();
  if (!read_options(claims, argc, argv)) {
    fprintf(stderr,
            "usage: camgate token --sub ID [--name N] [--role R]... [--site S]...\n");
    json_decref(claims);
    return CG_EXIT_USAGE;
  }
  struct cg_conf *conf = cg_cmd_conf(env);
  int code = conf ? mint(conf, claims) : CG_EXIT_USAGE;
  cg_conf_free(conf);
  json_decref(claims);
  return code;
}
