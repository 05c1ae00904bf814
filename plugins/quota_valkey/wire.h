/* wire.h - one command in Valkey's protocol (RESP2), in a buffer that is used again. */
#ifndef QUOTA_VALKEY_WIRE_H
#define QUOTA_VALKEY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
  char *p;
  size_t n, cap;
  bool failed; /* out of memory since wire_begin: do not send */
};

void wire_begin(struct wire *w, size_t arguments); /* exactly so many follow */
void wire_text(struct wire *w, const char *text);
void wire_number(struct wire *w, uint64_t value);
/* The last argument, 0 until wire_set_moment: a number of fixed width, so that a command
 * can be sent again with another one. */
void wire_moment(struct wire *w);
void wire_set_moment(char *command, size_t n, int64_t value); /* value >= 0 */
void wire_free(struct wire *w);

#endif
