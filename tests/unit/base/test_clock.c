/* Times and durations as text, judged by the C library. */
#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "test.h"

/* The C library is the judge, a day at a time and a bit. */
static void text_agrees_with_the_c_library(void **state) {
  (void)state;
  for (int64_t s = 0; s < INT64_C(253402300800); s += 86400 * 97 + 3661) {
    time_t t = (time_t)s;
    struct tm tm;
    char want[64], got[CG_TIME_TEXT];
    gmtime_r(&t, &tm);
    size_t n = strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(want + n, sizeof want - n, ".%06dZ", (int)(s % 1000000));
    cg_time_text(s * 1000000 + s % 1000000, got);
    assert_string_equal(got, want);
    int64_t back;
    assert_true(cg_time_parse(got, &back));
    assert_int_equal(back, s * 1000000 + s % 1000000);
  }
}

static void every_day_of_four_centuries(void **state) {
  (void)state;
  for (int64_t day = 0; day < 146097; day++) {
    char text[CG_TIME_TEXT];
    int64_t back, us = day * INT64_C(86400000000);
    cg_time_text(us, text);
    assert_true(cg_time_parse(text, &back));
    assert_int_equal(back, us);
  }
}

static void text_stays_in_its_years(void **state) {
  (void)state;
  char text[CG_TIME_TEXT];
  cg_time_text(INT64_MIN, text);
  assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
  cg_time_text(INT64_MAX, text);
  assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
}

static void parse_accepts(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t us;
  } rows[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01t00:00:01z", 1000000},
      {"1970-01-01T00:00:00.1Z", 100000},
      {"1970-01-01T00:00:00.123456789Z", 123456},
      {"1970-01-01T02:00:00+02:00", 0},
      {"1970-01-01T00:00:00-01:30", INT64_C(5400000000)},
      {"2024-02-29T12:00:00Z", INT64_C(1709208000000000)},
      {"2026-11-23T21:15:39.123456Z", INT64_C(1795468539123456)},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    int64_t us = -1;
    assert_true(cg_time_parse(rows[i].text, &us));
    assert_int_equal(us, rows[i].us);
  }
}

static void parse_refuses(void **state) {
  (void)state;
  static const char *const rows[] = {
      "",
      "now",
      "2026-11-23",
      "2026-11-23T21:15:39",
      "2026-11-23 21:15:39Z",
      "2026-11-23T21:15:39.Z",
      "2026-11-23T21:15:39.1234567890Z",
      "2026-11-23T21:15:39Zx",
      "2026-11-23T24:00:00Z",
      "2026-11-23T23:60:00Z",
      "2026-11-23T23:59:60Z",
      "2023-02-29T00:00:00Z",
      "2100-02-29T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z",
      "2026-01-00T00:00:00Z",
      "2026-04-31T00:00:00Z",
      "1969-12-31T23:59:59Z",
      "1970-01-01T00:00:00+00:01",
      "9999-12-31T23:59:59-00:01",
      "2026-11-23T21:15:39+24:00",
      "2026-11-23T21:15:39+0100",
      "2026-1-23T21:15:39Z",
      "+026-11-23T21:15:39Z",
      "2026-11-23T21:15:39+",
      "2026-11-23T21:15:39,5Z",
      "20261123T211539Z",
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    int64_t us = -1;
    if (cg_time_parse(rows[i], &us)) fail_msg("accepted %s", rows[i]);
    assert_int_equal(us, -1);
  }
}

static void durations(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t s;
  } rows[] = {{"0s", 0},
              {"90s", 90},
              {"30m", 1800},
              {"8h", 28800},
              {"1d", 86400},
              {"366d", 31622400},
              {"367d", -1},
              {"31622401s", -1},
              {"", -1},
              {"90", -1},
              {"s", -1},
              {"-1s", -1},
              {"1.5h", -1},
              {"1h30m", -1},
              {"1 h", -1},
              {"1w", -1},
              {" 1h", -1},
              {"1H", -1},
              {"99999999999999999999999999s", -1}};
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    int64_t s = -1;
    assert_int_equal(cg_duration_parse(rows[i].text, &s), rows[i].s >= 0);
    assert_int_equal(s, rows[i].s);
  }
}

static void clocks(void **state) {
  (void)state;
  const struct cg_clock *sys = &cg_clock_system;
  int64_t mono = sys->mono_us(sys);
  assert_true(sys->wall_us(sys) > INT64_C(1700000000000000));
  assert_true(sys->mono_us(sys) >= mono);
  struct cg_clock fake = cg_clock_fake(5);
  assert_int_equal(fake.wall_us(&fake), 5);
  fake.fake_mono_us += 7;
  int64_t before = fake.mono_us(&fake);
  fake.fake_mono_us += 7;
  assert_int_equal(fake.mono_us(&fake), before + 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_agrees_with_the_c_library),
      cmocka_unit_test(every_day_of_four_centuries),
      cmocka_unit_test(text_stays_in_its_years),
      cmocka_unit_test(parse_accepts),
      cmocka_unit_test(parse_refuses),
      cmocka_unit_test(durations),
      cmocka_unit_test(clocks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
