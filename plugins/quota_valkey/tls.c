#include "tls.h"

#include <arpa/inet.h>
#include <event2/bufferevent_ssl.h>
#include <event2/util.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#define SECURITY_LEVEL 2

static bool set_up(SSL_CTX *tls, const char *ca_file) {
  SSL_CTX_set_security_level(tls, SECURITY_LEVEL);
  SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
  return SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) == 1 &&
         (ca_file ? SSL_CTX_load_verify_file(tls, ca_file)
                  : SSL_CTX_set_default_verify_paths(tls)) == 1;
}

SSL_CTX *tls_new(const char *ca_file) {
  SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
  if (tls && set_up(tls, ca_file)) return tls;
  ERR_clear_error();
  SSL_CTX_free(tls);
  return NULL;
}

static bool is_address(const char *host) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool expect_host(SSL *ssl, const char *host) {
  if (is_address(host))
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

SSL *tls_for(SSL_CTX *tls, const char *host) {
  SSL *ssl = SSL_new(tls);
  if (ssl && expect_host(ssl, host)) return ssl;
  SSL_free(ssl);
  return NULL;
}

const char *tls_reason(struct bufferevent *bev, short what) {
  int error = EVUTIL_SOCKET_ERROR();
  SSL *ssl = bufferevent_openssl_get_ssl(bev);
  unsigned long code = ssl ? bufferevent_get_openssl_error(bev) : 0;
  long verified = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
  ERR_clear_error();
  if (verified != X509_V_OK) return X509_verify_cert_error_string(verified);
  const char *reason = code ? ERR_reason_error_string(code) : NULL;
  if (reason) return reason;
  return what & BEV_EVENT_EOF || error == 0 ? "Server closed the connection"
                                            : strerror(error);
}
