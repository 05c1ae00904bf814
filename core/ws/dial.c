#include "ws/dial.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "http/chars.h"
#include "http/message.h"
#include "ws/handshake.h"
#include "ws/url.h"

#define REQUEST_MAX (16 * 1024)
#define OPTIONS     (BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS)

struct cg_ws_dial {
  struct cg_ws_dialer *dialer;
  struct cg_ws *ws; /* not begun yet */
  void (*done)(void *arg, struct cg_ws *ws, const char *protocol,
               const struct cg_err *err);
  void *arg;
  struct cg_ws_url url;
  char *protocols; /* NULL: none are offered */
  char *request;   /* may hold a token */
  char accept[CG_WS_ACCEPT + 1];

  int64_t due_us;
  struct cg_timer deadline;
  struct cg_timer step; /* the next address; or this attempt has had its time */
  bool over;            /* freed when the resolver's answer comes */
  struct evdns_getaddrinfo_request *resolving;
  struct evutil_addrinfo *found, *next;
  const struct evutil_addrinfo *tried; /* of found, the address of bev */
  struct bufferevent *bev;             /* of the address that is tried */
  struct cg_err err;                   /* of the last attempt */
};

static void attempt(void *arg);

/* ---- the end ---- */

static void free_dial(struct cg_ws_dial *d) {
  if (d->found) evutil_freeaddrinfo(d->found);
  cg_free_secret(d->request);
  cg_free(d->protocols);
  cg_free(d);
}

static void hang_up(struct cg_ws_dial *d) {
  if (d->bev) bufferevent_free(d->bev);
  d->bev = NULL;
}

void cg_ws_dial_cancel(struct cg_ws_dial *d) {
  cg_timer_stop(&d->deadline);
  cg_timer_stop(&d->step);
  hang_up(d);
  if (d->ws) cg_ws_free(d->ws);
  d->over = true;
  if (d->resolving)
    evdns_getaddrinfo_cancel(d->resolving); /* its callback comes, and frees d */
  else
    free_dial(d);
}

static void fail(struct cg_ws_dial *d, const struct cg_err *why) {
  const struct cg_err err = *why;
  void (*done)(void *, struct cg_ws *, const char *, const struct cg_err *) = d->done;
  void *arg = d->arg;
  cg_ws_dial_cancel(d);
  done(arg, NULL, "", &err);
}

static void on_deadline(void *arg) {
  struct cg_ws_dial *d = arg;
  struct cg_err err;
  cg_fail(&err, CG_E_TIMEOUT, "%s was not reached in time%s%s", d->url.authority,
          d->err.code ? ": " : "", d->err.text);
  fail(d, &err);
}

/* ---- the opening handshake ---- */

static void open_socket(struct cg_ws_dial *d, const char *protocol) {
  struct cg_ws *ws = d->ws;
  d->ws = NULL;
  cg_ws_begin_dialled(ws, d->bev);
  d->bev = NULL;
  void (*done)(void *, struct cg_ws *, const char *, const struct cg_err *) = d->done;
  void *arg = d->arg;
  cg_ws_dial_cancel(d);
  done(arg, ws, protocol, NULL);
}

static void judge(struct cg_ws_dial *d, size_t n) {
  char head[CG_WS_RESPONSE_MAX + 1], protocol[CG_WS_PROTOCOL_MAX + 1];
  struct cg_err err;
  evbuffer_remove(bufferevent_get_input(d->bev), head, n);
  if (cg_ws_response_judge(head, n, d->accept, d->protocols, protocol, &err))
    open_socket(d, protocol);
  else
    fail(d, &err);
}

static void on_read(struct bufferevent *bev, void *arg) {
  struct cg_ws_dial *d = arg;
  struct evbuffer *in = bufferevent_get_input(bev);
  struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
  struct cg_err err;
  if (end.pos >= 0 && end.pos + 4 <= CG_WS_RESPONSE_MAX) {
    judge(d, (size_t)end.pos + 4);
  } else if (evbuffer_get_length(in) >= CG_WS_RESPONSE_MAX) {
    cg_fail(&err, CG_E_UNAVAILABLE, "the server's answer is too long");
    fail(d, &err);
  }
}

/* ---- one address after another ---- */

