/* `camgate token`: a token signed with the configured or the development secret. */
#include <jansson.h>
#include <stdio.h>

#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/cmd_opts.h"
#include "cli/mint.h"

#define TTL_S 3600

static json_t *list_of(const struct cg_cmd_list *list) {
  json_t *array = json_array();
  for (size_t i = 0; i < list->n; i++)
    json_array_append_new(array, json_string(list->items[i]));
  return array;
}

static int mint(const struct cg_cmd_env *env, json_t *claims,
                const struct cg_cmd_list *roles, const struct cg_cmd_list *sites,
                int64_t ttl_s) {
  struct cg_conf *conf = cg_cmd_conf(env, CG_CONF_OWN);
  if (conf) {
    json_object_set_new(claims, conf->auth.roles_claim, list_of(roles));
    json_object_set_new(claims, conf->auth.sites_claim, list_of(sites));
  }
  char *token = conf ? cg_mint(conf, claims, ttl_s) : NULL;
  int code = token ? CG_EXIT_OK : CG_EXIT_USAGE;
  if (token) printf(env->json ? "{\"token\":\"%s\"}\n" : "%s\n", token);
  cg_free_secret(token);
  cg_conf_free(conf);
  return code;
}

int cg_cmd_token(const struct cg_cmd_env *env, int argc, char **argv) {
  const char *sub = NULL, *name = NULL, *ttl = NULL;
  struct cg_cmd_list roles = {.n = 0}, sites = {.n = 0};
  int64_t ttl_s = TTL_S;
  const struct cg_cmd_opt opts[] = {
      {"--sub", CG_OPT_TEXT, &sub, "Who it speaks for."},
      {"--name", CG_OPT_TEXT, &name, "Their name."},
      {"--role", CG_OPT_LIST, &roles, "A role they have."},
      {"--site", CG_OPT_LIST, &sites, "A site they belong to."},
      {"--ttl", CG_OPT_TEXT, &ttl, "How long it holds, as 30m or 8h; 1h."},
      {0}};
  int code = cg_cmd_opts("token", opts, argc, argv);
  if (code != CG_CMD_GO) return code;
  if (!sub || !*sub) return cg_cmd_usage("token", "--sub is missing");
  if (ttl && !cg_duration_parse(ttl, &ttl_s))
    return cg_cmd_usage("token", "--ttl must be as 90s, 30m or 8h");
  json_t *claims = json_object();
  json_object_set_new(claims, "sub", json_string(sub));
  if (name) json_object_set_new(claims, "name", json_string(name));
  code = mint(env, claims, &roles, &sites, ttl_s);
  json_decref(claims);
  return code;
}
