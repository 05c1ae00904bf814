#include "words.h"

#include <stdarg.h>
#include <stdio.h>

#define TAIL_ROOM 32 /* "; and 4294967295 more" */

void words_begin(struct words *w, char *text, size_t size) {
  *w = (struct words){.text = text, .size = size};
  if (size > 0) text[0] = '\0';
}

void words_add(struct words *w, const char *fmt, ...) {
  char line[256];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(line, sizeof line, fmt, ap);
  va_end(ap);

  w->faults++;
  if (w->untold == 0 && w->len + TAIL_ROOM < w->size) {
    size_t room = w->size - w->len - TAIL_ROOM;
    int n = snprintf(w->text + w->len, room, "%s%s", w->faults > 1 ? "; " : "", line);
    if (n >= 0 && (size_t)n < room) {
      w->len += (size_t)n;
      return;
    }
    w->text[w->len] = '\0';
  }
  w->untold++;
}

void words_end(struct words *w) {
  if (w->untold == 0 || w->size == 0) return;
  snprintf(w->text + w->len, w->size - w->len, "%sand %zu more",
           w->len > 0 ? "; " : "too long to say here: ", w->untold);
}
