#include "plugin/fetch.h"

#include <curl/curl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/list.h"
#include "base/mem.h"

#define IN_FLIGHT_MAX  256
#define PER_HOST_MAX   8
#define IDLE_EASY_MAX  16
#define CONNECTIONS    64
#define CLOSING_ROUNDS 4
#define NAME_KEPT_S    1L /* a name is asked for again when it is connected to again */

struct transfer {
  struct cg_link link; /* in flight, or waiting to be told */
  struct cg_fetcher *f;
  CURL *easy; /* NULL: refused before it began */
  struct curl_slist *headers;
  struct cg_buf body;
  bool too_big;
  enum cgp_code code;
  char error[CURL_ERROR_SIZE];
  char tried[128]; /* addresses that were connected to, ", " between them */
  void (*fn)(void *arg, const struct cgp_fetched *got);
  void *arg;
};

struct socket {
  struct cg_link link;
  struct event *ev;
};

struct cg_fetcher {
  struct cg_loop *loop;
  const struct cg_fetch_trust *trust; /* NULL: the system's authorities */
  CURLM *multi;
  struct cg_timer timer, tell;    /* curl's; for what failed inside cg_fetch */
  struct cg_list flying, refused; /* transfers */
  uint32_t n_flying;
  struct cg_list sockets;
  CURL *idle[IDLE_EASY_MAX];
  uint32_t n_idle;
  bool closed;
};

static struct transfer *transfer_of(struct cg_link *link) {
  return CG_CONTAINER(link, struct transfer, link);
}

/* ---- easy handles ---- */

static CURL *easy_take(struct cg_fetcher *f) {
  return f->n_idle ? f->idle[--f->n_idle] : curl_easy_init();
}

static void easy_give(struct cg_fetcher *f, CURL *easy) {
  if (!easy) return;
  curl_easy_reset(easy);
  if (f->n_idle < IDLE_EASY_MAX)
    f->idle[f->n_idle++] = easy;
  else
    curl_easy_cleanup(easy);
}

static void transfer_free(struct transfer *t) {
  if (t->easy) easy_give(t->f, t->easy);
  curl_slist_free_all(t->headers);
  cg_buf_done(&t->body);
  cg_free(t);
}

/* ---- completion ---- */

static void tell(struct transfer *t) {
  long status = 0;
  if (t->code == CGP_OK) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  struct cgp_fetched got = {
      .size = sizeof got,
      .code = t->code,
      .status = (uint16_t)status,
      .body = t->code == CGP_OK ? cg_buf_text(&t->body) : "",
      .body_len = t->code == CGP_OK ? t->body.len : 0,
      .error = t->code == CGP_OK ? NULL : t->error,
  };
  t->fn(t->arg, &got);
  transfer_free(t);
}

static void land(struct transfer *t) {
  curl_multi_remove_handle(t->f->multi, t->easy);
  cg_list_remove(&t->f->flying, &t->link);
  t->f->n_flying--;
}

static enum cgp_code code_of(const struct transfer *t, CURLcode result) {
  if (t->too_big) return CGP_E_INTERNAL;
  switch (result) {
  case CURLE_OK: return CGP_OK;
  case CURLE_OPERATION_TIMEDOUT: return CGP_E_TIMEOUT;
  case CURLE_URL_MALFORMAT:
  case CURLE_UNSUPPORTED_PROTOCOL: return CGP_E_INVALID;
  case CURLE_OUT_OF_MEMORY: return CGP_E_BUSY;
  default: return CGP_E_UNAVAILABLE;
  }
}

/* curl does not say why no address could be connected to, nor which ones there were. */
static void say_refused(struct transfer *t) {
  long why = 0;
  curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &why);
  if (why && t->tried[0])
    snprintf(t->error, sizeof t->error, "cannot connect to %s: %s", t->tried,
             strerror((int)why));
}

static void judge(struct transfer *t, CURLcode result) {
  t->code = code_of(t, result);
  if (result == CURLE_COULDNT_CONNECT) say_refused(t);
  if (t->too_big)
    snprintf(t->error, sizeof t->error, "the reply is larger than %zu bytes",
             t->body.max);
  else if (result && !t->error[0])
    snprintf(t->error, sizeof t->error, "%s", curl_easy_strerror(result));
}

static void reap(struct cg_fetcher *f) {
  int left;
  for (CURLMsg *m; (m = curl_multi_info_read(f->multi, &left));) {
    if (m->msg != CURLMSG_DONE) continue;
    struct transfer *t = NULL;
    CURLcode result = m->data.result;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
    judge(t, result);
    land(t);
    tell(t);
  }
}

/* ---- curl's events and ours ---- */

