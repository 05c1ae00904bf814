/* What req tells, and when time passes. */
#include "policy/fixture.h"

/* Each must be true of the usual question, with these claims and attributes. */
static const char *const truths[] = {
    "req.subject.id == 'alice' and req.subject.name == 'Alice'",
    "req.subject.ip == '192.0.2.7'",
    "req.subject:has_role('operator') and not req.subject:has_role('admin')",
    "req.subject:has_site('north') and not req.subject:has_site('')",
    "#req.subject.roles == 1 and req.subject.roles[1] == 'operator'",
    "#req.subject.sites == 1 and req.subject.sites[1] == 'north'",
    "req.camera.id == 'lobby-1' and req.camera.name == 'Lobby' and req.camera.site == "
    "'north'",
    "req.camera.level == 1 and math.type(req.camera.level) == 'integer'",
    "req.camera:has_tag('lobby') and not req.camera:has_tag('lob')",
    "#req.camera.tags == 1 and req.camera.tags[1] == 'lobby'",
    "req.quality == nil and req.purpose == '' and req.lease == nil",
    "req.now == 1795437000",
    "req.time.hour == 12 and req.time.minute == 30 and req.time.weekday == 1",
    "req.time.date == '2026-11-23'",
    "req.time:between('12:30', '12:31') and not req.time:between('12:31', '12:30')",
    "not req.time:between('12:00', '12:30') and not req.time:between('12:30', '12:30')",
    "req.time:between('00:00', '24:00') and req.time:between('22:00', '13:00')",
    "not req.time:between('22:00', '06:00')",
    "req.subject.claims.dept == 'it' and req.subject.claims.nothing == nil",
    "req.subject.claims.n == 7 and req.subject.claims.x == 1.5 and req.subject.claims.no "
    "== false",
    "req.subject.claims.null == nil",
    "req.subject.claims.list[2] == 'b' and #req.subject.claims.list == 2",
    "req.subject.claims.list[0] == nil and req.subject.claims.list[3] == nil",
    "req.subject.claims.deep.er.est == 'yes'",
    "type(req.subject.claims) == 'userdata' and req.subject.claims[1] == nil",
    "req.camera.attributes.floor == 3 and req.camera.attributes.zone.name == 'A'",
};

static json_t *usual_claims(void) {
  return json_pack("{ss,si,sf,sb,sn,s[ss],s{s{ss}}}", "dept", "it", "n", 7, "x", 1.5,
                   "no", 0, "null", "list", "a", "b", "deep", "er", "est", "yes");
}

static void req_tells_the_truth(void **state) {
  (void)state;
  for (size_t i = 0; i < CG_COUNT(truths); i++) {
    struct fix f;
    char body[256];
    snprintf(body, sizeof(body), "if %s then return allow() end", truths[i]);
    fix_init(&f);
    f.subject.claims = usual_claims();
    f.camera.attributes = "{\"floor\": 3, \"zone\": {\"name\": \"A\"}}";
    assert_true(fix_body(&f, body));
    const struct cg_verdict *v = fix_decide(&f);
    if (!v->allow)
      fail_msg("%s: %s", truths[i], v->n_words ? v->words[0].reason : "false");
    json_decref(f.subject.claims);
    fix_done(&f);
  }
}

static void claims_can_be_walked(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.subject.claims = usual_claims();
  assert_true(fix_body(&f,
                       "local n, keys = 0, 0\n"
                       "for k, v in pairs(req.subject.claims) do keys = keys + 1 end\n"
                       "for i, v in ipairs(req.subject.claims.list) do n = n + i end\n"
                       "for i, v in pairs(req.subject.claims.list) do n = n + i end\n"
                       "return deny(keys .. ' ' .. n)"));
  assert_string_equal(fix_decide(&f)->reason, "7 6");
  json_decref(f.subject.claims);
  fix_done(&f);
}

static void no_claims_and_broken_attributes(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_true(
      fix_body(&f, "if req.subject.claims.x == nil and req.camera.attributes.x == nil\n"
                   "then return allow() end"));
  f.camera.attributes = NULL;
  assert_true(fix_decide(&f)->allow);
  f.camera.attributes = "{broken";
  assert_true(fix_decide(&f)->policy_error);
  f.camera.attributes = "{}";
  assert_true(fix_decide(&f)->allow);
  fix_done(&f);
}

static void a_re_decision_shows_the_lease(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  f.ask.lease_id = "l1";
  f.ask.lease_quality = "medium";
  f.ask.lease_granted_us = INT64_C(1795436000) * 1000000;
  f.ask.quality = 2;
  f.ask.purpose = "patrol";
  assert_true(
      fix_body(&f, "return deny(req.lease.id .. req.lease.quality .. \n"
                   "(req.now - req.lease.granted_at) .. req.quality .. req.purpose)"));
  assert_string_equal(fix_decide(&f)->reason, "l1medium1000highpatrol");
  fix_done(&f);
}

static void time_moves_between_decisions(void **state) {
  (void)state;
  struct fix f;
  fix_init(&f);
  assert_true(fix_body(&f, "return deny(req.time.hour .. ':' .. req.time.minute)"));
  assert_string_equal(fix_decide(&f)->reason, "12:30");
  f.ask.now_us += INT64_C(59) * 1000000;
  assert_string_equal(fix_decide(&f)->reason, "12:30");
  f.ask.now_us += INT64_C(1) * 1000000;
  assert_string_equal(fix_decide(&f)->reason, "12:31");
  f.ask.now_us -= INT64_C(3600) * 1000000;
  assert_string_equal(fix_decide(&f)->reason, "11:31");
  fix_done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(req_tells_the_truth),
      cmocka_unit_test(claims_can_be_walked),
      cmocka_unit_test(no_claims_and_broken_attributes),
      cmocka_unit_test(a_re_decision_shows_the_lease),
      cmocka_unit_test(time_moves_between_decisions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
