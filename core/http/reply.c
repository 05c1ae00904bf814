#include "http/reply.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "http/cors.h"

/* Status lines, whole. */
#define LINE(status, phrase)                                                             \
  { status, TEXT("HTTP/1.1 " #status " " phrase "\r\n") }
#define TEXT(literal) literal, sizeof(literal) - 1

static const struct line {
  int status;
  const char *text;
  size_t n;
} lines[] = {
    LINE(101, "Switching Protocols"),
    LINE(200, "OK"),
    LINE(201, "Created"),
    LINE(202, "Accepted"),
    LINE(204, "No Content"),
    LINE(304, "Not Modified"),
    LINE(400, "Bad Request"),
    LINE(401, "Unauthorized"),
    LINE(403, "Forbidden"),
    LINE(404, "Not Found"),
    LINE(405, "Method Not Allowed"),
    LINE(408, "Request Timeout"),
    LINE(409, "Conflict"),
    LINE(410, "Gone"),
    LINE(411, "Length Required"),
    LINE(413, "Content Too Large"),
    LINE(414, "URI Too Long"),
    LINE(415, "Unsupported Media Type"),
    LINE(422, "Unprocessable Content"),
    LINE(426, "Upgrade Required"),
    LINE(429, "Too Many Requests"),
    LINE(431, "Request Header Fields Too Large"),
    LINE(500, "Internal Server Error"),
    LINE(503, "Service Unavailable"),
};

static const struct line *line_of(int status) {
  for (size_t i = 0; i < CG_COUNT(lines); i++)
    if (lines[i].status == status) return &lines[i];
  return NULL;
}

struct pen {
  char *at, *end;
};

static void add(struct pen *p, const char *s, size_t n) {
  CG_CHECK((size_t)(p->end - p->at) >= n); /* all parts are bounded: see the maxima */
  memcpy(p->at, s, n);
  p->at += n;
}

static void puts_to(struct pen *p, const char *s) {
  add(p, s, strlen(s));
}

static void number(struct pen *p, size_t v) {
  char digits[24];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + v % 10);
    v /= 10;
  } while (v);
  add(p, digits + at, sizeof digits - at);
}

static void field(struct pen *p, const char *name, const char *value) {
  puts_to(p, name);
  add(p, TEXT(": "));
  puts_to(p, value);
  add(p, TEXT("\r\n"));
}

static void status_line(struct pen *p, int status) {
  const struct line *line = line_of(status);
  if (line) {
    add(p, line->text, line->n);
    return;
  }
  add(p, TEXT("HTTP/1.1 "));
  number(p, (size_t)status);
  add(p, TEXT(" \r\n"));
}

static bool has_length(int status) {
  return status >= 200 && status != 204 && status != 304;
}

size_t cg_reply_head(const struct cg_reply *r, char out[CG_REPLY_HEAD_MAX]) {
  struct pen p = {out, out + CG_REPLY_HEAD_MAX};
  bool cached = false;
  status_line(&p, r->status);
  add(&p, TEXT("Date: "));
  puts_to(&p, r->date);
  if (r->content_type) {
    add(&p, TEXT("\r\nContent-Type: "));
    puts_to(&p, r->content_type);
  }
  if (has_length(r->status)) {
    add(&p, TEXT("\r\nContent-Length: "));
    number(&p, r->content_length);
  }
  add(&p, TEXT("\r\nX-Request-Id: "));
  puts_to(&p, r->request_id);
  add(&p, TEXT("\r\n"));
  for (size_t i = 0; i < r->n_headers; i++) {
    field(&p, r->headers[i].name, r->headers[i].value);
    cached |= strcasecmp(r->headers[i].name, "Cache-Control") == 0;
  }
  if (!cached) add(&p, TEXT("Cache-Control: no-store\r\n"));
  add(&p, TEXT("X-Content-Type-Options: nosniff\r\n"));
  if (r->cors) add(&p, r->cors->lines, r->cors->n);
  if (r->close) add(&p, TEXT("Connection: close\r\n"));
  add(&p, TEXT("\r\n"));
  return (size_t)(p.at - out);
}
