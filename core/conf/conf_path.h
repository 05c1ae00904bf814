/* conf_path.h - files and folders that the configuration names: found, read, made. */
#ifndef CG_CONF_CONF_PATH_H
#define CG_CONF_CONF_PATH_H

#include "base/arena.h"

/* Relative ones start at dir, which is absolute; "." and ".." stay.  No memory aborts. */
const char *cg_conf_path(const char *dir, const char *path, struct cg_arena *arena);

/* The first of the candidates (as glob(7) patterns, from dir) that exists; else the last,
 * as it is.  Ends with NULL. */
const char *cg_conf_first(const char *dir, const char *const *candidates,
                          struct cg_arena *arena);

/* The file whole, at most 256 KiB, NUL-terminated.  NULL: *ret_words says why. */
char *cg_conf_slurp(const char *path, struct cg_arena *arena, size_t *ret_n,
                    const char **ret_words) CG_MUST_USE;

/* The folder of the running binary. */
const char *cg_conf_binary_dir(struct cg_arena *arena);

/* mkdir -p; the last one 0700. */
bool cg_conf_make_dir(const char *path, struct cg_err *err) CG_MUST_USE;

/* Would cg_conf_make_dir, run by this user now? */
bool cg_conf_could_make_dir(const char *path, struct cg_err *err) CG_MUST_USE;

/* The development secret in state_dir/jwt.secret; with `make`, made at first use: 64 hex
 * digits of 32 random bytes, mode 0600.  Two processes that begin at once read the
 * same. */
const char *cg_conf_dev_secret(const char *state_dir, bool make, struct cg_arena *arena,
                               struct cg_err *err) CG_MUST_USE;

#endif
