#include "faults.h"

#include <stdarg.h>
#include <stdio.h>

#define TAIL_ROOM 32 /* "; and 4294967295 more" */

void faults_begin(struct faults *f, char *text, size_t size) {
  *f = (struct faults){.text = text, .size = size};
  if (size > 0) text[0] = '\0';
}

void faults_add(struct faults *f, const char *fmt, ...) {
  char line[256];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(line, sizeof line, fmt, ap);
  va_end(ap);

  f->n++;
  if (f->untold == 0 && f->len + TAIL_ROOM < f->size) {
    size_t room = f->size - f->len - TAIL_ROOM;
    int n = snprintf(f->text + f->len, room, "%s%s", f->n > 1 ? "; " : "", line);
    if (n >= 0 && (size_t)n < room) {
      f->len += (size_t)n;
      return;
    }
    f->text[f->len] = '\0';
  }
  f->untold++;
}

void faults_end(struct faults *f) {
  if (f->untold == 0 || f->size == 0) return;
  snprintf(f->text + f->len, f->size - f->len, "%sand %zu more",
           f->len > 0 ? "; " : "too long to say here: ", f->untold);
}
