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

struct cg_conf *cg_cmd_conf_read(const struct cg_cmd_env *env, enum cg_conf_use use,
                                 struct cg_arena **ret_arena,
                                 struct cg_conf_problems *problems) {
  struct cg_arena *arena = cg_arena_new(NULL, ARENA_BYTES);
  CG_CHECK(arena);
  *ret_arena = arena;
  const char *path = path_of(env, arena);
  if (env->conf_path || !access(path, F_OK))
    return cg_conf_read(path, use, arena, problems);
  problems->items[problems->n++] = (struct cg_conf_problem){
      "camgate",
      "no configuration: neither etc/camgate.lua here, nor etc/camgate/camgate.lua "
      "of the binary's prefix, nor /etc/camgate/camgate.lua; -c FILE names one"};
  return NULL;
}

struct cg_conf *cg_cmd_conf(const struct cg_cmd_env *env, enum cg_conf_use use) {
  struct cg_conf_problems problems = {.n = 0};
  struct cg_arena *arena;
  struct cg_conf *conf = cg_cmd_conf_read(env, use, &arena, &problems);
  for (size_t i = 0; i < problems.n; i++)
    fprintf(stderr, "%s: %s\n", problems.items[i].where, problems.items[i].text);
  if (!conf) cg_arena_free(arena, NULL);
  return conf;
}
