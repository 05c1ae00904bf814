#include "http/exchange.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "http/chars.h"
#include "http/cors.h"
#include "http/in_flight.h"
#include "http/wire.h"

#define PROBLEM_MAX (32 * 1024)

static void end_span(char *bytes, struct cg_span s) {
  bytes[s.at + s.len] = '\0';
}

/* Behind every text stands a separator that nobody needs any more: it becomes NUL. */
static void cut_texts(struct cg_exchange *x, const struct cg_message *m) {
  x->method_name = x->bytes + m->method_text.at;
  x->path = x->bytes + m->path.at;
  x->body = x->bytes + m->head_len;
  x->body_len = m->body_len;
  end_span(x->bytes, m->method_text);
  end_span(x->bytes, m->path);
  for (uint32_t i = 0; i < m->n_fields; i++) {
    end_span(x->bytes, m->fields[i].name);
    end_span(x->bytes, m->fields[i].value);
  }
  x->bytes[m->head_len + m->body_len] = '\0';
  if (m->query.len)
    x->query_fault = cg_query_parse(x->bytes + m->query.at, m->query.len, x->arena,
                                    &x->query, &x->n_query);
}

static bool copy_message(struct cg_exchange *x, const struct cg_message *m,
                         const char *bytes, const char *client_addr) {
  size_t total = (size_t)m->head_len + m->body_len,
         table = m->n_fields * sizeof *m->fields;
  struct cg_message_field *fields = cg_arena_alloc(x->arena, table + 1);
  x->bytes = cg_arena_alloc(x->arena, total + 1);
  x->client_addr = cg_arena_strdup(x->arena, client_addr);
  if (!fields || !x->bytes || !x->client_addr) return false;
  cg_message_copy(m, bytes, x->bytes);
  memcpy(fields, m->fields, table);
  x->fields = fields;
  x->n_fields = m->n_fields;
  return true;
}

struct cg_exchange *cg_exchange_new(const struct cg_exchange_origin *origin,
                                    const struct cg_message *m, const char *bytes) {
  struct cg_arena *arena = cg_arena_new(origin->pool, CG_EXCHANGE_ARENA_MAX);
  if (!arena) return NULL;
  struct cg_exchange *x = cg_arena_zalloc(arena, sizeof *x);
  if (!x) goto failed;
  x->arena = arena;
  x->ctx = origin->ctx;
  x->wire = origin->wire;
  x->pool = origin->pool;
  x->request_id = origin->request_id;
  x->began_us = origin->began_us;
  x->method = m->method;
  x->coded = m->coded && m->body_len;
  x->cors = cg_cors_answer_to(origin->wire->listener->cors, m, bytes);
  if (!copy_message(x, m, bytes, origin->client_addr)) goto failed;
  cut_texts(x, m);
  return x;
failed:
  cg_arena_free(arena, origin->pool);
  return NULL;
}

static void free_exchange(struct cg_exchange *x) {
  if (x->in_flight) cg_in_flight_end(x->in_flight);
  json_decref(x->json);
  cg_arena_free(x->arena, x->pool); /* x lies in it */
}

bool cg_exchange_alive(const struct cg_exchange *x) {
  return x->wire != NULL;
}

void cg_exchange_admitted(struct cg_exchange *x, struct cg_in_flight *f) {
  CG_CHECK(!x->in_flight);
  x->in_flight = f;
  cg_in_flight_begin(f);
}

void cg_exchange_left(struct cg_exchange *x) {
  x->wire = NULL;
}

const char *cg_exchange_header_next(const struct cg_exchange *x, const char *name,
                                    const char *last) {
  size_t len = strlen(name);
  for (uint32_t i = 0; i < x->n_fields; i++) {
    const char *value = x->bytes + x->fields[i].value.at;
    if (x->fields[i].name.len == len && (!last || value > last) &&
        strcasecmp(x->bytes + x->fields[i].name.at, name) == 0)
      return value;
  }
  return NULL;
}

const char *cg_exchange_header(const struct cg_exchange *x, const char *name) {
  return cg_exchange_header_next(x, name, NULL);
}

bool cg_exchange_is_preflight(const struct cg_exchange *x) {
  return x->cors && x->method == CG_OPTIONS && cg_exchange_header(x, "Origin") &&
         cg_exchange_header(x, "Access-Control-Request-Method");
}

