/* faults.h - every fault of a document, collected into one bounded text.
 *
 * Faults are joined with "; ".  What no longer fits is counted, and faults_end says so in
 * the room that was kept for it.  Any thread; the buffer is the caller's.
 */
#ifndef CAMERAS_FILE_FAULTS_H
#define CAMERAS_FILE_FAULTS_H

#include <stddef.h>

struct faults {
  char *text;
  size_t size, len;
  size_t n, untold;
};

void faults_begin(struct faults *f, char *text, size_t size);
void faults_add(struct faults *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void faults_end(struct faults *f);

#endif
