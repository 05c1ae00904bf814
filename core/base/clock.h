/* clock.h - what time it is; fakeable.
 *
 * The rule, for the whole gate:
 *   - Every deadline, lapse, life and hard end is mono: microseconds that never jump and
 *     count on while the machine is suspended (CLOCK_BOOTTIME).
 *   - Wall only tells: microseconds since 1970 UTC, which an operator or NTP may set to
 *     anything at any moment.  A deadline is told as what the wall clock will say then
 *     (cg_teller).  Nothing is compared with a wall time but what somebody else wrote
 *     as one: exp and nbf of tokens, dates of certificates, terms of the trail.
 *   - Names say which: _mono_us is mono, _wall_us or plain _us of a moment that is only
 *     told is wall.
 *   - A loop's own time (loop.h) is mono less the gaps in which its thread stood still:
 *     timers and deadlines of calls and connections run on it, so that what came in
 *     meanwhile is served before anything is overdue.
 * Names that a field shares with the outside (`at_us` of an SFU's event) say it beside.
 *
 * What a test must be able to move in time asks the struct cg_clock that it was given;
 * deadlines of calls, watches and commands ask cg_clock_system itself.  Text is RFC 3339,
 * UTC, "2026-11-23T21:15:39.123456Z" (27 characters).  Any thread.
 */
#ifndef CG_BASE_CLOCK_H
#define CG_BASE_CLOCK_H

#include <stdatomic.h>
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

/* Wall less mono: what changes when somebody sets the wall clock. */
int64_t cg_clock_offset(const struct cg_clock *);

/* Tells mono moments as wall time.  All of a gate's threads share one, so that one moment
 * is told alike by all; it follows the wall clock when that is off by 10 ms. */
struct cg_teller {
  const struct cg_clock *clock;
  _Atomic int64_t offset_us, trail_offset_us;
};
void cg_teller_init(struct cg_teller *, const struct cg_clock *clock);
int64_t cg_tell(struct cg_teller *, int64_t mono_us);        /* -> wall */
int64_t cg_teller_mono(struct cg_teller *, int64_t wall_us); /* the other way round */

/* The same as the trail's newest row of kind `clock` has it: steps of a second or more
 * count from that row on (lease/clock_watch.h). */
#define CG_STEP_US INT64_C(1000000)
int64_t cg_tell_trail(struct cg_teller *, int64_t mono_us);
int64_t cg_teller_mono_trail(struct cg_teller *, int64_t wall_us); /* the other way */
void cg_teller_move_trail(struct cg_teller *, int64_t step_us);

#define CG_TIME_TEXT 32
void cg_time_text(int64_t wall_us, char out[CG_TIME_TEXT]);
/* Accepts Z or an offset, 0 to 9 fraction digits; years 1970 to 9999. */
bool cg_time_parse(const char *text, int64_t *ret_wall_us) CG_MUST_USE;

/* "90s", "30m", "8h", "1d" -> seconds, at most 366 d. */
bool cg_duration_parse(const char *text, int64_t *ret_s) CG_MUST_USE;

#endif
