/* zone.h - civil time: what the clocks of a place show at an instant.
 *
 * A zone is read from a TZif file (RFC 9636; versions 2 to 4): the changes of its offset
 * and, after the last of them, the rule of its footer.  Refused are files that break the
 * format, those of version 1 (they end in 2037), those with leap seconds (right/: system
 * clocks do not count them) and the time of nowhere (Factory).
 *
 * localtime(3) and TZ are the process's, fall back to UTC in silence and look at files;
 * nothing here does.  A zone is immutable: any thread, no system call.
 */
#ifndef CG_BASE_ZONE_H
#define CG_BASE_ZONE_H

#include "base/arena.h"
#include "base/zone_rule.h"

#define CG_ZONE_NAME_MAX 63

/* From `at` (seconds since 1970) on, clocks are offset_s east of UTC. */
struct cg_zone_change {
  int64_t at;
  int32_t offset_s;
};

struct cg_zone {
  const char *name;
  int32_t first_s;                      /* offset before the first change */
  const struct cg_zone_change *changes; /* ascending */
  size_t n;
  bool has_rule; /* after the last change, at all times without one */
  struct cg_zone_rule rule;
};

extern const struct cg_zone cg_zone_utc;

/* A clock on the wall. */
struct cg_local {
  int64_t year;
  int month, day, hour, minute, second;
  int weekday;      /* 1 Monday .. 7 Sunday */
  int32_t offset_s; /* east of UTC */
};

/* The zone lives in the arena.  NULL: err says what is wrong with the n bytes. */
const struct cg_zone *cg_zone_read(const char *name, const void *tzif, size_t n,
                                   struct cg_arena *arena,
                                   struct cg_err *err) CG_MUST_USE;

int32_t cg_zone_offset(const struct cg_zone *z, int64_t s);
void cg_zone_local(const struct cg_zone *z, int64_t s, struct cg_local *out);

/* The next instant, after s, at which clocks show that many seconds of a day (0 to a
 * whole day's: midnight), or at which they are put forward over it.  When an hour comes
 * twice, whichever of the two is next. */
int64_t cg_zone_next(const struct cg_zone *z, int64_t s, int of_day);

/* "2026-11-23T12:30:00+01:00"; with seconds of an offset that has them ("-00:44:30"). */
#define CG_LOCAL_TEXT 64
void cg_local_text(const struct cg_local *l, char out[CG_LOCAL_TEXT]);

#endif
