#include "dial.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "tls.h"

#define RESOLV_CONF "/etc/resolv.conf"

struct dial {
  struct cgp_host *host;
  struct dial_config config;
  uint32_t connect_ms;
  int64_t due_us;          /* of all addresses */
  struct cgp_timer *step;  /* begins, goes on, or ends what takes too long */
  struct bufferevent *bev; /* of the address that is tried */

  struct evdns_base *names; /* of this dial */
  struct evdns_getaddrinfo_request *asking;
  struct ask *ask; /* what its answer comes with */
  struct evutil_addrinfo *found;
  const struct evutil_addrinfo *next; /* of found, or the socket's */
  struct sockaddr_un path;
  struct evutil_addrinfo at_path;
  char words[400]; /* of each address that failed */
};

struct ask {
  struct dial *d; /* NULL: it was cancelled */
};

static void set_step(struct dial *d, uint32_t ms, void (*fn)(void *)) {
  if (d->step) d->host->timer_stop(d->host, d->step);
  d->step = d->host->timer(d->host, ms, fn, d);
}

/* ---- the end ---- */

static void hang_up(struct dial *d) {
  if (d->bev) bufferevent_free(d->bev);
  d->bev = NULL;
}

void dial_cancel(struct dial *d) {
  if (d->step) d->host->timer_stop(d->host, d->step);
  if (d->ask) d->ask->d = NULL;
  if (d->asking) evdns_getaddrinfo_cancel(d->asking);
  if (d->found) evutil_freeaddrinfo(d->found);
  d->step = NULL;
  d->ask = NULL;
  d->asking = NULL;
  d->found = NULL;
  d->next = NULL;
  hang_up(d);
}

static void fail(struct dial *d, const char *words) {
  char why[sizeof d->words];
  snprintf(why, sizeof why, "%s", words);
  dial_cancel(d);
  d->config.done(d->config.arg, NULL, why);
}

static void add_words(struct dial *d, const char *address, const char *why) {
  size_t n = strlen(d->words);
  snprintf(d->words + n, sizeof d->words - n, "%s%s%s%s", n ? ", " : "", address,
           *address ? ": " : "", why);
}

/* ---- one address after another ---- */

static void attempt(void *arg);

