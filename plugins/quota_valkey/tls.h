/* tls.h - TLS 1.2 and 1.3 to Valkey: its certificate is verified, against its name or
 * address and one authority or the system's. */
#ifndef QUOTA_VALKEY_TLS_H
#define QUOTA_VALKEY_TLS_H

#include <event2/bufferevent.h>
#include <openssl/ssl.h>

/* ca_file: PEM; NULL: the system's authorities.  NULL: out of memory, or it holds no
 * authority.  All workers may use it. */
SSL_CTX *tls_new(const char *ca_file);
/* One connection's.  NULL: out of memory. */
SSL *tls_for(SSL_CTX *tls, const char *host);
/* What OpenSSL or the socket says of a connection, with TLS or without, that broke.
 * what: of its event callback, which this is for. */
const char *tls_reason(struct bufferevent *bev, short what);

#endif
