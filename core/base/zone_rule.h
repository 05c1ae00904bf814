/* zone_rule.h - the rule that a zone follows for ever, as a TZif file's footer says it.
 *
 * POSIX's TZ text ("CET-1CEST,M3.5.0,M10.5.0/3") with the hours of RFC 9636, 3.3.1: a
 * change may be up to 167 hours from its day's midnight, either way.  Daylight saving
 * may be the smaller offset (Europe/Dublin), go over the new year, or last all year.
 * Any thread.
 */
#ifndef CG_BASE_ZONE_RULE_H
#define CG_BASE_ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cg_rule_day {
  CG_RULE_JULIAN, /* Jn: the nth day of 365, 1 on; a leap day is not counted */
  CG_RULE_DAY,    /* n: the nth day, 0 on */
  CG_RULE_WEEK    /* Mm.w.d: the wth weekday d (0 Sunday) of month m; w 5: the last */
};

/* A day of every year, and seconds from its midnight. */
struct cg_rule_change {
  enum cg_rule_day kind;
  int month, week, day;
  int32_t time_s;
};

struct cg_zone_rule {
  int32_t standard_s; /* east of UTC */
  bool has_dst;
  int32_t dst_s;
  struct cg_rule_change start, end; /* of daylight saving, by the clock that ends then */
  bool unknown;                     /* "-00": the time of nowhere */
};

/* false: the n bytes are no such text. */
bool cg_zone_rule_parse(const char *text, size_t n, struct cg_zone_rule *out);

/* Seconds east of UTC at an instant (seconds since 1970). */
int32_t cg_zone_rule_offset(const struct cg_zone_rule *r, int64_t s);

#endif
