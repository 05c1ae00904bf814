#include "wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct wire *w, const char *from, size_t n) {
  if (w->failed) return;
  if (n > w->cap - w->n) {
    size_t cap = 2 * (w->cap + n);
    char *p = realloc(w->p, cap);
    if (!p) {
      w->failed = true;
      return;
    }
    w->p = p;
    w->cap = cap;
  }
  memcpy(w->p + w->n, from, n);
  w->n += n;
}

static void add_head(struct wire *w, char kind, size_t count) {
  char head[32];
  add(w, head, (size_t)snprintf(head, sizeof head, "%c%zu\r\n", kind, count));
}

static void add_bulk(struct wire *w, const char *from, size_t n) {
  add_head(w, '$', n);
  add(w, from, n);
  add(w, "\r\n", 2);
}

void wire_begin(struct wire *w, size_t arguments) {
  w->n = 0;
  w->failed = false;
  add_head(w, '*', arguments);
}

void wire_text(struct wire *w, const char *text) {
  add_bulk(w, text, strlen(text));
}

void wire_number(struct wire *w, uint64_t value) {
  char digits[24];
  add_bulk(w, digits, (size_t)snprintf(digits, sizeof digits, "%" PRIu64, value));
}

#define MOMENT_WIDTH 20

void wire_moment(struct wire *w) {
  char digits[MOMENT_WIDTH + 1];
  memset(digits, '0', MOMENT_WIDTH);
  add_bulk(w, digits, MOMENT_WIDTH);
}

void wire_set_moment(char *command, size_t n, int64_t value) {
  char digits[MOMENT_WIDTH + 1];
  snprintf(digits, sizeof digits, "%0*" PRId64, MOMENT_WIDTH, value);
  memcpy(command + n - MOMENT_WIDTH - 2, digits, MOMENT_WIDTH);
}

void wire_free(struct wire *w) {
  free(w->p);
  *w = (struct wire){.p = NULL};
}
