/* steady.h - time that stands still while the whole process does (SIGSTOP, a frozen
 * container): the disk is not to blame for it, and rows that waited are not late.
 *
 * A thread of its own looks at the clock four times a second; when nobody could for over
 * half a second there was a gap, which does not count.  Any thread.
 */
#ifndef AUD_STEADY_H
#define AUD_STEADY_H

#include <stdint.h>

struct aud_steady;

struct aud_steady *aud_steady_new(void);   /* NULL: no memory, or no thread */
void aud_steady_free(struct aud_steady *); /* NULL is fine */

int64_t aud_steady_us(struct aud_steady *); /* CLOCK_MONOTONIC, less the gaps */

#endif
