/* req.time: the clock on the wall where the camera is. */
#include "policy/fixture.h"

#include <time.h>

#include "base/clock.h"

/* Central Europe and Portugal by their rules, in an hour from 1970 on; India without. */
static const struct cg_zone berlin = {
    .name = "Europe/Berlin",
    .has_rule = true,
    .rule = {.standard_s = 3600,
             .has_dst = true,
             .dst_s = 7200,
             .start = {CG_RULE_WEEK, 3, 5, 0, 7200},
             .end = {CG_RULE_WEEK, 10, 5, 0, 10800}},
};
static const struct cg_zone lisbon = {
    .name = "Europe/Lisbon",
    .has_rule = true,
    .rule = {.has_dst = true,
             .dst_s = 3600,
             .start = {CG_RULE_WEEK, 3, 5, 0, 3600},
             .end = {CG_RULE_WEEK, 10, 5, 0, 7200}},
};
static const struct cg_zone kolkata = {.name = "Asia/Kolkata", .first_s = 19800};

static const struct cg_site_zone sites[] = {
    {"harbor-north", &lisbon}, {"mumbai", &kolkata}, {"west", &lisbon}};

/* A set whose gate is in Berlin, with those sites. */
static void begin(struct fix *f, const char *body) {
  fix_init(f);
  const struct cg_zones all = {&berlin, "policies.zone", sites, CG_COUNT(sites)};
  struct cg_arena *arena = cg_arena_new(NULL, 1 << 16);
  const struct cg_zones *zones = cg_zones_new(&all, arena);
  assert_non_null(zones);
  f->env.zones = zones;
  assert_true(fix_body(f, body));
  cg_zones_unref(zones); /* the set keeps them */
}

static const char *told(struct fix *f, const char *site, const char *at) {
  f->camera.site = site;
  assert_true(cg_time_parse(at, &f->ask.now_us));
  return fix_decide(f)->reason;
}

#define TELL                                                                             \
  "local t = req.time\n"                                                                 \
  "return deny(t.date .. ' ' .. t.hour .. ':' .. t.minute .. ' ' .. t.weekday)"

static void time_is_that_of_the_cameras_site(void **state) {
  (void)state;
  struct fix f;
  begin(&f, TELL);
  const char *at = "2026-11-23T18:30:00Z";
  assert_string_equal(told(&f, "", at), "2026-11-23 19:30 1");
  assert_string_equal(told(&f, "north", at), "2026-11-23 19:30 1");
  assert_string_equal(told(&f, "harbor-north", at), "2026-11-23 18:30 1");
  assert_string_equal(told(&f, "mumbai", at), "2026-11-24 0:0 2");
  assert_string_equal(told(&f, "west", at), "2026-11-23 18:30 1");
  assert_string_equal(told(&f, "zzz", at), "2026-11-23 19:30 1");
  fix_done(&f);
}

static void time_is_the_same_whatever_tz_the_process_has(void **state) {
  (void)state;
  static const char *const tzs[] = {"UTC", "Asia/Tokyo", "Europe/Berln", ""};
  struct fix f;
  begin(&f, TELL);
  for (size_t i = 0; i < CG_COUNT(tzs); i++) {
    setenv("TZ", tzs[i], 1);
    tzset();
    assert_string_equal(told(&f, "", "2026-07-01T10:00:00Z"), "2026-07-01 12:0 3");
  }
  fix_done(&f);
}

static void without_zones_it_is_utc(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_true(fix_body(&f, TELL));
  assert_string_equal(told(&f, "north", "2026-07-01T10:00:00Z"), "2026-07-01 10:0 3");
  fix_done(&f);
}

struct window {
  const char *from, *to, *at;
  bool inside;
};

static const struct window windows[] = {
    /* the hour that is left out: nothing is inside of it */
    {"02:00", "03:00", "2026-03-29T00:59:59Z", false},
    {"02:00", "03:00", "2026-03-29T01:00:00Z", false},
    {"02:30", "03:30", "2026-03-29T01:00:00Z", true},
    {"02:30", "03:30", "2026-03-29T01:30:00Z", false},
    {"22:00", "02:30", "2026-03-29T00:59:59Z", true},
    {"22:00", "02:30", "2026-03-29T01:00:00Z", false},
    /* the hour that comes twice: inside both times */
    {"02:00", "03:00", "2026-10-24T23:59:59Z", false},
    {"02:00", "03:00", "2026-10-25T00:00:00Z", true},
    {"02:00", "03:00", "2026-10-25T01:59:59Z", true},
    {"02:00", "03:00", "2026-10-25T02:00:00Z", false},
    /* across midnight, and its two names */
    {"22:00", "06:00", "2026-11-23T21:00:00Z", true},
    {"22:00", "06:00", "2026-11-24T04:59:59Z", true},
    {"22:00", "06:00", "2026-11-24T05:00:00Z", false},
    {"22:00", "24:00", "2026-11-23T22:59:59Z", true},
    {"22:00", "24:00", "2026-11-23T23:00:00Z", false},
    {"22:00", "00:00", "2026-11-23T22:59:59Z", true},
    {"22:00", "00:00", "2026-11-23T23:00:00Z", false},
    {"24:00", "06:00", "2026-11-23T23:00:00Z", true},
    {"24:00", "06:00", "2026-11-23T22:59:59Z", false},
    {"00:00", "24:00", "2026-11-23T22:59:59Z", true},
    {"24:00", "24:00", "2026-11-23T23:00:00Z", false},
    {"00:00", "00:00", "2026-11-23T23:00:00Z", false},
    {"24:00", "00:00", "2026-11-23T23:00:00Z", false},
    /* the end of the last day before 1970 ends, and beyond 2037 */
    {"08:00", "18:00", "2050-07-01T15:59:59Z", true},
    {"08:00", "18:00", "2050-07-01T16:00:00Z", false},
    {"08:00", "18:00", "2050-01-03T16:59:59Z", true},
};

