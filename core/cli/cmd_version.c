/* `camgate version` */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/cmd_opts.h"

int cg_cmd_version(const struct cg_cmd_env *env, int argc, char **argv) {
  const struct cg_cmd_opt none[] = {{0}};
  int code = cg_cmd_opts("version", none, argc, argv);
  if (code != CG_CMD_GO) return code;
  printf(env->json ? "{\"version\":\"%s\",\"plugin_abi\":\"%d.%d\"}\n"
                   : "camgate %s, plugin ABI %d.%d\n",
         CAMGATE_VERSION, CGP_ABI_MAJOR, CGP_ABI_MINOR);
  return CG_EXIT_OK;
}