/* What OpenSSL or the socket says of a failed connection. */
static const char *reason_of(struct bufferevent *bev, short what) {
  int error = EVUTIL_SOCKET_ERROR();
  SSL *ssl = bufferevent_openssl_get_ssl(bev);
  unsigned long code = ssl ? bufferevent_get_openssl_error(bev) : 0;
  long verified = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
  ERR_clear_error();
  if (verified != X509_V_OK) return X509_verify_cert_error_string(verified);
  const char *reason = code ? ERR_reason_error_string(code) : NULL;
  if (reason) return reason;
  return what & BEV_EVENT_EOF || error == 0 ? "it hung up" : strerror(error);
}

/* "cannot reach camera.test:80 at 127.0.0.2: Connection refused" */
static void say_why(struct cg_ws_dial *d, const char *why) {
  char text[CG_ADDR_TEXT] = "";
  const struct cg_addr at = cg_addr_of(d->tried->ai_addr);
  if (!d->url.is_address) cg_addr_text(&at, text);
  cg_fail(&d->err, CG_E_UNAVAILABLE, "cannot reach %s%s%s: %s", d->url.authority,
          *text ? " at " : "", text, why);
}

static void go_on(struct cg_ws_dial *d, int64_t us) {
  cg_timer_start(&d->step, cg_ws_dialer_loop(d->dialer), us, attempt, d);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
  struct cg_ws_dial *d = arg;
  if (what & BEV_EVENT_CONNECTED) {
    if (bufferevent_write(bev, d->request, strlen(d->request)) == 0) return;
    cg_fail(&d->err, CG_E_MEMORY, "no memory for a request");
  } else {
    say_why(d, reason_of(bev, what));
  }
  hang_up(d);
  go_on(d, 0);
}

static struct bufferevent *make_socket(const struct cg_ws_dial *d) {
  struct event_base *base = cg_loop_base(cg_ws_dialer_loop(d->dialer));
  if (!d->url.tls) return bufferevent_socket_new(base, -1, OPTIONS);
  SSL *ssl = cg_ws_dialer_tls(d->dialer, d->url.host, d->url.is_address);
  struct bufferevent *bev = ssl ? bufferevent_openssl_socket_new(
                                      base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, OPTIONS)
                                : NULL;
  if (!bev) SSL_free(ssl);
  return bev;
}

static bool connect_to(struct cg_ws_dial *d, const struct evutil_addrinfo *to) {
  d->tried = to;
  d->bev = make_socket(d);
  if (!d->bev) return cg_fail(&d->err, CG_E_MEMORY, "no memory for a connection");
  bufferevent_setcb(d->bev, on_read, NULL, on_event, d);
  bufferevent_setwatermark(d->bev, EV_READ, 0, CG_WS_RESPONSE_MAX);
  bufferevent_enable(d->bev, EV_READ | EV_WRITE);
  if (bufferevent_socket_connect(d->bev, to->ai_addr, (int)to->ai_addrlen) < 0) {
    say_why(d, strerror(errno));
    return false;
  }
  fcntl(bufferevent_getfd(d->bev), F_SETFD, FD_CLOEXEC);
  return true;
}

/* The next address; the one before has failed, or has had its share of the time. */
static void attempt(void *arg) {
  struct cg_ws_dial *d = arg;
  const struct evutil_addrinfo *to = d->next;
  int left = 0;
  if (d->bev) cg_fail(&d->err, CG_E_TIMEOUT, "%s is silent", d->url.authority);
  hang_up(d);
  if (!to) {
    fail(d, &d->err);
    return;
  }
  for (const struct evutil_addrinfo *a = to; a; a = a->ai_next) left++;
  d->next = to->ai_next;
  if (connect_to(d, to)) {
    go_on(d, (d->due_us - cg_loop_now(cg_ws_dialer_loop(d->dialer))) / left);
    return;
  }
  hang_up(d);
  go_on(d, 0);
}

/* ---- its name ---- */

/* Families take turns (RFC 8305 4), each in the resolver's order. */
static void interleave(struct evutil_addrinfo *first) {
  for (struct evutil_addrinfo *a = first; a && a->ai_next; a = a->ai_next) {
    struct evutil_addrinfo **link = &a->ai_next;
    while (*link && (*link)->ai_family == a->ai_family) link = &(*link)->ai_next;
    struct evutil_addrinfo *other = *link;
    if (!other || link == &a->ai_next) continue;
    *link = other->ai_next;
    other->ai_next = a->ai_next;
    a->ai_next = other;
  }
}

