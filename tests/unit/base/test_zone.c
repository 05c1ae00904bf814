/* Zones against localtime_r, which is told each of them by TZ, and bent files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fts.h>
#include <time.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "base/zone.h"

#define FOLDER   "/usr/share/zoneinfo"
#define FILE_MAX 65536

struct file {
  uint8_t bytes[FILE_MAX];
  size_t n;
};

static bool read_file(const char *path, struct file *f) {
  FILE *in = fopen(path, "rb");
  if (!in) return false;
  f->n = fread(f->bytes, 1, sizeof f->bytes, in);
  fclose(in);
  return f->n > 4 && !memcmp(f->bytes, "TZif", 4);
}

static const struct cg_zone *zone_of(const char *name, struct cg_arena *arena) {
  char path[256];
  struct file f;
  struct cg_err err;
  snprintf(path, sizeof path, FOLDER "/%s", name);
  if (!read_file(path, &f)) fail_msg("%s cannot be read", path);
  const struct cg_zone *z = cg_zone_read(name, f.bytes, f.n, arena, &err);
  if (!z) fail_msg("%s: %s", name, err.text);
  return z;
}

/* "2026-03-29T01:00:00Z" */
static int64_t instant(const char *text) {
  int64_t us;
  if (!cg_time_parse(text, &us)) fail_msg("%s", text);
  return us / 1000000;
}

/* ---- all zones, against the C library ---- */

static void compare(const struct cg_zone *z, int64_t s) {
  struct cg_local got;
  struct tm want;
  time_t t = (time_t)s;
  cg_zone_local(z, s, &got);
  assert_non_null(localtime_r(&t, &want));
  bool same = got.year == want.tm_year + 1900 && got.month == want.tm_mon + 1 &&
              got.day == want.tm_mday && got.hour == want.tm_hour &&
              got.minute == want.tm_min && got.second == want.tm_sec &&
              got.weekday % 7 == want.tm_wday && got.offset_s == want.tm_gmtoff;
  if (same) return;
  char text[CG_LOCAL_TEXT];
  cg_local_text(&got, text);
  fail_msg("%s at %lld: %s, not %02d:%02d:%02d and %ld", z->name, (long long)s, text,
           want.tm_hour, want.tm_min, want.tm_sec, want.tm_gmtoff);
}

/* The second at which the offset changes, of two that have different ones. */
static int64_t change_between(const struct cg_zone *z, int64_t before, int64_t after) {
  while (after - before > 1) {
    int64_t mid = before + (after - before) / 2;
    if (cg_zone_offset(z, mid) == cg_zone_offset(z, before))
      before = mid;
    else
      after = mid;
  }
  return after;
}

/* Every change with the seconds beside it, the years to come in uneven steps, and the
 * changes of some that the footer's rule makes. */
static void compare_all(const struct cg_zone *z) {
  for (size_t i = 0; i < z->n; i++)
    for (int64_t d = -1; d <= 1; d++) compare(z, z->changes[i].at + d);
  for (int64_t s = instant("1970-01-01T00:00:00Z"); s < instant("2200-01-01T00:00:00Z");
       s += 31 * CG_DAY_S + 12345)
    compare(z, s);
  int64_t until = instant("2041-01-01T00:00:00Z");
  for (int64_t s = instant("2037-06-01T00:00:00Z"); s < until; s += CG_DAY_S) {
    if (cg_zone_offset(z, s) == cg_zone_offset(z, s + CG_DAY_S)) continue;
    int64_t at = change_between(z, s, s + CG_DAY_S);
    for (int64_t d = -1; d <= 1; d++) compare(z, at + d);
  }
}

static void every_zone_shows_what_the_c_library_shows(void **state) {
  (void)state;
  char folder[] = FOLDER;
  char *const paths[] = {folder, NULL};
  FTS *tree = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, NULL);
  size_t n = 0;
  for (FTSENT *at; (at = fts_read(tree));) {
    const char *name = at->fts_path + sizeof folder;
    struct file f;
    if (at->fts_info != FTS_F || !strncmp(name, "right/", 6) ||
        !strncmp(name, "posix/", 6) || !strcmp(name, "Factory") ||
        !read_file(at->fts_path, &f))
      continue;
    struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
    struct cg_err err;
    const struct cg_zone *z = cg_zone_read(name, f.bytes, f.n, arena, &err);
    if (!z) fail_msg("%s: %s", name, err.text);
    setenv("TZ", name, 1);
    tzset();
    compare_all(z);
    cg_arena_free(arena, NULL);
    n++;
  }
  fts_close(tree);
  assert_true(n > 300);
}

