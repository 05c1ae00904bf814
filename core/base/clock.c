#include "base/clock.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "base/civil.h"

#define SECOND  INT64_C(1000000)
#define DAY_S   CG_DAY_S
#define LAST_US (INT64_C(253402300800) * SECOND - 1) /* the end of 9999 */

#define CLOSE_US  1000 /* of two readings that belong together */
#define TRIES     16
#define FOLLOW_US 10000

static int64_t now(clockid_t id) {
  struct timespec ts;
  clock_gettime(id, &ts);
  return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

static int64_t system_wall(const struct cg_clock *c) {
  (void)c;
  return now(CLOCK_REALTIME);
}

static int64_t system_mono(const struct cg_clock *c) {
  (void)c;
  return now(CLOCK_BOOTTIME);
}

static int64_t fake_wall(const struct cg_clock *c) {
  return c->fake_wall_us;
}

static int64_t fake_mono(const struct cg_clock *c) {
  return c->fake_mono_us;
}

const struct cg_clock cg_clock_system = {.wall_us = system_wall, .mono_us = system_mono};

struct cg_clock cg_clock_fake(int64_t wall_us) {
  return (struct cg_clock){.wall_us = fake_wall,
                           .mono_us = fake_mono,
                           .fake_wall_us = wall_us,
                           .fake_mono_us = SECOND};
}

/* ---- what the wall says of a moment ---- */

int64_t cg_clock_offset(const struct cg_clock *c) {
  int64_t before = 0, wall = 0, after = 0;
  for (int i = 0; i < TRIES && (i == 0 || after - before > CLOSE_US); i++) {
    before = c->mono_us(c);
    wall = c->wall_us(c);
    after = c->mono_us(c);
  }
  return wall - before - (after - before) / 2;
}

static int64_t offset_of(struct cg_teller *t) {
  int64_t told = atomic_load_explicit(&t->offset_us, memory_order_relaxed);
  int64_t is = cg_clock_offset(t->clock), off = is - told;
  if (off > -FOLLOW_US && off < FOLLOW_US) return told;
  atomic_store_explicit(&t->offset_us, is, memory_order_relaxed);
  return is;
}

void cg_teller_init(struct cg_teller *t, const struct cg_clock *clock) {
  t->clock = clock;
  t->offset_us = t->trail_offset_us = cg_clock_offset(clock);
}

int64_t cg_tell(struct cg_teller *t, int64_t mono_us) {
  return mono_us + offset_of(t);
}

int64_t cg_teller_mono(struct cg_teller *t, int64_t wall_us) {
  return wall_us - offset_of(t);
}

int64_t cg_tell_trail(struct cg_teller *t, int64_t mono_us) {
  int64_t is = offset_of(t), trail = atomic_load(&t->trail_offset_us), off = is - trail;
  if (off <= -CG_STEP_US || off >= CG_STEP_US) return mono_us + trail;
  if (off) atomic_compare_exchange_strong(&t->trail_offset_us, &trail, is);
  return mono_us + is;
}

int64_t cg_teller_mono_trail(struct cg_teller *t, int64_t wall_us) {
  return wall_us - cg_tell_trail(t, 0);
}

void cg_teller_move_trail(struct cg_teller *t, int64_t step_us) {
  atomic_fetch_add(&t->trail_offset_us, step_us);
}

/* ---- text ---- */

static void put(char *to, int width, int64_t value) {
  for (; width--; value /= 10) to[width] = (char)('0' + value % 10);
}

void cg_time_text(int64_t wall_us, char out[CG_TIME_TEXT]) {
  if (wall_us < 0) wall_us = 0;
  if (wall_us > LAST_US) wall_us = LAST_US;
  int64_t year, month, day, s = wall_us / SECOND, of_day = s % DAY_S;
  cg_civil_of(s / DAY_S, &year, &month, &day);
  memcpy(out, "0000-00-00T00:00:00.000000Z", 28);
  put(out, 4, year);
  put(out + 5, 2, month);
  put(out + 8, 2, day);
  put(out + 11, 2, of_day / 3600);
  put(out + 14, 2, of_day / 60 % 60);
  put(out + 17, 2, of_day % 60);
  put(out + 20, 6, wall_us % SECOND);
}

/* Exactly `width` digits at *text, in lo..hi; moves on. */
static bool take(const char **text, int width, int64_t lo, int64_t hi, int64_t *ret) {
  int64_t value = 0;
  for (int i = 0; i < width; i++, (*text)++) {
    if (!isdigit((unsigned char)**text)) return false;
    value = value * 10 + (**text - '0');
  }
  *ret = value;
  return value >= lo && value <= hi;
}

static bool take_char(const char **text, const char *any) {
  if (!**text || !strchr(any, **text)) return false;
  (*text)++;
  return true;
}

static int64_t month_days(int64_t year, int64_t month) {
  return month == 12 ? 31 : cg_days_of(year, month + 1, 1) - cg_days_of(year, month, 1);
}

static bool take_date(const char **p, int64_t *ret_days) {
  int64_t year, month, day;
  if (!take(p, 4, 1970, 9999, &year) || !take_char(p, "-")) return false;
  if (!take(p, 2, 1, 12, &month) || !take_char(p, "-")) return false;
  if (!take(p, 2, 1, month_days(year, month), &day)) return false;
  *ret_days = cg_days_of(year, month, day);
  return true;
}

static bool take_time(const char **p, int64_t *ret_s) {
  int64_t h, m, s;
  if (!take(p, 2, 0, 23, &h) || !take_char(p, ":")) return false;
  if (!take(p, 2, 0, 59, &m) || !take_char(p, ":")) return false;
  if (!take(p, 2, 0, 59, &s)) return false;
  *ret_s = h * 3600 + m * 60 + s;
  return true;
}

/* Up to nine digits; what is finer than a microsecond is dropped. */
static bool take_fraction(const char **p, int64_t *ret_us) {
  *ret_us = 0;
  if (!take_char(p, ".")) return true;
  int n = 0;
  for (int64_t unit = SECOND / 10; isdigit((unsigned char)**p); (*p)++, n++, unit /= 10)
    *ret_us += (**p - '0') * unit;
  return n >= 1 && n <= 9;
}

static bool take_offset(const char **p, int64_t *ret_s) {
  *ret_s = 0;
  if (take_char(p, "Zz")) return true;
  int64_t sign = **p == '-' ? -1 : 1, h, m;
  if (!take_char(p, "+-") || !take(p, 2, 0, 23, &h) || !take_char(p, ":")) return false;
  if (!take(p, 2, 0, 59, &m)) return false;
  *ret_s = sign * (h * 3600 + m * 60);
  return true;
}

bool cg_time_parse(const char *text, int64_t *ret_wall_us) {
  int64_t days, s, us, offset;
  if (!take_date(&text, &days) || !take_char(&text, "Tt")) return false;
  if (!take_time(&text, &s) || !take_fraction(&text, &us)) return false;
  if (!take_offset(&text, &offset) || *text) return false;
  int64_t wall = (days * DAY_S + s - offset) * SECOND + us;
  if (wall < 0 || wall > LAST_US) return false;
  *ret_wall_us = wall;
  return true;
}

bool cg_duration_parse(const char *text, int64_t *ret_s) {
  static const struct {
    char unit;
    int64_t s;
  } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', DAY_S}};
  int64_t n = 0, max = 366 * DAY_S;
  const char *p = text;
  for (; isdigit((unsigned char)*p) && n <= max; p++) n = n * 10 + (*p - '0');
  if (p == text || !*p || p[1]) return false;
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    if (units[i].unit != *p) continue;
    if (n > max / units[i].s) return false;
    *ret_s = n * units[i].s;
    return true;
  }
  return false;
}
