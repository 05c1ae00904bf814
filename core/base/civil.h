/* civil.h - days since 1970-01-01 and the calendar's dates (Gregorian, also before 1582).
 *
 * Years that begin in March, so that a leap day ends one.  Any thread.
 */
#ifndef CG_BASE_CIVIL_H
#define CG_BASE_CIVIL_H

#include <stdint.h>

#define CG_DAY_S INT64_C(86400)

/* Rounds down; b > 0. */
static inline int64_t cg_floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0);
}

/* Of microseconds since 1970, also of those before. */
static inline int64_t cg_seconds_of(int64_t us) {
  return cg_floor_div(us, 1000000);
}

static inline int64_t cg_days_of(int64_t year, int64_t month, int64_t day) {
  int64_t y = month > 2 ? year : year - 1, m = (month + 9) % 12;
  int64_t era = cg_floor_div(y, 400), of_era = y - era * 400;
  return era * 146097 + 365 * of_era + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 +
         day - 1 - 719468;
}

static inline void cg_civil_of(int64_t days, int64_t *year, int64_t *month,
                               int64_t *day) {
  int64_t d = days + 719468, era = cg_floor_div(d, 146097), of_era = d - era * 146097;
  int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
  int64_t m = (5 * of_year + 2) / 153;
  *day = of_year - (153 * m + 2) / 5 + 1;
  *month = m < 10 ? m + 3 : m - 9;
  *year = era * 400 + y + (*month <= 2);
}

/* 1 Monday .. 7 Sunday, as ISO 8601 counts them; 1970-01-01 was a Thursday. */
static inline int cg_weekday_of(int64_t days) {
  return (int)(days + 3 - cg_floor_div(days + 3, 7) * 7) + 1;
}

#endif