/* ---- moments by name ---- */

static const struct {
  const char *zone, *at, *shown;
  int weekday;
} moments[] = {
    /* the gap and the repeat */
    {"Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-29T01:59:59+01:00", 7},
    {"Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00+02:00", 7},
    {"Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T02:30:00+02:00", 7},
    {"Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00+01:00", 7},
    {"America/New_York", "2026-03-08T07:00:00Z", "2026-03-08T03:00:00-04:00", 7},
    /* half hours, and half an hour of daylight saving */
    {"Asia/Kolkata", "2026-11-23T18:30:00Z", "2026-11-24T00:00:00+05:30", 2},
    {"Asia/Kathmandu", "2026-11-23T18:15:00Z", "2026-11-24T00:00:00+05:45", 2},
    {"Australia/Lord_Howe", "2026-01-01T00:00:00Z", "2026-01-01T11:00:00+11:00", 4},
    {"Australia/Lord_Howe", "2026-07-01T00:00:00Z", "2026-07-01T10:30:00+10:30", 3},
    /* winter is the daylight saving there */
    {"Europe/Dublin", "2026-01-15T12:00:00Z", "2026-01-15T12:00:00+00:00", 4},
    {"Europe/Dublin", "2040-07-15T12:00:00Z", "2040-07-15T13:00:00+01:00", 7},
    {"Africa/Casablanca", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00+00:00", 7},
    /* weekdays at the date line, and a day that was left out */
    {"Pacific/Kiritimati", "2026-11-22T10:00:00Z", "2026-11-23T00:00:00+14:00", 1},
    {"Pacific/Pago_Pago", "2026-11-23T10:59:59Z", "2026-11-22T23:59:59-11:00", 7},
    {"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T23:59:59-10:00", 4},
    {"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T00:00:00+14:00", 6},
    /* leap days, and a century that has none */
    {"Europe/Berlin", "2028-02-28T23:00:00Z", "2028-02-29T00:00:00+01:00", 2},
    {"Europe/Berlin", "2100-02-28T23:00:00Z", "2100-03-01T00:00:00+01:00", 1},
    /* beyond 2037, and beyond 32 bits */
    {"Europe/Berlin", "2038-01-19T03:14:08Z", "2038-01-19T04:14:08+01:00", 2},
    {"Europe/Berlin", "2099-07-01T12:00:00Z", "2099-07-01T14:00:00+02:00", 3},
    {"America/Santiago", "9999-12-31T12:00:00Z", "9999-12-31T09:00:00-03:00", 5},
    /* an offset with seconds, long after 1970 */
    {"Africa/Monrovia", "1971-06-01T00:44:29Z", "1971-05-31T23:59:59-00:44:30", 1},
    {"Africa/Monrovia", "1972-01-08T00:00:00Z", "1972-01-08T00:00:00+00:00", 6},
    /* links */
    {"US/Eastern", "2026-11-23T12:00:00Z", "2026-11-23T07:00:00-05:00", 1},
    {"Etc/GMT+12", "2026-11-23T12:00:00Z", "2026-11-23T00:00:00-12:00", 1},
};

static void moments_are_shown_as_they_were(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(moments); i++) {
    struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
    struct cg_local l;
    char text[CG_LOCAL_TEXT];
    cg_zone_local(zone_of(moments[i].zone, arena), instant(moments[i].at), &l);
    cg_local_text(&l, text);
    if (strcmp(text, moments[i].shown) != 0 || l.weekday != moments[i].weekday)
      fail_msg("%s at %s: %s (%d)", moments[i].zone, moments[i].at, text, l.weekday);
    cg_arena_free(arena, NULL);
  }
}

static void before_1970_too(void **state) {
  (void)state;
  struct cg_local l;
  cg_zone_local(&cg_zone_utc, -1, &l);
  assert_true(l.year == 1969 && l.month == 12 && l.day == 31 && l.second == 59);
  assert_int_equal(l.weekday, 3);
  assert_true(cg_seconds_of(-1) == -1 && cg_seconds_of(-1000000) == -1);
  cg_zone_local(&cg_zone_utc, -INT64_C(62167219201), &l);
  assert_true(l.year == -1 && l.month == 12 && l.day == 31);
}