const char *cg_exchange_query(const struct cg_exchange *x, const char *name) {
  for (uint32_t i = 0; i < x->n_query; i++)
    if (strcmp(x->query[i].name, name) == 0) return x->query[i].value;
  return NULL;
}

static bool listed(const char *const *list, const char *name) {
  for (; *list; list++)
    if (strcmp(*list, name) == 0) return true;
  return false;
}

const char *cg_exchange_query_unknown(const struct cg_exchange *x,
                                      const char *const *known) {
  for (uint32_t i = 0; i < x->n_query; i++)
    if (!listed(known, x->query[i].name)) return x->query[i].name;
  return NULL;
}

static struct cg_header *set_header(struct cg_exchange *x, const char *name) {
  for (uint32_t i = 0; i < x->n_headers; i++)
    if (strcasecmp(x->headers[i].name, name) == 0) return &x->headers[i];
  return NULL;
}

static bool fits_a_line(const char *value) {
  size_t n = strlen(value);
  return n <= CG_HEADER_VALUE_MAX && cg_is_line(value, n);
}

void cg_exchange_set_header(struct cg_exchange *x, const char *name, const char *value) {
  CG_CHECK(cg_is_token(name, strlen(name)) && strlen(name) <= 64);
  char *copy = fits_a_line(value) ? cg_arena_strdup(x->arena, value) : NULL;
  if (!copy) return;
  struct cg_header *h = set_header(x, name);
  if (!h) {
    CG_CHECK(x->n_headers < CG_EXCHANGE_HEADERS_MAX);
    h = &x->headers[x->n_headers++];
  }
  *h = (struct cg_header){name, copy};
}

void cg_exchange_reply(struct cg_exchange *x, int status, const char *content_type,
                       const char *body, size_t len) {
  struct cg_wire *wire = x->wire;
  if (!wire) {
    free_exchange(x);
    return;
  }
  struct cg_reply r = {.status = status,
                       .date = wire->listener->date,
                       .content_type = content_type,
                       .content_length = len,
                       .request_id = x->request_id.text,
                       .headers = x->headers,
                       .n_headers = x->n_headers,
                       .cors = x->cors,
                       .close = cg_wire_closes(wire)};
  char head[CG_REPLY_HEAD_MAX];
  union {
    const void *in;
    void *out; /* iovec knows no const; nobody writes */
  } text = {body};
  struct iovec iov[2] = {{head, cg_reply_head(&r, head)}, {text.out, len}};
  cg_listener_count_answer(wire->listener, status, x->began_us);
  cg_wire_reply(wire, iov, x->method == CG_HEAD || len == 0 ? 1 : 2);
  free_exchange(x);
}

static void add_problem_headers(struct cg_exchange *x, const struct cg_problem *p) {
  int64_t retry = cg_problem_retry_after_s(p);
  char seconds[24];
  snprintf(seconds, sizeof seconds, "%lld", (long long)retry);
  if (retry) cg_exchange_set_header(x, "Retry-After", seconds);
  if (cg_problem_status(p) == 401 && !set_header(x, "WWW-Authenticate"))
    cg_exchange_set_header(x, "WWW-Authenticate", "Bearer realm=\"camgate\"");
}

void cg_exchange_problem(struct cg_exchange *x, const struct cg_problem *p) {
  struct cg_buf body;
  add_problem_headers(x, p);
  cg_buf_init(&body, PROBLEM_MAX);
  cg_problem_write(p, x->request_id.text, &body);
  bool ok = cg_buf_ok(&body); /* without memory the status alone must do */
  cg_exchange_reply(x, cg_problem_status(p), CG_PROBLEM_TYPE, ok ? body.data : "{}",
                    ok ? body.len : 2);
  cg_buf_done(&body);
}

void cg_exchange_fail(struct cg_exchange *x, const struct cg_err *err) {
  cg_exchange_problem(x, &(struct cg_problem){.err = err});
}

void cg_exchange_failf(struct cg_exchange *x, enum cg_code code, const char *fmt, ...) {
  struct cg_err err;
  va_list ap;
  va_start(ap, fmt);
  cg_failv(&err, code, fmt, ap);
  va_end(ap);
  cg_exchange_fail(x, &err);
}
