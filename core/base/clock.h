/* clock.h - what time it is; fakeable.
 *
 * What a test must be able to move in time asks the struct cg_clock that it was given;
 * deadlines of calls, watches and commands ask cg_clock_system itself.  Wall time is
 * microseconds since 1970 UTC and may jump; mono never jumps and is for deadlines.  Text
 * is RFC 3339, UTC, "2026-11-23T21:15:39.123456Z" (27 characters).  Any thread.
 */
#ifndef CG_BASE_CLOCK_H
#define CG_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cg_clock {
  int64_t (*wall_us)(const struct cg_clock *);
  int64_t (*mono_us)(const struct cg_clock *);
  int64_t fake_wall_us, fake_mono_us; /* read by cg_clock_fake only */
};

extern const struct cg_clock cg_clock_system;
struct cg_clock cg_clock_fake(int64_t wall_us); /* advance by writing the fake_ fields */

#define CG_TIME_TEXT 32
void cg_time_text(int64_t wall_us, char out[CG_TIME_TEXT]);
/* Accepts Z or an offset, 0 to 9 fraction digits; years 1970 to 9999. */
bool cg_time_parse(const char *text, int64_t *ret_wall_us) CG_MUST_USE;

/* "90s", "30m", "8h", "1d" -> seconds, at most 366 d. */
bool cg_duration_parse(const char *text, int64_t *ret_s) CG_MUST_USE;

#endif
