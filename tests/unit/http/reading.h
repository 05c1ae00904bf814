/* reading.h - messages read at once and in parts, and shorthands to write them. */
#ifndef TEST_HTTP_READING_H
#define TEST_HTTP_READING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "http/message.h"

static const struct cg_message_limits limits = {16384, 64, 65536};

#define LINE  "GET / HTTP/1.1\r\n"
#define HOST  "Host: a\r\n"
#define GET   LINE HOST
#define POST  "POST /p HTTP/1.1\r\n" HOST
#define END   "\r\n"
#define P(t)  "GET " t " HTTP/1.1\r\n" HOST END
#define H(h)  GET h "\r\n" END
#define TE(t) POST "Transfer-Encoding: chunked\r\n" END t
#define CL(v) POST "Content-Length: " v "\r\n" END "abc"

/* A text with its length, so that it may hold NULs. */
#define T(text) text, sizeof(text) - 1

static struct cg_message read_at_once(const char *text, size_t len) {
  struct cg_message m;
  cg_message_init(&m);
  cg_message_feed(&m, &limits, text, len);
  return m;
}

/* First `cut` bytes, then all; or byte by byte when cut is 0.  The text lies in a block
 * of exactly its size, so that a read beyond what was given is seen. */
static struct cg_message read_cut(const char *text, size_t len, size_t cut) {
  struct cg_message m;
  cg_message_init(&m);
  for (size_t n = cut ? cut : 1; m.state == CG_MESSAGE_MORE && n <= len;
       n = cut && n < len ? len : n + 1) {
    char *part = malloc(n);
    assert_non_null(part);
    memcpy(part, text, n);
    cg_message_feed(&m, &limits, part, n);
    free(part);
  }
  return m;
}

#endif
