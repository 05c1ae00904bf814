/* tls.h - the public listener's TLS, made from files.
 *
 * TLS 1.2 and 1.3, the suites of Mozilla's "intermediate" with ECDHE (AEAD only), X25519,
 * P-256 and P-384; no renegotiation, no compression, ALPN http/1.1 alone.  No resumption:
 * there is no ticket key that could open recorded traffic, and no session that outlives a
 * client certificate's authority; clients keep their connections instead.
 *
 * One SSL_CTX serves all workers (it is immutable, and OpenSSL counts its references
 * atomically).  The main thread makes it at the start and a new one at each reload; open
 * connections keep theirs.  Files are checked whole: readable, a pair, valid now.
 */
#ifndef CG_HTTP_TLS_H
#define CG_HTTP_TLS_H

#include <stdint.h>

#include "base/err.h"

enum cg_client_cert {
  CG_CLIENT_CERT_NONE,
  CG_CLIENT_CERT_OPTIONAL,
  CG_CLIENT_CERT_REQUIRED
};

/* Paths of PEM files. */
struct cg_tls_conf {
  const char *cert; /* the chain, the gate's own first; NULL: no TLS */
  const char *key;
  const char *client_ca; /* who signs clients; needed when they are asked for one */
  enum cg_client_cert client_cert; /* one that is presented must hold in any case */
};

/* An SSL_CTX; NULL: refused in words, and *ret_option ("cert", "key" or "client_ca") is
 * whose fault it is.  Any thread. */
void *cg_tls_new(const struct cg_tls_conf *conf, int64_t now_wall_us,
                 const char **ret_option, struct cg_err *err) CG_MUST_USE;
void cg_tls_free(void *ssl_ctx); /* one reference; NULL is fine */

/* Could the certificates of that file be trusted?  At least one. */
bool cg_tls_authorities(const char *path, struct cg_err *err) CG_MUST_USE;

#define CG_TLS_PIN 64
/* "sha256//..." of the certificate's public key, as libcurl takes it: a command that can
 * read the gate's configuration knows its gate by that, whatever address it listens
 * on. */
bool cg_tls_pin(const char *cert, char out[CG_TLS_PIN], struct cg_err *err) CG_MUST_USE;

#endif
