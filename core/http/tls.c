#include "http/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

#define SECURITY_LEVEL 2 /* RSA of 2048 bits, no SHA-1 */

static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                              "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                              "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char suites[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char curves[] = "X25519:P-256:P-384";

/* A client that speaks ALPN and not this would misread every answer. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                           const unsigned char *in, unsigned n, void *arg) {
  static const unsigned char ours[] = "\x08http/1.1";
  (void)ssl;
  (void)arg;
  unsigned char *chosen;
  if (SSL_select_next_proto(&chosen, out_n, ours, sizeof ours - 1, in, n) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

static bool set_rules(SSL_CTX *ctx) {
  SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
  SSL_CTX_set_options(ctx,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
  return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(ctx, ciphers) == 1 &&
         SSL_CTX_set_ciphersuites(ctx, suites) == 1 &&
         SSL_CTX_set1_groups_list(ctx, curves) == 1 &&
         SSL_CTX_set_num_tickets(ctx, 0) == 1;
}

/* The path, what it is not, and OpenSSL's own word. */
static bool refuse(struct cg_err *err, const char *path, const char *what) {
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return cg_fail(err, CG_E_INVALID, "%s %s%s%s%s", path, what, reason ? " (" : "",
                 reason ? reason : "", reason ? ")" : "");
}

static bool readable(const char *path, struct cg_err *err) {
  return access(path, R_OK) == 0 ||
         cg_fail(err, CG_E_INVALID, "%s: %s", path, strerror(errno));
}

static bool say_time(struct cg_err *err, const char *path, const char *what,
                     const ASN1_TIME *at) {
  struct tm tm = {0};
  char text[32] = "an odd time";
  if (ASN1_TIME_to_tm(at, &tm) == 1)
    strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &tm);
  return cg_fail(err, CG_E_INVALID, "%s %s %s", path, what, text);
}

static bool valid_now(const X509 *cert, const char *path, int64_t now_wall_us,
                      struct cg_err *err) {
  time_t now = (time_t)(now_wall_us / 1000000);
  const ASN1_TIME *from = X509_get0_notBefore(cert), *until = X509_get0_notAfter(cert);
  if (X509_cmp_time(until, &now) <= 0)
    return say_time(err, path, "is a certificate that expired on", until);
  if (X509_cmp_time(from, &now) >= 0)
    return say_time(err, path, "is a certificate that is not valid before", from);
  return true;
}

struct making {
  SSL_CTX *ctx;
  const struct cg_tls_conf *conf;
  int64_t now_wall_us;
};

static bool load_cert(const struct making *m, struct cg_err *err) {
  if (!readable(m->conf->cert, err)) return false;
  if (SSL_CTX_use_certificate_chain_file(m->ctx, m->conf->cert) != 1)
    return refuse(err, m->conf->cert, "is no certificate chain that can be used");
  return valid_now(SSL_CTX_get0_certificate(m->ctx), m->conf->cert, m->now_wall_us, err);
}

/* A gate that starts by itself has nobody to ask. */
static int no_passphrase(char *buf, int size, int writing, void *arg) {
  (void)buf;
  (void)size;
  (void)writing;
  (void)arg;
  return -1;
}

static bool load_key(const struct making *m, struct cg_err *err) {
  if (!readable(m->conf->key, err)) return false;
  BIO *file = BIO_new_file(m->conf->key, "r");
  EVP_PKEY *key = file ? PEM_read_bio_PrivateKey(file, NULL, no_passphrase, NULL) : NULL;
  BIO_free(file);
  bool ok;
  if (!key)
    ok = refuse(err, m->conf->key, "is no private key without a passphrase");
  else if (X509_check_private_key(SSL_CTX_get0_certificate(m->ctx), key) != 1)
    ok = refuse(err, m->conf->key, "is not the key of the certificate");
  else
    ok = SSL_CTX_use_PrivateKey(m->ctx, key) == 1 ||
         refuse(err, m->conf->key, "is a key that cannot be used");
  EVP_PKEY_free(key);
  return ok;
}

static STACK_OF(X509_NAME) * authorities(const char *path, struct cg_err *err) {
  if (!readable(path, err)) return NULL;
  STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
  bool any = names && sk_X509_NAME_num(names) > 0;
  if (any) return names;
  sk_X509_NAME_pop_free(names, X509_NAME_free);
  refuse(err, path, "is no file of certificates");
  return NULL;
}

bool cg_tls_authorities(const char *path, struct cg_err *err) {
  STACK_OF(X509_NAME) *names = authorities(path, err);
  ERR_clear_error();
  sk_X509_NAME_pop_free(names, X509_NAME_free);
  return names;
}

static bool load_client_ca(const struct making *m, struct cg_err *err) {
  int must = m->conf->client_cert == CG_CLIENT_CERT_REQUIRED
                 ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                 : 0;
  if (m->conf->client_cert == CG_CLIENT_CERT_NONE) return true;
  if (!m->conf->client_ca)
    return cg_fail(err, CG_E_INVALID, "client certificates need the client_ca");
  STACK_OF(X509_NAME) *names = authorities(m->conf->client_ca, err);
  if (!names) return false;
  if (SSL_CTX_load_verify_file(m->ctx, m->conf->client_ca) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return refuse(err, m->conf->client_ca, "is no file of certificates");
  }
  SSL_CTX_set_client_CA_list(m->ctx, names);
  SSL_CTX_set_verify(m->ctx, SSL_VERIFY_PEER | must, NULL);
  return true;
}

void *cg_tls_new(const struct cg_tls_conf *conf, int64_t now_wall_us,
                 const char **ret_option, struct cg_err *err) {
  static const struct {
    const char *option;
    bool (*load)(const struct making *m, struct cg_err *err);
  } parts[] = {{"cert", load_cert}, {"key", load_key}, {"client_ca", load_client_ca}};
  struct making m = {SSL_CTX_new(TLS_server_method()), conf, now_wall_us};
  *ret_option = "cert";
  bool ok = (m.ctx && set_rules(m.ctx)) || cg_fail(err, CG_E_MEMORY, "cannot set up TLS");
  for (size_t i = 0; ok && i < CG_COUNT(parts); i++) {
    *ret_option = parts[i].option;
    ok = parts[i].load(&m, err);
  }
  ERR_clear_error();
  if (ok) return m.ctx;
  SSL_CTX_free(m.ctx);
  return NULL;
}

void cg_tls_free(void *ssl_ctx) {
  SSL_CTX_free(ssl_ctx);
}

bool cg_tls_pin(const char *cert, char out[CG_TLS_PIN], struct cg_err *err) {
  static const char prefix[] = "sha256//";
  unsigned char digest[32], *der = NULL;
  BIO *file = BIO_new_file(cert, "r");
  X509 *x = file ? PEM_read_bio_X509(file, NULL, no_passphrase, NULL) : NULL;
  int n = x ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : 0;
  bool ok = n > 0 && EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL) == 1;
  if (ok) {
    memcpy(out, prefix, sizeof prefix);
    EVP_EncodeBlock((unsigned char *)out + strlen(prefix), digest, sizeof digest);
  }
  OPENSSL_free(der);
  X509_free(x);
  BIO_free(file);
  return ok || refuse(err, cert, "is no certificate");
}