static void on_resolved(int result, struct evutil_addrinfo *found, void *arg) {
  struct cg_ws_dial *d = arg;
  d->resolving = NULL;
  d->found = d->next = found;
  if (d->over) {
    free_dial(d);
    return;
  }
  if (result != 0 || !found)
    cg_fail(&d->err, CG_E_UNAVAILABLE, "cannot resolve %s: %s", d->url.host,
            evutil_gai_strerror(result));
  interleave(found);
  go_on(d, 0);
}

static void resolve(void *arg) {
  struct cg_ws_dial *d = arg;
  const struct evutil_addrinfo hints = {
      .ai_socktype = SOCK_STREAM,
      .ai_protocol = IPPROTO_TCP,
      .ai_flags = EVUTIL_AI_NUMERICSERV | (d->url.is_address ? EVUTIL_AI_NUMERICHOST : 0),
  };
  char port[8];
  snprintf(port, sizeof port, "%u", d->url.port);
  d->resolving = evdns_getaddrinfo(cg_ws_dialer_names(d->dialer), d->url.host, port,
                                   &hints, on_resolved, d); /* NULL: it was called */
}

/* ---- the beginning ---- */

static bool write_field(struct cg_buf *b, const struct cg_header *h) {
  if (!cg_is_line(h->value, strlen(h->value))) return false;
  cg_buf_printf(b, "%s: %s\r\n", h->name, h->value);
  return cg_is_token(h->name, strlen(h->name));
}

static bool make_key(char out[CG_WS_KEY + 1]) {
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return false;
  return EVP_EncodeBlock((unsigned char *)out, bytes, sizeof bytes) == CG_WS_KEY;
}

static bool write_request(struct cg_ws_dial *d, const struct cg_ws_dial_conf *conf,
                          struct cg_err *err) {
  struct cg_buf b;
  char key[CG_WS_KEY + 1], text[REQUEST_MAX + 1];
  if (!make_key(key)) return cg_fail(err, CG_E_UNAVAILABLE, "no random bytes");
  cg_ws_accept_key(key, d->accept);
  cg_buf_wrap(&b, text, sizeof text);
  cg_buf_printf(&b,
                "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                "Sec-WebSocket-Version: 13\r\n",
                d->url.target, d->url.authority, key);
  const struct cg_header offer = {"Sec-WebSocket-Protocol", conf->protocols};
  bool ok = !conf->protocols || write_field(&b, &offer);
  for (size_t i = 0; ok && i < conf->n_headers; i++)
    ok = write_field(&b, &conf->headers[i]);
  cg_buf_puts(&b, "\r\n");
  d->request = ok && cg_buf_ok(&b) ? cg_strdup(text) : NULL;
  explicit_bzero(text, sizeof text);
  return d->request || cg_fail(err, CG_E_INVALID, "a field that cannot be sent");
}

static bool prepare(struct cg_ws_dial *d, const struct cg_ws_dial_conf *conf,
                    struct cg_err *err) {
  if (!cg_ws_url_parse(conf->url, &d->url, err) || !write_request(d, conf, err))
    return false;
  if (conf->protocols) d->protocols = cg_strdup(conf->protocols);
  d->ws = cg_ws_new(&conf->ws);
  if (d->ws && (d->protocols || !conf->protocols)) return true;
  return cg_fail(err, CG_E_MEMORY, "no memory for a dial");
}

struct cg_ws_dial *cg_ws_dial(struct cg_ws_dialer *dialer,
                              const struct cg_ws_dial_conf *conf, struct cg_err *err) {
  struct cg_ws_dial *d = cg_alloc(sizeof *d);
  struct cg_loop *loop = cg_ws_dialer_loop(dialer);
  if (!d) {
    cg_fail(err, CG_E_MEMORY, "no memory for a dial");
    return NULL;
  }
  d->dialer = dialer;
  d->done = conf->done;
  d->arg = conf->arg;
  if (!prepare(d, conf, err)) {
    cg_ws_dial_cancel(d);
    return NULL;
  }
  d->due_us = cg_loop_now(loop) + conf->timeout_us;
  cg_timer_start(&d->deadline, loop, conf->timeout_us, on_deadline, d);
  cg_timer_start(&d->step, loop, 0, resolve, d);
  return d;
}