static void between_goes_by_the_clock_on_the_wall(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(windows); i++) {
    const struct window *w = &windows[i];
    struct fix f;
    char body[160];
    snprintf(body, sizeof body,
             "if req.time:between('%s', '%s') then return deny('in') end\n"
             "return deny('out')",
             w->from, w->to);
    begin(&f, body);
    if (strcmp(told(&f, "", w->at), w->inside ? "in" : "out") != 0)
      fail_msg("%s to %s at %s", w->from, w->to, w->at);
    fix_done(&f);
  }
}

static void an_answer_may_end_when_clocks_show_a_time(void **state) {
  (void)state;
  struct fix f;
  begin(&f, "return deny(tostring(req.time:seconds_until('06:00')))");
  assert_string_equal(told(&f, "", "2026-11-23T22:00:00Z"), "25200");
  assert_string_equal(told(&f, "", "2026-03-28T22:00:00Z"), "21600");
  assert_string_equal(told(&f, "", "2026-10-24T21:00:00Z"), "28800");
  assert_string_equal(told(&f, "mumbai", "2026-11-23T22:00:00Z"), "9000");
  assert_string_equal(told(&f, "mumbai", "2026-11-24T00:30:00Z"), "86400");
  fix_done(&f);
}

static void seconds_until_takes_one_time(void **state) {
  (void)state;
  struct fix f;
  begin(&f, "local ok = pcall(function() return req.time:seconds_until('06:00', 'x') end)"
            "return deny(tostring(ok))");
  assert_string_equal(told(&f, "", "2026-11-23T22:00:00Z"), "false");
  fix_done(&f);
}

static void leap_days_are_days(void **state) {
  (void)state;
  struct fix f;
  begin(&f, TELL);
  assert_string_equal(told(&f, "", "2028-02-29T12:00:00Z"), "2028-02-29 13:0 2");
  assert_string_equal(told(&f, "mumbai", "2028-02-29T20:00:00Z"), "2028-03-01 1:30 3");
  assert_string_equal(told(&f, "", "9999-12-31T23:30:00Z"), "10000-01-01 0:30 6");
  fix_done(&f);
}

static void an_explanation_says_zone_and_local_time(void **state) {
  (void)state;
  struct fix f;
  char text[CG_LOCAL_TEXT];
  begin(&f, "return allow()");
  f.ask.explain = true;
  told(&f, "mumbai", "2026-11-23T18:30:00Z");
  cg_local_text(&f.v->local, text);
  assert_string_equal(f.v->zone, "Asia/Kolkata");
  assert_string_equal(text, "2026-11-24T00:00:00+05:30");
  told(&f, "", "2026-11-23T18:30:00Z");
  assert_string_equal(f.v->zone, "Europe/Berlin");
  fix_done(&f);
}

/* Nobody else tells the time: no library of Lua's does. */
static void policies_have_no_other_clock(void **state) {
  (void)state;
  static const char *const none[] = {"os.time()",       "os.date('*t')",
                                     "os.getenv('TZ')", "io.popen('date')",
                                     "require('os')",   "req.time.zone()"};
  for (size_t i = 0; i < CG_COUNT(none); i++) {
    struct fix f;
    char body[80];
    snprintf(body, sizeof body, "return deny(tostring(%s))", none[i]);
    assert_true(fix_run(&f, body)->policy_error);
    fix_done(&f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(time_is_that_of_the_cameras_site),
      cmocka_unit_test(time_is_the_same_whatever_tz_the_process_has),
      cmocka_unit_test(without_zones_it_is_utc),
      cmocka_unit_test(between_goes_by_the_clock_on_the_wall),
      cmocka_unit_test(an_answer_may_end_when_clocks_show_a_time),
      cmocka_unit_test(seconds_until_takes_one_time),
      cmocka_unit_test(leap_days_are_days),
      cmocka_unit_test(an_explanation_says_zone_and_local_time),
      cmocka_unit_test(policies_have_no_other_clock),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
