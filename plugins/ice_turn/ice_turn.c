/* ice_turn - TURN servers with credentials that end with the lease.  See README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "camgate_plugin.h"
#include "credential.h"

#define URLS         3
#define URL_BYTES    320
#define DOMAIN_BYTES 253

/* user and password: static mode, when there is no secret. */
struct plugin {
  bool serves;
  const char *secret, *user, *password;
  uint32_t ttl_s;
  char text[URLS][URL_BYTES];
  const char *urls[URLS];
};

struct worker {
  const struct plugin *self;
  struct cgp_host *host;
  struct minter *minter; /* NULL in static mode */
};

static bool given(const char *s) {
  return s && *s;
}

/* A host name, an IPv4 address, or an IPv6 address in brackets (RFC 7065). */
static bool domain_ok(const char *s) {
  static const char name[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
  static const char six[] = "0123456789abcdefABCDEF:.";
  size_t n = strlen(s);
  if (n == 0 || n > DOMAIN_BYTES) return false;
  if (*s != '[') return strspn(s, name) == n && *s != '-' && *s != '.';
  return n > 3 && strspn(s + 1, six) == n - 2 && s[n - 1] == ']';
}

static void make_urls(struct plugin *p, const char *domain, int port, int tls_port) {
  snprintf(p->text[0], URL_BYTES, "turn:%s:%d?transport=udp", domain, port);
  snprintf(p->text[1], URL_BYTES, "turn:%s:%d?transport=tcp", domain, port);
  snprintf(p->text[2], URL_BYTES, "turns:%s:%d?transport=tcp", domain, tls_port);
  for (size_t i = 0; i < URLS; i++) p->urls[i] = p->text[i];
}

/* NULL, or what is wrong. */
static const char *configure(struct plugin *p, struct cgp_host *h) {
  const char *domain = h->conf_string(h, "domain");
  if (!given(domain)) return NULL;
  p->serves = true;
  p->secret = h->conf_string(h, "secret");
  p->user = h->conf_string(h, "user");
  p->password = h->conf_string(h, "password");
  p->ttl_s = (uint32_t)h->conf_int(h, "ttl_s");
  if (!domain_ok(domain)) {
    return "option domain: must be a host name or address, without scheme or port";
  }
  if (!given(p->secret) && !(given(p->user) && given(p->password))) {
    return "option domain is given, so either secret, or both user and password are "
           "needed";
  }
  make_urls(p, domain, (int)h->conf_int(h, "port"), (int)h->conf_int(h, "tls_port"));
  return NULL;
}

static int init(struct cgp_host *h, void **ret_self, char *err, size_t err_size) {
  struct plugin *p = calloc(1, sizeof *p);
  const char *wrong = p ? configure(p, h) : "out of memory";
  if (wrong) {
    snprintf(err, err_size, "%s", wrong);
    free(p);
    return -1;
  }
  if (p->serves && !given(p->secret)) {
    h->log(h, CGP_WARN,
           "one static TURN user for everybody: its password never expires and reaches "
           "every client; set secret, with use-auth-secret at the TURN server");
  }
  *ret_self = p;
  return 0;
}

static void fini(void *self) {
  free(self);
}

static void stop(void *worker) {
  struct worker *w = worker;
  if (!w) return;
  minter_free(w->minter);
  free(w);
}

static int start(void *self, struct cgp_host *h, void **ret_w, char *err,
                 size_t err_size) {
  struct worker *w = calloc(1, sizeof *w);
  if (w) *w = (struct worker){.self = self, .host = h};
  bool minting = w && w->self->serves && given(w->self->secret);
  if (minting) w->minter = minter_new(w->self->secret);
  if (!w || (minting && !w->minter)) {
    snprintf(err, err_size, "HMAC-SHA1 is not to be had from OpenSSL, or out of memory");
    stop(w);
    return -1;
  }
  *ret_w = w;
  return 0;
}

static void answer(struct worker *w, struct cgp_call call, const char *user,
                   const char *password, uint32_t ttl_s) {
  const struct cgp_ice_server server = {
      .size = sizeof server,
      .urls = w->self->urls,
      .n_urls = URLS,
      .username = user,
      .credential = password,
      .ttl_s = ttl_s,
  };
  w->host->done(w->host, call, &CGP_MAKE(cgp_ice_servers, &server, 1));
}

static void issue(void *worker, const struct cgp_ice_request *req, struct cgp_call call) {
  struct worker *w = worker;
  const struct plugin *p = w->self;
  struct credential c;
  uint32_t ttl = req->ttl_s < p->ttl_s ? req->ttl_s : p->ttl_s;
  if (!p->serves) {
    w->host->done(w->host, call, &CGP_MAKE(cgp_ice_servers, NULL, 0));
  } else if (!w->minter) {
    answer(w, call, p->user, p->password, ttl);
  } else if (minter_issue(w->minter, w->host->wall_us(w->host) / 1000000 + ttl,
                          req->lease_id, &c)) {
    answer(w, call, c.username, c.password, ttl);
  } else {
    w->host->fail(w->host, call, CGP_E_INTERNAL, "TURN credentials cannot be computed");
  }
}

static const struct cgp_option options[] = {
    CGP_INIT(cgp_option, "domain", CGP_OPT_STRING, 0, DOMAIN_BYTES, NULL,
             "TURN server as clients reach it; without it no servers are handed out."),
    CGP_INIT(cgp_option, "secret", CGP_OPT_SECRET, 0, 512, NULL,
             "Secret shared with the TURN server (coturn: static-auth-secret)."),
    CGP_INIT(cgp_option, "port", CGP_OPT_INT, 1, 65535, "3478", "Port for UDP and TCP."),
    CGP_INIT(cgp_option, "tls_port", CGP_OPT_INT, 1, 65535, "5349", "Port for TLS."),
    CGP_INIT(cgp_option, "user", CGP_OPT_STRING, 0, 128, NULL,
             "Static user, used when there is no secret."),
    CGP_INIT(cgp_option, "password", CGP_OPT_SECRET, 0, 256, NULL,
             "Password of the static user."),
    CGP_INIT(cgp_option, "ttl_s", CGP_OPT_INT, 30, 86400, "3600",
             "Longest life of a credential; a lease that ends sooner shortens it."),
};

static const struct cgp_ice_ops ops = CGP_INIT(cgp_ice_ops, issue);

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR,
    .name = "ice_turn",
    .version = CAMGATE_VERSION,
    .summary = "TURN servers with credentials that live as long as a lease.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .init = init,
    .fini = fini,
    .start = start,
    .stop = stop,
    .ice = &ops,
};
