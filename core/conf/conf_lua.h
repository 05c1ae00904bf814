/* conf_lua.h - the configuration file run, and its table as JSON.
 *
 * A state of its own (lua/state.h): text chunk only, 16 MiB, ten million instructions,
 * and the sandbox's environment with env and file; globals may be set.  env "NAME" is
 * the variable's text, nil when it is unset or empty; env("NAME", default) is the
 * default then, and a default that is a number or a boolean makes one of the text when
 * it can (else the text stays, for the checker to refuse by name).  Lists become arrays,
 * holes left out; named members an object; { "word", name = value } an object whose
 * member "" is the word.
 */
#ifndef CG_CONF_CONF_LUA_H
#define CG_CONF_CONF_LUA_H

#include "base/schema.h"

struct cg_conf_lua {
  const char *dir; /* base of file's relative paths */
  const char *source;
  size_t n;
  struct cg_field_errors *warnings; /* secrets that others may read */
};

#define CG_CONF_ENV_MAX 256

/* Names of the variables that the file asked for, each once; beyond the maximum none is
 * kept. */
struct cg_conf_asked {
  const char *items[CG_CONF_ENV_MAX];
  size_t n;
};

/* A new reference.  NULL: errs says why; its pointers are ":LINE" when the file itself is
 * wrong, else RFC 6901 into the table. */
json_t *cg_conf_lua_run(const struct cg_conf_lua *in, struct cg_conf_asked *asked,
                        struct cg_arena *arena, struct cg_field_errors *errs) CG_MUST_USE;

/* A warning for each CAMGATE_ variable of the environment that neither the file nor a
 * command asks for, and for others that look like one that was asked for and is unset. */
void cg_conf_env_unread(const struct cg_conf_asked *asked, struct cg_arena *arena,
                        struct cg_field_errors *warnings);

#endif
