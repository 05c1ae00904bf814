/* identity.h - who a verified token speaks for.
 *
 * Made from the claims of a token whose signature holds, immutable after, and counted:
 * the cache of verified tokens holds one reference, each request that came with the token
 * another, each lease that it keeps a third.  A request may travel to another worker with
 * its reference; the count is atomic and the last one frees, wherever it is.
 *
 * id is the claim "sub".  name is the claim "name" as it can be shown: control characters
 * are spaces, of more than CG_PERSON_NAME_MAX bytes it is the begin, and what is no text
 * is ""; nobody is refused for a name.  Roles and sites come from claims named by a path:
 * a member of exactly that name, or else the way down that its dots say
 * ("realm_access.roles").  Each is an array of strings, or one string.
 *
 * As JSON it is the claims whole, for a policy may read any of them, and the two paths;
 * what is read back goes through the same checks as the claims of a token.  JSON longer
 * than CG_CLAIMS_MAX is not written: a token's is so only where it has numbers that grow
 * (1e99 is 9.9999999999999997e+98).
 */
#ifndef CG_AUTH_IDENTITY_H
#define CG_AUTH_IDENTITY_H

#include "base/bounds.h"
#include "base/buf.h"
#include "policy/ask.h"

struct cg_identity;

/* Takes its own reference to claims.  NULL: a claim is missing or not of its form
 * (CG_E_UNAUTHENTICATED), or no memory. */
struct cg_identity *cg_identity_new(json_t *claims, const char *roles_path,
                                    const char *sites_path,
                                    struct cg_err *err) CG_MUST_USE;
struct cg_identity *cg_identity_ref(struct cg_identity *id);
void cg_identity_unref(struct cg_identity *id); /* NULL is fine */

/* Everything but ip, which is NULL; lives as long as the identity. */
const struct cg_subject *cg_identity_subject(const struct cg_identity *id);

/* Of claims in which U+FFFD stands for something else: does it in sub, a role or a site?
 * Then two of them could look the same. */
bool cg_identity_blurred(const struct cg_identity *id);

/* Whether both say the same of the subject; a renewed token has other exp, nbf, iat and
 * jti, which do not count.  NULL is like NULL alone. */
bool cg_identity_same(const struct cg_identity *a, const struct cg_identity *b);

/* false: too long; b may have failed, or holds a part. */
bool cg_identity_write(struct cg_buf *b, const char *key,
                       const struct cg_identity *id) CG_MUST_USE;
/* NULL: not of that form (CG_E_MALFORMED, CG_E_UNAUTHENTICATED), or no memory. */
struct cg_identity *cg_identity_read(json_t *object, struct cg_err *err) CG_MUST_USE;

#endif
