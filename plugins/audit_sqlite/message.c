#include "message.h"

#include <stdarg.h>
#include <stdio.h>

bool aud_say(struct aud_message *msg, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  (void)vsnprintf(msg->text, sizeof msg->text, fmt, ap);
  va_end(ap);
  return false;
}
