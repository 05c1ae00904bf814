/* handlers.h - what the tests of several files have handlers say, and how they ask. */
#ifndef TEST_HTTP_HANDLERS_H
#define TEST_HTTP_HANDLERS_H

#include "http/client.h"

#define HOST      "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

static inline struct gate *gate_of(struct cg_exchange *x) {
  return x->ctx;
}

static inline void handle_echo(struct cg_exchange *x) {
  char text[512];
  const char *header = cg_exchange_header(x, "x-word"), *q = cg_exchange_query(x, "q");
  snprintf(text, sizeof text, "%s %s p=%s h=%s q=%s a=%s n=%zu:", x->method_name, x->path,
           x->param ? x->param : "-", header ? header : "-", q ? q : "-", x->client_addr,
           x->body_len);
  char *all = cg_arena_printf(x->arena, "%s%s", text, x->body);
  cg_exchange_set_header(x, "X-Own", "1");
  cg_exchange_set_header(x, "X-Bad", "1\r\nInjected: 2");
  cg_exchange_reply(x, 200, "text/plain", all, strlen(all));
}

static inline void handle_keep(struct cg_exchange *x) {
  struct gate *g = gate_of(x);
  CG_CHECK(g->n_kept < 64);
  g->kept[g->n_kept++] = x;
}

/* The newest of them, on the loop's thread. */
static inline void reply_kept(struct gate *g, void *arg) {
  (void)arg;
  cg_exchange_reply(g->kept[--g->n_kept], 200, "text/plain", "kept", 4);
}

static inline void handle_empty(struct cg_exchange *x) {
  cg_exchange_reply(x, 204, NULL, NULL, 0);
}

/* More than the sockets' buffers hold. */
static inline void handle_big(struct cg_exchange *x) {
  size_t n = 8u << 20;
  char *text = malloc(n);
  CG_CHECK(text);
  memset(text, 'b', n);
  cg_exchange_reply(x, 200, "text/plain", text, n);
  free(text);
}

#endif
