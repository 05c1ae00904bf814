/* message.h - why something failed, in words for an operator.
 *
 * A function of this plugin that can fail takes one, fills it and returns false or NULL.
 * The text names the file and the cause, never what a row says. */
#ifndef AUD_MESSAGE_H
#define AUD_MESSAGE_H

#include <stdbool.h>

struct aud_message {
  char text[240];
};

/* Always false, so that a failing function ends with `return aud_say(...)`. */
bool aud_say(struct aud_message *msg, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
