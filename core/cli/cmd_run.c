/* camgate run: prepares the process, reads the configuration and runs the gate. */
#include <jansson.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/cmd_opts.h"
#include "cli/preflight.h"
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

/* What `camgate check` would tell; plugins are asked for more only when they will not be
 * started. */
static bool may_start(struct cg_conf *conf) {
  struct cg_preflight *f = cg_alloc(sizeof *f);
  if (!f) return cg_conf_own(conf);
  cg_preflight(conf, CG_PREFLIGHT_RUN, f);
  if (!f->problems.n && !cg_conf_own(conf)) cg_conf_tell(conf, &conf->errs, &f->problems);
  bool ok = !f->problems.n;
  cg_cmd_problems(&f->problems);
  cg_preflight_done(f);
  cg_free(f);
  return ok;
}

int cg_cmd_run(const struct cg_cmd_env *env, int argc, char **argv) {
  const struct cg_cmd_opt none[] = {{0}};
  int usage = cg_cmd_opts("run", none, argc, argv);
  if (usage != CG_CMD_GO) return usage;
  prepare_process();
  struct cg_conf *conf = cg_cmd_conf_read(env);
  bool ok = conf && may_start(conf) && cg_gate_run(conf);
  cg_conf_free(conf);
  return ok ? 0 : CG_EXIT_USAGE;
}
