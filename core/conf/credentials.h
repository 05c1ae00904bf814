/* credentials.h - the certificate with its key, and the issuer's keys, read from files.
 *
 * The main thread reads them at the start and, as it does policies, at every reload;
 * workers take them from struct cg_gate when it asks them to.  cg_conf_read reads them
 * too, so that a start refuses nothing that `camgate check` did not tell.
 */
#ifndef CG_CONF_CREDENTIALS_H
#define CG_CONF_CREDENTIALS_H

#include "base/arena.h"
#include "http/tls.h"

struct cg_keys;

struct cg_credentials {
  void *tls;              /* SSL_CTX; NULL: plain */
  struct cg_arena *arena; /* has the text */
  const char *jwks;       /* NULL: no file */
  size_t jwks_n;
};

/* tls->cert NULL: plain; jwks_file NULL: none.  Whole or not at all; *ret_option: the
 * JSON pointer of the option whose fault it is.  After false, too, cg_credentials_free
 * is allowed. */
bool cg_credentials_read(const struct cg_tls_conf *tls, const char *jwks_file,
                         struct cg_credentials *out, const char **ret_option,
                         struct cg_err *err) CG_MUST_USE;
void cg_credentials_free(struct cg_credentials *f); /* zeroed is fine */

/* Its keys, new for each worker; NULL: no memory (the text was read before). */
struct cg_keys *cg_credentials_keys(const struct cg_credentials *f,
                                    struct cg_err *err) CG_MUST_USE;

#endif