/* "127.0.0.1:6379"; "" when that is what the URL says. */
static void address_of(const struct dial *d, const struct evutil_addrinfo *a, char *out,
                       size_t n) {
  char host[64] = "", port[8] = "";
  *out = '\0';
  if (a->ai_family == AF_UNIX) return;
  getnameinfo(a->ai_addr, (socklen_t)a->ai_addrlen, host, sizeof host, port, sizeof port,
              NI_NUMERICHOST | NI_NUMERICSERV);
  if (strcmp(host, d->config.url->host) != 0)
    snprintf(out, n, a->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static void failed(struct dial *d, const char *why) {
  char address[80];
  address_of(d, d->next, address, sizeof address);
  add_words(d, address, why);
  hang_up(d);
  d->next = d->next->ai_next;
  set_step(d, 0, attempt);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct dial *d = arg;
  if (!(what & BEV_EVENT_CONNECTED)) {
    failed(d, tls_reason(bev, what));
    return;
  }
  d->bev = NULL;
  bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
  dial_cancel(d);
  d->config.done(d->config.arg, bev, NULL);
}

static void is_silent(void *arg) {
  struct dial *d = arg;
  d->step = NULL;
  failed(d, "no connection in time");
}

static struct bufferevent *make_socket(const struct dial *d) {
  const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
  struct event_base *base = d->host->event_base(d->host);
  if (!d->config.url->tls) return bufferevent_socket_new(base, -1, options);
  SSL *ssl = tls_for(d->config.tls, d->config.url->host);
  struct bufferevent *bev = ssl ? bufferevent_openssl_socket_new(
                                      base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, options)
                                : NULL;
  if (!bev) SSL_free(ssl);
  return bev;
}

static uint32_t share_ms(const struct dial *d) {
  int64_t left_ms = (d->due_us - d->host->mono_us(d->host)) / 1000, n = 0;
  for (const struct evutil_addrinfo *a = d->next; a; a = a->ai_next) n++;
  return left_ms > n ? (uint32_t)(left_ms / n) : 1;
}

static void attempt(void *arg) {
  struct dial *d = arg;
  const struct evutil_addrinfo *to = d->next;
  d->step = NULL;
  if (d->names) evdns_base_free(d->names, 0);
  d->names = NULL;
  if (!to) {
    fail(d, d->words);
    return;
  }
  d->bev = make_socket(d);
  if (!d->bev) {
    failed(d, "out of memory");
    return;
  }
  bufferevent_setcb(d->bev, NULL, NULL, on_event, d);
  bufferevent_enable(d->bev, EV_READ | EV_WRITE);
  if (bufferevent_socket_connect(d->bev, to->ai_addr, (int)to->ai_addrlen) < 0) {
    failed(d, strerror(errno));
    return;
  }
  fcntl(bufferevent_getfd(d->bev), F_SETFD, FD_CLOEXEC);
  set_step(d, share_ms(d), is_silent);
}

static void try_all(struct dial *d, const struct evutil_addrinfo *first) {
  d->next = first;
  d->due_us = d->host->mono_us(d->host) + (int64_t)d->connect_ms * 1000;
  set_step(d, 0, attempt);
}

/* ---- the name ---- */

static void on_answer(int error, struct evutil_addrinfo *found, void *arg) {
  struct ask *ask = arg;
  struct dial *d = ask->d;
  free(ask);
  if (!d) {
    if (found) evutil_freeaddrinfo(found);
    return;
  }
  d->ask = NULL;
  d->asking = NULL;
  d->found = found;
  if (!found)
    add_words(d, "the name is not resolved",
              error ? evutil_gai_strerror(error) : "it has no address");
  try_all(d, found);
}

/* What the nameservers' file says of its own goes before ours. */
static struct evdns_base *make_names(struct event_base *base) {
  struct evdns_base *names = evdns_base_new(base, 0);
  if (!names) return NULL;
  evdns_base_set_option(names, "timeout:", "1");
  evdns_base_set_option(names, "getaddrinfo-allow-skew:", "0.2");
  evdns_base_resolv_conf_parse(names, DNS_OPTIONS_ALL & ~DNS_OPTION_HOSTSFILE,
                               RESOLV_CONF);
  evdns_base_load_hosts(names, "/etc/hosts");
  return names;
}

static void is_unresolved(void *arg) {
  struct dial *d = arg;
  d->step = NULL;
  fail(d, "the name is not resolved: no answer in time");
}

static void resolve(struct dial *d, const char *port,
                    const struct evutil_addrinfo *hints) {
  if (d->names) evdns_base_free(d->names, 0); /* of a dial that was cancelled */
  d->names = make_names(d->host->event_base(d->host));
  d->ask = d->names ? malloc(sizeof *d->ask) : NULL;
  if (!d->ask) {
    add_words(d, "", "out of memory");
    try_all(d, NULL);
    return;
  }
  *d->ask = (struct ask){.d = d};
  struct evdns_getaddrinfo_request *asking =
      evdns_getaddrinfo(d->names, d->config.url->host, port, hints, on_answer, d->ask);
  if (asking) d->asking = asking; /* NULL: it has answered already */
}

/* ---- the beginning ---- */

static void begin(void *arg) {
  struct dial *d = arg;
  struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
                                  .ai_socktype = SOCK_STREAM,
                                  .ai_protocol = IPPROTO_TCP,
                                  .ai_flags =
                                      EVUTIL_AI_NUMERICSERV | EVUTIL_AI_NUMERICHOST};
  char port[8];
  d->step = NULL;
  if (d->config.url->path[0]) {
    try_all(d, &d->at_path);
    return;
  }
  snprintf(port, sizeof port, "%u", d->config.url->port);
  if (evutil_getaddrinfo(d->config.url->host, port, &hints, &d->found) == 0) {
    try_all(d, d->found);
    return;
  }
  d->found = NULL;
  hints.ai_flags = EVUTIL_AI_NUMERICSERV;
  resolve(d, port, &hints);
}

void dial_begin(struct dial *d, uint32_t name_ms, uint32_t connect_ms) {
  dial_cancel(d);
  d->connect_ms = connect_ms;
  d->words[0] = '\0';
  begin(d);
  if (d->asking) set_step(d, name_ms, is_unresolved);
}

bool dial_asks_name(const struct dial *d) {
  return d->asking;
}

struct dial *dial_new(struct cgp_host *h, const struct dial_config *config) {
  struct dial *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  d->host = h;
  d->config = *config;
  d->path.sun_family = AF_UNIX;
  memcpy(d->path.sun_path, config->url->path, sizeof d->path.sun_path);
  d->at_path = (struct evutil_addrinfo){.ai_family = AF_UNIX,
                                        .ai_addr = (struct sockaddr *)&d->path,
                                        .ai_addrlen = sizeof d->path};
  return d;
}

void dial_free(struct dial *d) {
  if (!d) return;
  dial_cancel(d);
  if (d->names) evdns_base_free(d->names, 1);
  free(d);
}
