/* camgate run: prepares the process, reads the configuration and runs the gate. */
#include <jansson.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/cmd_opts.h"
#include "gate/gate.h"
#include "http/server.h"

static void prepare_process(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  json_set_alloc_funcs(cg_alloc, cg_free);
  cg_server_memory();
}

int cg_cmd_run(const struct cg_cmd_env *env, int argc, char **argv) {
  const struct cg_cmd_opt none[] = {{0}};
  int usage = cg_cmd_opts("run", none, argc, argv);
  if (usage != CG_CMD_GO) return usage;
  prepare_process();
  struct cg_conf *conf = cg_cmd_conf(env, CG_CONF_OWN);
  bool ok = conf && cg_gate_run(conf);
  cg_conf_free(conf);
  return ok ? 0 : CG_EXIT_USAGE;
}
