#include "base/zone_rule.h"

#include <ctype.h>
#include <string.h>

#include "base/civil.h"

#define HOUR_S        3600
#define OFFSET_HOURS  24
#define CHANGE_HOURS  167
#define CHANGE_TIME_S (2 * HOUR_S) /* when none is said */

struct text {
  const char *p, *end;
};

static bool take_char(struct text *t, char c) {
  if (t->p == t->end || *t->p != c) return false;
  t->p++;
  return true;
}

static bool take_number(struct text *t, int most, int *ret) {
  const char *from = t->p;
  int n = 0;
  while (t->p < t->end && isdigit((unsigned char)*t->p) && n <= most)
    n = n * 10 + (*t->p++ - '0');
  *ret = n;
  return t->p > from && n <= most;
}

/* "CET", or "<+0330>": three characters at least. */
static bool take_name(struct text *t, bool *ret_unknown) {
  bool quoted = take_char(t, '<');
  const char *from = t->p;
  while (t->p < t->end &&
         (isalpha((unsigned char)*t->p) ||
          (quoted && (isdigit((unsigned char)*t->p) || *t->p == '+' || *t->p == '-'))))
    t->p++;
  size_t n = (size_t)(t->p - from);
  *ret_unknown = n == 3 && memcmp(from, "-00", 3) == 0;
  return n >= 3 && (!quoted || take_char(t, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct text *t, int hours, int32_t *ret_s) {
  int h, m = 0, s = 0, sign = take_char(t, '-') ? -1 : 1;
  if (sign > 0) take_char(t, '+');
  if (!take_number(t, hours, &h)) return false;
  if (take_char(t, ':')) {
    if (!take_number(t, 59, &m)) return false;
    if (take_char(t, ':') && !take_number(t, 59, &s)) return false;
  }
  *ret_s = sign * (h * HOUR_S + m * 60 + s);
  return true;
}

/* The text counts west of UTC. */
static bool take_offset(struct text *t, int32_t *ret_s) {
  int32_t west;
  if (!take_time(t, OFFSET_HOURS, &west)) return false;
  *ret_s = -west;
  return true;
}

static bool take_day(struct text *t, struct cg_rule_change *c) {
  if (take_char(t, 'J')) {
    c->kind = CG_RULE_JULIAN;
    return take_number(t, 365, &c->day) && c->day >= 1;
  }
  if (!take_char(t, 'M')) {
    c->kind = CG_RULE_DAY;
    return take_number(t, 365, &c->day);
  }
  c->kind = CG_RULE_WEEK;
  return take_number(t, 12, &c->month) && c->month >= 1 && take_char(t, '.') &&
         take_number(t, 5, &c->week) && c->week >= 1 && take_char(t, '.') &&
         take_number(t, 6, &c->day);
}

static bool take_change(struct text *t, struct cg_rule_change *c) {
  *c = (struct cg_rule_change){.time_s = CHANGE_TIME_S};
  return take_char(t, ',') && take_day(t, c) &&
         (!take_char(t, '/') || take_time(t, CHANGE_HOURS, &c->time_s));
}

bool cg_zone_rule_parse(const char *text, size_t n, struct cg_zone_rule *out) {
  struct text t = {text, text + n};
  bool unknown;
  *out = (struct cg_zone_rule){0};
  if (!take_name(&t, &out->unknown) || !take_offset(&t, &out->standard_s)) return false;
  if (t.p == t.end) return true;
  out->has_dst = true;
  out->dst_s = out->standard_s + HOUR_S;
  if (!take_name(&t, &unknown)) return false;
  if (t.p < t.end && *t.p != ',' && !take_offset(&t, &out->dst_s)) return false;
  return take_change(&t, &out->start) && take_change(&t, &out->end) && t.p == t.end;
}

/* ---- when it changes ---- */

static int64_t week_day(const struct cg_rule_change *c, int64_t year) {
  int64_t first = cg_days_of(year, c->month, 1);
  int64_t next = cg_days_of(c->month == 12 ? year + 1 : year, c->month % 12 + 1, 1);
  int64_t day = first + (c->day - cg_weekday_of(first) % 7 + 7) % 7 + (c->week - 1) * 7;
  return day < next ? day : day - 7;
}

static int64_t day_of(const struct cg_rule_change *c, int64_t year) {
  if (c->kind == CG_RULE_WEEK) return week_day(c, year);
  int64_t first = cg_days_of(year, 1, 1);
  if (c->kind == CG_RULE_DAY) return first + c->day;
  bool leap = cg_days_of(year, 3, 1) - first == 60;
  return first + c->day - 1 + (leap && c->day >= 60);
}

static int64_t change_s(const struct cg_rule_change *c, int64_t year, int32_t before_s) {
  return day_of(c, year) * CG_DAY_S + c->time_s - before_s;
}

/* Does the daylight saving that starts in `year` hold at s? */
static bool in_dst_of(const struct cg_zone_rule *r, int64_t year, int64_t s) {
  int64_t start = change_s(&r->start, year, r->standard_s);
  int64_t end = change_s(&r->end, year, r->dst_s);
  if (end <= start) end = change_s(&r->end, year + 1, r->dst_s);
  return start <= s && s < end;
}

int32_t cg_zone_rule_offset(const struct cg_zone_rule *r, int64_t s) {
  int64_t year, month, day;
  if (!r->has_dst) return r->standard_s;
  cg_civil_of(cg_floor_div(s + r->standard_s, CG_DAY_S), &year, &month, &day);
  bool dst = in_dst_of(r, year, s) || in_dst_of(r, year - 1, s) ||
             in_dst_of(r, year + 1, s); /* a change may be a week from its day */
  return dst ? r->dst_s : r->standard_s;
}
