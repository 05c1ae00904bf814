/* remote.h - the running gate, asked over its REST API by an administrator's command.
 *
 * The caller is CAMGATE_TOKEN when that is set, else an admin's token minted with the
 * configured secret: who may read the configuration may do this.  A TLS listener is known
 * by the public key of the configured certificate, whatever address it has.  Where it
 * wants client certificates, CAMGATE_CLIENT_CERT and CAMGATE_CLIENT_KEY name the files of
 * one.  One request at a time.
 */
#ifndef CG_CLI_REMOTE_H
#define CG_CLI_REMOTE_H

#include "conf/conf.h"

struct cg_remote_reply {
  uint16_t status;
  json_t *body; /* NULL: none, or not JSON; the caller's */
};

/* false: no gate answered; *err says why. */
bool cg_remote_call(const struct cg_conf *conf, const char *method, const char *path,
                    struct cg_remote_reply *ret, struct cg_err *err) CG_MUST_USE;

#endif
