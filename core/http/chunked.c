#include "http/chunked.h"

#include <string.h>

#include "http/chars.h"

#define DIGITS_MAX 8

/* SIZE, then all but DATA is one certain byte. */
enum step { SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, LAST_CR, LAST_LF, END };

static const struct certain {
  char byte;
  enum step next;
  const char *why;
} certain[] = {
    [SIZE_LF] = {'\n', DATA, "a chunk's size ends without CRLF"},
    [DATA_CR] = {'\r', DATA_LF, "a chunk is longer than its size says"},
    [DATA_LF] = {'\n', SIZE, "a chunk's data ends without CRLF"},
    [LAST_CR] = {'\r', LAST_LF, "trailers are not taken"},
    [LAST_LF] = {'\n', END, "the chunked body ends without CRLF"},
};

void cg_chunked_init(struct cg_chunked *c, uint32_t max_data, uint32_t max_framing) {
  *c = (struct cg_chunked){.max_data = max_data, .max_framing = max_framing};
}

static void broken(struct cg_chunked *c, const char *why) {
  c->state = CG_CHUNKED_BROKEN;
  c->why = why;
}

static void take_size_byte(struct cg_chunked *c, char byte) {
  if (cg_ch(byte, CG_CH_HEX) && c->digits < DIGITS_MAX) {
    c->digits++;
    c->left = c->left << 4 | (uint32_t)cg_hex(byte);
  } else if (c->digits && byte == '\r') {
    c->step = SIZE_LF;
  } else if (c->digits == DIGITS_MAX) {
    broken(c, "a chunk's size has more than 8 digits");
  } else if (c->digits && byte == ';') {
    broken(c, "chunk extensions are not taken");
  } else {
    broken(c, "a chunk's size is not a number of hexadecimal digits alone");
  }
}

/* The size's line is whole. */
static void begin_data(struct cg_chunked *c) {
  if (c->left > c->max_data - c->data)
    c->state = CG_CHUNKED_TOO_LONG;
  else if (c->left == 0)
    c->step = LAST_CR;
  else
    c->data += c->left;
}

static void take_certain(struct cg_chunked *c, char byte) {
  const struct certain *want = &certain[c->step];
  if (byte != want->byte) {
    broken(c, want->why);
    return;
  }
  c->step = (uint8_t)want->next;
  if (c->step == SIZE) c->digits = 0;
  if (c->step == DATA) begin_data(c);
  if (c->step == END) c->state = CG_CHUNKED_DONE;
}

static void take_framing(struct cg_chunked *c, char byte) {
  if (c->framing++ >= c->max_framing)
    c->state = CG_CHUNKED_TOO_MANY;
  else if (c->step == SIZE)
    take_size_byte(c, byte);
  else
    take_certain(c, byte);
}

enum cg_chunked_state cg_chunked_feed(struct cg_chunked *c, const char *body,
                                      size_t len) {
  size_t at = (size_t)c->framing + c->data - (c->step == DATA ? c->left : 0);
  while (c->state == CG_CHUNKED_MORE && at < len) {
    if (c->step != DATA) {
      take_framing(c, body[at++]);
      continue;
    }
    uint32_t n = len - at < c->left ? (uint32_t)(len - at) : c->left;
    at += n;
    c->left -= n;
    if (c->left == 0) c->step = DATA_CR;
  }
  return c->state;
}

void cg_chunked_copy(const char *body, char *out) {
  for (;;) {
    size_t n = 0;
    for (; *body != '\r'; body++) n = n << 4 | (size_t)cg_hex(*body);
    if (n == 0) return;
    memcpy(out, body + 2, n);
    out += n;
    body += 2 + n + 2;
  }
}