static const struct {
  const char *zone, *from, *until; /* HH:MM */
  const char *next;
} nexts[] = {
    {"Europe/Berlin", "2026-11-23T11:00:00Z", "18:00", "2026-11-23T17:00:00Z"},
    {"Europe/Berlin", "2026-11-23T17:00:00Z", "18:00", "2026-11-24T17:00:00Z"},
    {"Europe/Berlin", "2026-11-23T16:59:59Z", "18:00", "2026-11-23T17:00:00Z"},
    {"Europe/Berlin", "2026-11-23T17:00:01Z", "24:00", "2026-11-23T23:00:00Z"},
    {"Europe/Berlin", "2026-11-23T17:00:01Z", "00:00", "2026-11-23T23:00:00Z"},
    /* nights of 7 and of 9 hours */
    {"Europe/Berlin", "2026-03-28T22:00:00Z", "06:00", "2026-03-29T04:00:00Z"},
    {"Europe/Berlin", "2026-10-24T21:00:00Z", "06:00", "2026-10-25T05:00:00Z"},
    /* a time that is left out: when clocks go over it */
    {"Europe/Berlin", "2026-03-28T22:00:00Z", "02:30", "2026-03-29T01:00:00Z"},
    {"Europe/Berlin", "2026-03-28T22:00:00Z", "03:00", "2026-03-29T01:00:00Z"},
    {"Europe/Berlin", "2026-03-29T01:00:00Z", "02:30", "2026-03-30T00:30:00Z"},
    /* a time that comes twice */
    {"Europe/Berlin", "2026-10-24T22:00:00Z", "02:30", "2026-10-25T00:30:00Z"},
    {"Europe/Berlin", "2026-10-25T00:30:00Z", "02:30", "2026-10-25T01:30:00Z"},
    {"Europe/Berlin", "2026-10-25T01:30:00Z", "02:30", "2026-10-26T01:30:00Z"},
    {"Europe/Berlin", "2026-10-25T00:59:59Z", "02:00", "2026-10-25T01:00:00Z"},
    /* half an hour; a day that is left out; years to come */
    {"Australia/Lord_Howe", "2026-10-03T14:00:00Z", "06:00", "2026-10-03T19:00:00Z"},
    {"Pacific/Apia", "2011-12-30T09:00:00Z", "18:00", "2011-12-30T10:00:00Z"},
    {"Asia/Kolkata", "2026-11-23T18:29:59Z", "00:00", "2026-11-23T18:30:00Z"},
    {"Europe/Berlin", "2099-07-01T12:00:00Z", "18:00", "2099-07-01T16:00:00Z"},
};

static void the_next_time_that_clocks_show(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(nexts); i++) {
    struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
    int hour, minute;
    char text[CG_TIME_TEXT];
    assert_int_equal(sscanf(nexts[i].until, "%d:%d", &hour, &minute), 2);
    int64_t got = cg_zone_next(zone_of(nexts[i].zone, arena), instant(nexts[i].from),
                               hour * 3600 + minute * 60);
    cg_time_text(got * 1000000, text);
    if (got != instant(nexts[i].next))
      fail_msg("%s from %s until %s: %s", nexts[i].zone, nexts[i].from, nexts[i].until,
               text);
    cg_arena_free(arena, NULL);
  }
}

/* ---- rules ---- */

static const struct {
  const char *text;
  bool good;
} rules[] = {
    {"UTC0", true},
    {"CET-1CEST,M3.5.0,M10.5.0/3", true},
    {"<+0330>-3:30", true},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", true},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", true},
    {"XXX3EDT4,0/0,J365/23", true},
    {"CET-1CEST", false},
    {"CET-1CEST,M3.5.0", false},
    {"CET-1CEST,M3.5.0,M10.5.0/3x", false},
    {"CET-1CEST,M13.5.0,M10.5.0", false},
    {"CET-1CEST,M3.6.0,M10.5.0", false},
    {"CET-1CEST,M3.0.0,M10.5.0", false},
    {"CET-1CEST,M3.5.7,M10.5.0", false},
    {"CET-1CEST,J0,J365", false},
    {"CET-1CEST,J1,J366", false},
    {"CET-1CEST,0,366", false},
    {"CET-1CEST,M3.5.0/168,M10.5.0", false},
    {"CET-25", false},
    {"CET-1:60", false},
    {"CET-99999999999999999999", false},
    {"CE-1", false},
    {"CET", false},
    {"<CET-1", false},
    {"<+0330-3:30", false},
    {"", false},
};

static void rules_are_read_strictly(void **state) {
  (void)state;
  struct cg_zone_rule r;
  for (size_t i = 0; i < CG_COUNT(rules); i++)
    if (cg_zone_rule_parse(rules[i].text, strlen(rules[i].text), &r) != rules[i].good)
      fail_msg("%s", rules[i].text);
}

