#include "gate/stand_in.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define TIMEOUT_S   5
#define HEAD_MAX    8192
#define BODY_MAX    1024
#define METRICS_MAX ((size_t)1024 * 1024)
#define WORDS_MAX   256

struct cg_stand_in {
  const struct cg_workers *workers;
  struct cg_sockets sockets;
  struct evhttp *http; /* NULL: it does not serve */
};

static void reply(struct evhttp_request *req, int status, const char *type,
                  const char *text, size_t n) {
  evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", type);
  evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
  evbuffer_add(evhttp_request_get_output_buffer(req), text, n);
  evhttp_send_reply(req, status, NULL, NULL);
}

static void metrics(struct evhttp_request *req, const struct cg_stand_in *s) {
  struct cg_buf b;
  cg_buf_init(&b, METRICS_MAX);
  cg_metrics_render(s->workers->metrics, &b);
  if (cg_buf_ok(&b))
    reply(req, 200, "text/plain; version=0.0.4", b.data, b.len);
  else
    evhttp_send_error(req, 503, NULL);
  cg_buf_done(&b);
}

static void tell(struct evhttp_request *req, bool well, const char *words) {
  char text[WORDS_MAX + 1];
  int n = snprintf(text, sizeof text, "%s\n", words);
  reply(req, well ? 200 : 503, "text/plain", text, (size_t)n);
}

static bool admitted(struct evhttp_request *req, const struct cg_stand_in *s) {
  struct evhttp_connection *conn = evhttp_request_get_connection(req);
  char *text = NULL;
  ev_uint16_t port;
  struct cg_addr peer;
  evhttp_connection_get_peer(conn, &text, &port);
  return text && cg_addr_parse(text, strlen(text), &peer) &&
         cg_access_accepts(&s->workers->conf->admin_access, &peer);
}

static void answer(struct evhttp_request *req, void *arg) {
  const struct cg_stand_in *s = arg;
  const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
  const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
  const struct cg_api *api = &s->workers->api;
  char words[WORDS_MAX] = "ok";
  if (!admitted(req, s))
    evhttp_send_error(req, 403, NULL);
  else if (path && !strcmp(path, "/metrics"))
    metrics(req, s);
  else if (path && !strcmp(path, "/livez"))
    tell(req, api->alive(api->app, words, sizeof words), words);
  else
    tell(req, api->able(api->app, words, sizeof words), words);
}

static bool accept_on(struct evhttp *http, const struct cg_sockets *sockets) {
  for (uint32_t i = 0; i < sockets->n; i++) {
    int fd = fcntl(sockets->fds[i], F_DUPFD_CLOEXEC, 3);
    if (fd >= 0 && evhttp_accept_socket_with_handle(http, fd)) continue;
    if (fd >= 0) close(fd);
    return false;
  }
  return true;
}

static struct evhttp *begin(struct cg_stand_in *s) {
  struct evhttp *http = evhttp_new(cg_loop_base(s->workers->main));
  if (!http) return NULL;
  evhttp_set_timeout(http, TIMEOUT_S);
  evhttp_set_max_headers_size(http, HEAD_MAX);
  evhttp_set_max_body_size(http, BODY_MAX);
  evhttp_set_gencb(http, answer, s);
  if (accept_on(http, &s->sockets)) return http;
  evhttp_free(http);
  return NULL;
}

void cg_stand_in_serve(struct cg_stand_in *s, bool serve) {
  if (serve == (s->http != NULL)) return;
  if (s->http) evhttp_free(s->http);
  s->http = serve ? begin(s) : NULL;
}

struct cg_stand_in *cg_stand_in_new(const struct cg_workers *workers,
                                    const struct cg_sockets *sockets) {
  struct cg_stand_in *s = cg_alloc(sizeof *s);
  if (!s) return NULL;
  s->workers = workers;
  for (uint32_t i = 0; i < sockets->n; i++) {
    int fd = fcntl(sockets->fds[i], F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
      cg_stand_in_free(s);
      return NULL;
    }
    s->sockets.fds[s->sockets.n++] = fd;
  }
  return s;
}

void cg_stand_in_free(struct cg_stand_in *s) {
  if (!s) return;
  if (s->http) evhttp_free(s->http);
  cg_sockets_close(&s->sockets);
  cg_free(s);
}