static void on_socket(evutil_socket_t fd, short what, void *arg) {
  struct cg_fetcher *f = arg;
  int mask =
      (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
  int running;
  curl_multi_socket_action(f->multi, fd, mask, &running);
  reap(f);
}

static void on_timer(void *arg) {
  struct cg_fetcher *f = arg;
  int running;
  curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  reap(f);
}

static int set_timer(CURLM *multi, long ms, void *arg) {
  (void)multi;
  struct cg_fetcher *f = arg;
  if (ms < 0) {
    cg_timer_stop(&f->timer);
    return 0;
  }
  cg_timer_start(&f->timer, f->loop, ms * 1000, on_timer, f);
  return 0;
}

static void socket_drop(struct cg_fetcher *f, struct socket *s) {
  if (s->ev) event_free(s->ev);
  cg_list_remove(&f->sockets, &s->link);
  cg_free(s);
}

static struct socket *socket_new(struct cg_fetcher *f) {
  struct socket *s = cg_alloc(sizeof *s);
  if (!s) return NULL;
  cg_list_add(&f->sockets, &s->link);
  return s;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known) {
  (void)easy;
  struct cg_fetcher *f = arg;
  struct socket *s = known;
  if (what == CURL_POLL_REMOVE) {
    if (s) socket_drop(f, s);
    curl_multi_assign(f->multi, fd, NULL);
    return 0;
  }
  if (!s) s = socket_new(f);
  if (!s) return -1;
  curl_multi_assign(f->multi, fd, s);
  short events = (short)((what & CURL_POLL_IN ? EV_READ : 0) |
                         (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);
  if (s->ev) event_free(s->ev);
  s->ev = event_new(cg_loop_base(f->loop), fd, events, on_socket, f);
  return s->ev && !event_add(s->ev, NULL) ? 0 : -1;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose,
                                 struct curl_sockaddr *a) {
  struct transfer *t = arg;
  char host[64] = "", port[8] = "";
  size_t n = strlen(t->tried);
  (void)purpose;
  getnameinfo(&a->addr, a->addrlen, host, sizeof host, port, sizeof port,
              NI_NUMERICHOST | NI_NUMERICSERV);
  snprintf(t->tried + n, sizeof t->tried - n,
           a->family == AF_INET6 ? "%s[%s]:%s" : "%s%s:%s", n ? ", " : "", host, port);
  return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t on_body(char *data, size_t one, size_t n, void *arg) {
  (void)one;
  struct transfer *t = arg;
  cg_buf_add(&t->body, data, n);
  if (cg_buf_ok(&t->body)) return n;
  t->too_big = true;
  return 0;
}

/* ---- one's request ---- */

static bool method_ok(const char *m) {
  size_t n = strspn(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  return n && n < 16 && !m[n];
}

static bool add_headers(struct transfer *t, const struct cgp_fetch *req) {
  struct curl_slist *all = curl_slist_append(NULL, "Expect:");
  t->headers = all;
  for (size_t i = 0; all && i < req->n_headers; i++)
    all = curl_slist_append(t->headers, req->headers[i]);
  return all;
}

static void set_body(CURL *easy, const struct cgp_fetch *req) {
  bool get = !strcmp(req->method, "GET"), post = !strcmp(req->method, "POST");
  if (req->body_len || post) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_len);
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, req->body ? req->body : "");
  }
  if (!strcmp(req->method, "HEAD"))
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  else if (!post && (!get || req->body_len))
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, req->method);
}

static bool set_trust(CURL *e, const struct cg_fetch_trust *trust) {
  bool ok = true;
  if (!trust) return true;
  if (trust->ca_file) ok = ok && !curl_easy_setopt(e, CURLOPT_CAINFO, trust->ca_file);
  if (trust->cert) ok = ok && !curl_easy_setopt(e, CURLOPT_SSLCERT, trust->cert);
  if (trust->key) ok = ok && !curl_easy_setopt(e, CURLOPT_SSLKEY, trust->key);
  if (!trust->pin || !ok) return ok;
  ok = !curl_easy_setopt(e, CURLOPT_PINNEDPUBLICKEY, trust->pin);
  curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
  return ok;
}

static bool set_up(struct transfer *t, const struct cgp_fetch *req) {
  CURL *e = t->easy;
  curl_easy_setopt(e, CURLOPT_PRIVATE, t);
  curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
  curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(e, CURLOPT_PROXY, "");
  curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(e, CURLOPT_USERAGENT, "camgate/" CAMGATE_VERSION);
  curl_easy_setopt(e, CURLOPT_TIMEOUT_MS,
                   (long)(req->timeout_ms ? req->timeout_ms : 5000));
  curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
  curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
  curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, NAME_KEPT_S);
  curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
  set_body(e, req);
  return set_trust(e, t->f->trust) &&
         !curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") &&
         !curl_easy_setopt(e, CURLOPT_URL, req->url);
}

