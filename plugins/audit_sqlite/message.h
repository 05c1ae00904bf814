/* message.h - why something failed, in words for an operator; filled last, by who knows.
 *
 * Every function of this plugin that can fail takes one and returns false or NULL.  The
 * text names the file and the cause, and never holds what a row says. */
#ifndef AUD_MESSAGE_H
#define AUD_MESSAGE_H

#include <stdbool.h>

struct aud_message {
  char text[240];
};

/* Always false, so that a failing function ends with `return aud_say(...)`. */
bool aud_say(struct aud_message *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
