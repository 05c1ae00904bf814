#include "ws/dialer.h"

#include <event2/dns.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "base/mem.h"

#define SECURITY_LEVEL 2 /* as ours, http/tls.c */
#define RESOLV_FLAGS   (DNS_OPTIONS_ALL & ~DNS_OPTION_HOSTSFILE)

struct file {
  const char *path;
  struct stat seen; /* when it was read */
};

struct cg_ws_dialer {
  struct cg_loop *loop;
  struct evdns_base *names;
  struct file resolv, hosts;
  SSL_CTX *tls;
};

static bool trust(SSL_CTX *tls, const char *ca) {
  return ca ? SSL_CTX_load_verify_file(tls, ca) == 1
            : SSL_CTX_set_default_verify_paths(tls) == 1;
}

static bool set_up_tls(struct cg_ws_dialer *d, const char *ca, struct cg_err *err) {
  static const unsigned char http11[] = "\x08http/1.1";
  d->tls = SSL_CTX_new(TLS_client_method());
  if (!d->tls) return cg_fail(err, CG_E_MEMORY, "no memory for TLS");
  SSL_CTX_set_security_level(d->tls, SECURITY_LEVEL);
  SSL_CTX_set_options(d->tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(d->tls, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(d->tls, SSL_VERIFY_PEER, NULL);
  if (SSL_CTX_set_min_proto_version(d->tls, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_alpn_protos(d->tls, http11, sizeof http11 - 1) != 0)
    return cg_fail(err, CG_E_MEMORY, "no memory for TLS");
  if (trust(d->tls, ca)) return true;
  ERR_clear_error();
  return cg_fail(err, CG_E_INVALID, "%s holds no authority that can be read",
                 ca ? ca : "the system");
}

/* Not as it was when it was read; from now on it is. */
static bool is_new(struct file *f) {
  struct stat now = {0}, was = f->seen;
  int error = stat(f->path, &now);
  (void)error; /* none there: all zero */
  f->seen = now;
  return now.st_ino != was.st_ino || now.st_size != was.st_size ||
         now.st_mtim.tv_sec != was.st_mtim.tv_sec ||
         now.st_mtim.tv_nsec != was.st_mtim.tv_nsec;
}

/* Without a resolv.conf the resolver asks this machine, as the C library does. */
static bool set_up_names(struct cg_ws_dialer *d, const struct cg_ws_dialer_conf *conf,
                         struct cg_err *err) {
  d->resolv.path = conf->resolv_conf ? conf->resolv_conf : "/etc/resolv.conf";
  d->hosts.path = conf->hosts ? conf->hosts : "/etc/hosts";
  d->names = evdns_base_new(cg_loop_base(d->loop), 0);
  if (!d->names) return cg_fail(err, CG_E_MEMORY, "no memory for a resolver");
  (void)is_new(&d->resolv), (void)is_new(&d->hosts);
  /* a nameserver that drops questions for one family costs no more than this */
  evdns_base_set_option(d->names, "getaddrinfo-allow-skew:", "0.2");
  evdns_base_set_option(d->names, "timeout:", "1");
  evdns_base_resolv_conf_parse(d->names, RESOLV_FLAGS, d->resolv.path);
  evdns_base_load_hosts(d->names, d->hosts.path);
  return true;
}

/* Questions that are under way go to the new nameservers. */
static void read_again(struct cg_ws_dialer *d) {
  if (is_new(&d->resolv)) {
    evdns_base_clear_nameservers_and_suspend(d->names);
    evdns_base_search_clear(d->names);
    evdns_base_resolv_conf_parse(d->names, RESOLV_FLAGS, d->resolv.path);
    evdns_base_resume(d->names);
  }
  if (is_new(&d->hosts)) {
    evdns_base_clear_host_addresses(d->names);
    evdns_base_load_hosts(d->names, d->hosts.path);
  }
}

struct cg_ws_dialer *cg_ws_dialer_new(const struct cg_ws_dialer_conf *conf,
                                      struct cg_err *err) {
  struct cg_ws_dialer *d = cg_alloc(sizeof *d);
  if (!d) {
    cg_fail(err, CG_E_MEMORY, "no memory for a dialer");
    return NULL;
  }
  d->loop = conf->loop;
  if (set_up_tls(d, conf->ca, err) && set_up_names(d, conf, err)) return d;
  cg_ws_dialer_free(d);
  return NULL;
}

void cg_ws_dialer_free(struct cg_ws_dialer *d) {
  if (!d) return;
  if (d->names) evdns_base_free(d->names, 0);
  SSL_CTX_free(d->tls);
  cg_free(d);
}

struct cg_loop *cg_ws_dialer_loop(const struct cg_ws_dialer *d) {
  return d->loop;
}

struct evdns_base *cg_ws_dialer_names(struct cg_ws_dialer *d) {
  read_again(d);
  return d->names;
}

static bool expect_host(SSL *ssl, const char *host, bool is_address) {
  if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

void *cg_ws_dialer_tls(const struct cg_ws_dialer *d, const char *host, bool is_address) {
  SSL *ssl = SSL_new(d->tls);
  if (ssl && expect_host(ssl, host, is_address)) return ssl;
  SSL_free(ssl);
  return NULL;
}
