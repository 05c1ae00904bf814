/* look.h - would the trail open?  In the words of opening it, as far as that can be told
 * without making a file, taking the lock or changing a byte; beside a running gate. */
#ifndef AUD_LOOK_H
#define AUD_LOOK_H

#include "files.h"

bool aud_look(const struct aud_files *files, struct aud_message *msg);

#endif