static int32_t ruled(const char *text, const char *at) {
  struct cg_zone_rule r;
  assert_true(cg_zone_rule_parse(text, strlen(text), &r));
  return cg_zone_rule_offset(&r, instant(at));
}

static void rules_of_every_kind(void **state) {
  (void)state;
  /* all year long daylight saving (RFC 9636, 3.3.1) */
  const char *always = "XXX3EDT4,0/0,J365/23";
  assert_int_equal(ruled(always, "2026-01-01T03:59:59Z"), -4 * 3600);
  assert_int_equal(ruled(always, "2026-12-31T23:00:00Z"), -4 * 3600);
  assert_int_equal(ruled(always, "2028-02-29T12:00:00Z"), -4 * 3600);
  /* J60 is the first of March in every year; 59 is it in common years alone */
  assert_int_equal(ruled("AAA0BBB,J60/0,J300", "2028-02-29T12:00:00Z"), 0);
  assert_int_equal(ruled("AAA0BBB,J60/0,J300", "2028-03-01T12:00:00Z"), 3600);
  assert_int_equal(ruled("AAA0BBB,59/0,J300", "2028-02-29T12:00:00Z"), 3600);
  assert_int_equal(ruled("AAA0BBB,59/0,J300", "2026-02-28T12:00:00Z"), 0);
  /* a change days from its day, and the south */
  assert_int_equal(ruled("AAA0BBB,M1.1.1/-167,M6.1.1", "2026-12-29T02:00:00Z"), 3600);
  assert_int_equal(ruled("NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-12-31T23:00:00Z"),
                   13 * 3600);
  assert_int_equal(ruled("NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-06-01T00:00:00Z"),
                   12 * 3600);
}

/* ---- files that are none, or bent ---- */

static const char *refusal(const struct file *f) {
  static struct cg_err err;
  struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
  const struct cg_zone *z = cg_zone_read("X", f->bytes, f->n, arena, &err);
  cg_arena_free(arena, NULL);
  return z ? "" : err.text;
}

static struct file berlin(void) {
  struct file f;
  assert_true(read_file(FOLDER "/Europe/Berlin", &f));
  return f;
}

static void no_zone_at_all(void **state) {
  (void)state;
  struct file f = berlin();
  f.bytes[4] = 0;
  assert_string_equal(refusal(&f), "is of version 1, which ends in 2037");
  f.bytes[4] = '5';
  assert_string_equal(refusal(&f), "is of a version that is not known here");
  f.bytes[0] = 'X';
  assert_string_equal(refusal(&f), "is not a time zone file (TZif)");
  assert_true(read_file(FOLDER "/right/Europe/Berlin", &f));
  assert_non_null(strstr(refusal(&f), "leap seconds"));
  assert_true(read_file(FOLDER "/Factory", &f));
  assert_string_equal(refusal(&f), "is the time of nowhere");
}

static void a_file_that_was_cut_is_refused(void **state) {
  (void)state;
  struct file whole = berlin();
  for (size_t n = 0; n < whole.n; n++) {
    struct file cut = whole;
    cut.n = n;
    assert_true(*refusal(&cut));
  }
  struct file longer = whole;
  longer.bytes[longer.n++] = '\n';
  assert_true(*refusal(&longer));
}

/* Whatever byte is another one: refused, or read without harm. */
static void bent_bytes_do_no_harm(void **state) {
  (void)state;
  struct file f = berlin();
  for (size_t i = 0; i < f.n; i++) {
    uint8_t kept = f.bytes[i];
    f.bytes[i] ^= 0xff;
    struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
    struct cg_err err;
    const struct cg_zone *z = cg_zone_read("X", f.bytes, f.n, arena, &err);
    if (z) cg_zone_offset(z, 1795437000);
    cg_arena_free(arena, NULL);
    f.bytes[i] = kept;
  }
  assert_string_equal(refusal(&f), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_zone_shows_what_the_c_library_shows),
      cmocka_unit_test(moments_are_shown_as_they_were),
      cmocka_unit_test(before_1970_too),
      cmocka_unit_test(the_next_time_that_clocks_show),
      cmocka_unit_test(rules_are_read_strictly),
      cmocka_unit_test(rules_of_every_kind),
      cmocka_unit_test(no_zone_at_all),
      cmocka_unit_test(a_file_that_was_cut_is_refused),
      cmocka_unit_test(bent_bytes_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
