/* words.h - every fault of a document, collected into one bounded text.
 *
 * Faults are joined with "; ".  What no longer fits is counted, and words_end says so in
 * the room that was kept for it.  Any thread; the buffer is the caller's.
 */
#ifndef CAMERAS_FILE_WORDS_H
#define CAMERAS_FILE_WORDS_H

#include <stddef.h>

struct words {
  char *text;
  size_t size, len;
  size_t faults, untold;
};

void words_begin(struct words *w, char *text, size_t size);
void words_add(struct words *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void words_end(struct words *w);

#endif
