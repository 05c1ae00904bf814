/* conf.h - the configuration: one Lua file, read once, checked whole.
 *
 * etc/camgate.lua returns one table.  It is run in the sandbox of policies
 * (lua/sandbox.h) with env "NAME", env("NAME", default) and file "path" (for secrets;
 * one newline at its end is dropped), bounded in instructions and memory.  The table
 * becomes JSON and is checked by one option table (conf_table.c): name, type, range,
 * default, help.
 * Everything that is wrong is told at once, each with file and line (found again in the
 * source by the key), unknown keys with the nearest name; and what cannot be meant
 * (base/meant.h, conf_twice.h) is wrong, too.  env of an unset or empty variable is nil,
 * so that option keeps its default.  Immutable after; shared by all threads.
 */
#ifndef CG_CONF_CONF_H
#define CG_CONF_CONF_H

#include "base/schema.h"
#include "conf/zone_files.h"
#include "http/cors.h"
#include "http/server.h"
#include "http/tls.h"
#include "lease/service.h"
#include "plugin/drivers.h"
#include "policy/env.h"

struct cg_conf {
  const char *path, *dir; /* of the file, absolute; relative paths in it start at dir */

  struct cg_strings listen_addresses, admin_addresses; /* and names; one at least */
  int64_t port, admin_port;                            /* 0: any */
  struct cg_tls_conf tls; /* of the public listener; cert NULL: plain */
  struct cg_access listen_access, admin_access;
  const struct cg_cors *cors; /* of the public listener; NULL: off */

  int64_t workers;       /* 0 in the file: one per CPU, at most 16 */
  const char *state_dir; /* made 0700 if absent */
  const char *node;      /* default: the host's name */
  const char *log_level; /* debug | info | warn | error */
  int64_t drain_s;       /* SIGTERM: how long requests in flight may take */

  /* jwt */
  struct cg_auth_conf auth;
  const char *jwks_file;    /* of the key set; NULL: none */
  struct cg_jwks_conf jwks; /* where it is fetched from */
  bool dev_secret;          /* no key was configured: one was made, kept in state_dir */

  const char *policies; /* folder */
  struct cg_zone_conf zones;
  struct cg_policy_limits limits;
  struct cg_lease_conf lease;
  struct cg_deadlines deadlines;
  struct cg_server_limits http; /* public listener */

  const char *plugin_dir;
  struct cg_strings plugin_names; /* in load order */
  json_t *plugin_options;         /* {"NAME": {"OPTION": value}} */

  struct cg_arena *arena; /* all of it lives here */

  const char *shown, *source; /* path as it was given; the file's text */

  bool
      whole; /* the file was run: the above is what it says, defaults where it is wrong */
  struct cg_field_errors errs, warnings; /* of the file; cg_conf_tell words them */
};

struct cg_conf_problem {
  const char *where; /* "etc/camgate.lua:12", or the pointer when no line is found */
  const char *text;
};

#define CG_CONF_PROBLEMS_MAX 128

struct cg_conf_problems {
  struct cg_conf_problem items[CG_CONF_PROBLEMS_MAX];
  size_t n, more; /* more: that had no room */
};

/* Never NULL: errs says all that is wrong.  Makes nothing: whoever looks may be another
 * user than the gate's.  The arena is the configuration's, freed with it. */
struct cg_conf *cg_conf_read(const char *path, struct cg_arena *arena) CG_MUST_USE;
/* Makes the state directory and, without any key, the development secret.  Only of a
 * configuration in which nothing is wrong; false: errs says what now is. */
bool cg_conf_own(struct cg_conf *conf) CG_MUST_USE;
void cg_conf_free(struct cg_conf *conf);

/* Adds errors of a schema or of plugins as problems of the file. */
void cg_conf_tell(const struct cg_conf *conf, const struct cg_field_errors *errs,
                  struct cg_conf_problems *out);
void cg_conf_add(struct cg_conf_problems *out, const char *where, const char *text);
/* By file, line and words: the same in every process. */
void cg_conf_sort(struct cg_conf_problems *problems);

/* A pointer of schema or plugin errors ("/plugins/ice_turn/port") as file and line. */
const char *cg_conf_where(const struct cg_conf *conf, const char *pointer,
                          struct cg_arena *arena);

/* Every option with type, range, default and help, for `camgate check --options`. */
void cg_conf_describe(struct cg_buf *out);
void cg_conf_describe_json(struct cg_buf *out);

#endif
