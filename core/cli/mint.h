/* mint.h - a user's token, signed with the configured or the development secret. */
#ifndef CG_CLI_MINT_H
#define CG_CLI_MINT_H

#include "conf/conf.h"

/* Adds iat, exp and the configured iss and aud to the claims.  NULL: said on stderr; the
 * token is the caller's, for cg_free_secret. */
char *cg_mint(const struct cg_conf *conf, json_t *claims, int64_t ttl_s) CG_MUST_USE;

#endif
