#include "message.h"

#include <stdarg.h>
#include <stdio.h>

bool aud_say(struct aud_message *w, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  (void)vsnprintf(w->text, sizeof w->text, fmt, ap);
  va_end(ap);
  return false;
}