static const char *odd(const struct cgp_fetch *req) {
  if (req->size < sizeof *req) return "the request's struct is too short";
  if (!req->method || !method_ok(req->method)) return "the method is not one";
  if (!req->url) return "there is no URL";
  if (req->body_len && !req->body) return "there is no body";
  for (size_t i = 0; i < req->n_headers; i++)
    if (!req->headers[i] || strpbrk(req->headers[i], "\r\n")) return "a header is broken";
  return NULL;
}

/* Fills t->code and t->error when it cannot take off. */
static bool take_off(struct transfer *t, const struct cgp_fetch *req) {
  struct cg_fetcher *f = t->f;
  const char *why = odd(req);
  t->code = CGP_E_INVALID;
  if (!why && (f->closed || f->n_flying >= IN_FLIGHT_MAX)) {
    t->code = f->closed ? CGP_E_UNAVAILABLE : CGP_E_BUSY;
    why = f->closed ? "the gate is stopping" : "256 transfers are in flight already";
  }
  if (!why) {
    cg_buf_init(&t->body, req->max_reply);
    t->easy = easy_take(f);
    bool ok = t->easy && add_headers(t, req) && set_up(t, req) &&
              !curl_multi_add_handle(f->multi, t->easy);
    if (ok) return true;
    t->code = CGP_E_BUSY;
    why = "no memory for a transfer";
  }
  snprintf(t->error, sizeof t->error, "%s", why);
  return false;
}

static void tell_refused(void *arg) {
  struct cg_fetcher *f = arg;
  struct cg_list all = f->refused;
  f->refused = (struct cg_list){0};
  for (struct cg_link *at = all.first, *next; at; at = next) {
    next = at->next;
    tell(transfer_of(at));
  }
}

void cg_fetch(struct cg_fetcher *f, const struct cgp_fetch *req,
              void (*fn)(void *arg, const struct cgp_fetched *got), void *arg) {
  struct transfer *t = cg_alloc(sizeof *t);
  if (!t) { /* the one case in which fn runs inside: better than never */
    fn(arg, &CGP_MAKE(cgp_fetched, .code = CGP_E_BUSY, .body = "",
                      .error = "no memory for a transfer"));
    return;
  }
  t->f = f;
  t->fn = fn;
  t->arg = arg;
  if (take_off(t, req)) {
    cg_list_add(&f->flying, &t->link);
    f->n_flying++;
    return;
  }
  bool first = !f->refused.first;
  cg_list_add(&f->refused, &t->link);
  if (first && !f->closed) cg_timer_start(&f->tell, f->loop, 0, tell_refused, f);
}

/* ---- life of the whole ---- */

struct cg_fetcher *cg_fetcher_new(struct cg_loop *loop) {
  struct cg_fetcher *f = cg_alloc(sizeof *f);
  if (!f) return NULL;
  curl_global_init(CURL_GLOBAL_DEFAULT); /* counted, and safe on any thread since 7.84 */
  f->loop = loop;
  f->multi = curl_multi_init();
  if (!f->multi) {
    cg_fetcher_free(f);
    return NULL;
  }
  curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
  curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
  curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, set_timer);
  curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
  curl_multi_setopt(f->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)PER_HOST_MAX);
  curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS);
  return f;
}

void cg_fetcher_trust(struct cg_fetcher *f, const struct cg_fetch_trust *trust) {
  f->trust = trust;
}

void cg_fetcher_close(struct cg_fetcher *f) {
  f->closed = true;
  while (f->flying.first) {
    struct transfer *t = transfer_of(f->flying.first);
    land(t);
    t->code = CGP_E_UNAVAILABLE;
    snprintf(t->error, sizeof t->error, "the gate is stopping");
    tell(t);
  }
  for (int i = 0; i < CLOSING_ROUNDS && f->refused.first; i++) tell_refused(f);
}

void cg_fetcher_free(struct cg_fetcher *f) {
  if (!f) return;
  cg_fetcher_close(f);
  while (f->refused.first) { /* of a plugin that fetches whenever it is told no */
    struct transfer *t = transfer_of(f->refused.first);
    cg_list_remove(&f->refused, &t->link);
    transfer_free(t);
  }
  while (f->n_idle) curl_easy_cleanup(f->idle[--f->n_idle]);
  if (f->multi) curl_multi_cleanup(f->multi);
  while (f->sockets.first)
    socket_drop(f, CG_CONTAINER(f->sockets.first, struct socket, link));
  cg_timer_stop(&f->timer);
  cg_timer_stop(&f->tell);
  cg_free(f);
  curl_global_cleanup();
}
