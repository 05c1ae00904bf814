#include "http/reply.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "http/cors.h"

static const struct phrase {
  int status;
  const char *text;
} phrases[] = {
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

static const char *phrase_of(int status) {
  for (size_t i = 0; i < CG_COUNT(phrases); i++)
    if (phrases[i].status == status) return phrases[i].text;
  return "";
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
  add(p, ": ", 2);
  puts_to(p, value);
  add(p, "\r\n", 2);
}

static bool has_length(int status) {
  return status >= 200 && status != 204 && status != 304;
}

size_t cg_reply_head(const struct cg_reply *r, char out[CG_REPLY_HEAD_MAX]) {
  struct pen p = {out, out + CG_REPLY_HEAD_MAX};
  bool cached = false;
  puts_to(&p, "HTTP/1.1 ");
  number(&p, (size_t)r->status);
  add(&p, " ", 1);
  puts_to(&p, phrase_of(r->status));
  puts_to(&p, "\r\n");
  field(&p, "Date", r->date);
  if (r->content_type) field(&p, "Content-Type", r->content_type);
  if (has_length(r->status)) {
    puts_to(&p, "Content-Length: ");
    number(&p, r->content_length);
    puts_to(&p, "\r\n");
  }
  field(&p, "X-Request-Id", r->request_id);
  for (size_t i = 0; i < r->n_headers; i++) {
    field(&p, r->headers[i].name, r->headers[i].value);
    cached |= strcasecmp(r->headers[i].name, "Cache-Control") == 0;
  }
  if (!cached) puts_to(&p, "Cache-Control: no-store\r\n");
  puts_to(&p, "X-Content-Type-Options: nosniff\r\n");
  if (r->cors) add(&p, r->cors->lines, r->cors->n);
  if (r->close) puts_to(&p, "Connection: close\r\n");
  puts_to(&p, "\r\n");
  return (size_t)(p.at - out);
}
