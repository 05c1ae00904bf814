/* Where the configuration lies, and its reading by a command. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "conf/conf_path.h"

#define ARENA_BYTES ((size_t)4 << 20)

/* -c FILE, else etc/camgate.lua, else that of the binary's prefix, else of
 * /etc/camgate. */
static const char *path_of(const struct cg_cmd_env *env, struct cg_arena *arena) {
  static const char *const installed[] = {"../etc/camgate/camgate.lua",
                                          "/etc/camgate/camgate.lua", NULL};
  if (env->conf_path) return env->conf_path;
  if (!access("etc/camgate.lua", F_OK)) return "etc/camgate.lua";
  return cg_conf_first(cg_conf_binary_dir(arena), installed, arena);
}

struct cg_conf *cg_cmd_conf_read(const struct cg_cmd_env *env) {
  struct cg_arena *arena = cg_arena_new(NULL, ARENA_BYTES);
  CG_CHECK(arena);
  const char *path = path_of(env, arena);
  if (env->conf_path || !access(path, F_OK)) return cg_conf_read(path, arena);
  fprintf(stderr, "camgate: no configuration: neither etc/camgate.lua here, nor "
                  "etc/camgate/camgate.lua of the binary's prefix, nor "
                  "/etc/camgate/camgate.lua; -c FILE names one\n");
  cg_arena_free(arena, NULL);
  return NULL;
}

void cg_cmd_problems(const struct cg_conf_problems *problems) {
  for (size_t i = 0; i < problems->n; i++)
    fprintf(stderr, "%s: %s\n", problems->items[i].where, problems->items[i].text);
  if (problems->more) fprintf(stderr, "camgate: and %zu more\n", problems->more);
}

struct cg_conf *cg_cmd_conf(const struct cg_cmd_env *env, enum cg_conf_use use) {
  struct cg_conf *conf = cg_cmd_conf_read(env);
  if (!conf) return NULL;
  if (!conf->errs.n && (use == CG_CONF_LOOK || cg_conf_own(conf))) return conf;
  struct cg_conf_problems problems = {.n = 0};
  cg_conf_tell(conf, &conf->errs, &problems);
  cg_cmd_problems(&problems);
  cg_conf_free(conf);
  return NULL;
}
