/* After a restart: the leases that the trail says are live come back with their terms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lease/harness.h"
#include "lease/restore.h"
#include "lease/some_terms.h"

/* What was heard of a restore. */
struct heard {
  int times;
  enum cg_code code;
  size_t n;
};

static void hear(void *arg, const struct cg_err *err, size_t n) {
  struct heard *h = arg;
  h->times++;
  h->code = err ? err->code : CG_OK;
  h->n = n;
}

static struct heard restore(struct harness *h) {
  struct heard heard = {0};
  cg_restore(&h->service, hear, &heard);
  harness_run(h);
  assert_int_equal(heard.times, 1);
  return heard;
}

/* A row and what it points to; its terms are some_terms.h's, but granted now. */
struct written {
  struct cg_lease_terms terms;
  struct cg_identity *identity;
  struct cg_buf facts;
};

static struct written terms_now(struct harness *h) {
  struct written w = {.identity = identity_of(CLAIMS)};
  w.terms = whole(w.identity);
  w.terms.granted_us = cg_service_wall(&h->service);
  w.terms.ends_us = w.terms.granted_us + HOUR_US;
  w.terms.replaces.n = 0;
  return w;
}

/* The trail's answer holds it from now on. */
static void in_trail(struct harness *h, struct written *w, const char *kind) {
  cg_buf_init(&w->facts, CG_FACTS_MAX);
  cg_json_open(&w->facts, NULL, '{');
  cg_terms_write_for_row(&w->facts, &w->terms, &h->conf.tiers);
  cg_json_close(&w->facts, '}');
  struct cgp_audit_row row = cg_row_blank(kind);
  row.lease_id = w->terms.id;
  row.subject = w->terms.subject;
  row.camera = w->terms.camera;
  row.quality = cg_tier_name(&cg_tiers_default, w->terms.tier);
  row.quality_requested = cg_tier_name(&cg_tiers_default, w->terms.requested);
  row.facts = cg_buf_text(&w->facts);
  h->stub->live[h->stub->n_live++] = row;
}

static void forget(struct written *w) {
  cg_buf_done(&w->facts);
  cg_identity_unref(w->identity);
}

static int make(void **state) {
  struct harness *h = *state = cg_alloc(sizeof *h);
  harness_open(h, "return allow {}");
  return 0;
}

static int drop(void **state) {
  harness_close(*state);
  cg_free(*state);
  return 0;
}

static struct cg_lease *lease(struct harness *h, const char *id) {
  return cg_lease_find(h->service.leases, id);
}

static void assert_ended(struct harness *h, const char *id, enum cg_ended_by by,
                         const char *reason) {
  struct cg_lease *l = lease(h, id);
  assert_int_equal(l->state, CG_LEASE_ENDED);
  assert_int_equal(l->ended_by, by);
  assert_string_equal(l->ended_reason, reason);
  assert_int_equal(stub_count(h->stub, "end", id), 1);
}

/* ---- what comes back ---- */

static void a_lease_comes_back_whole(void **state) {
  struct harness *h = *state;
  struct written w = terms_now(h);
  in_trail(h, &w, "decision");
  h->clock.fake_wall_us += 5 * SECOND;
  h->clock.fake_mono_us += 5 * SECOND;
  struct heard heard = restore(h);
  assert_int_equal(heard.code, CG_OK);
  assert_int_equal(heard.n, 1);
  struct cg_lease *l = lease(h, ID);
  assert_non_null(l);
  assert_int_equal(l->state, CG_LEASE_ACTIVE);
  struct cg_lease_terms t = cg_terms_of_lease(l, &h->teller);
  assert_string_equal(t.subject, "alice");
  assert_string_equal(t.name, "Alice");
  assert_string_equal(t.holding, OTHER_ID);
  assert_string_equal(t.room, "camera_lobby-1.low");
  assert_string_equal(t.purpose, w.terms.purpose);
  assert_int_equal(t.tier, 0);
  assert_int_equal(t.requested, 1);
  assert_int_equal(t.ttl_s, 600);
  assert_int_equal(t.granted_us, w.terms.granted_us);
  assert_int_equal(t.ends_us, w.terms.ends_us);
  assert_true(cg_lease_same_scopes(l, two_scopes, 2));
  assert_true(cg_identity_same(t.identity, w.identity));
  assert_int_equal(l->expires_mono_us, cg_service_mono(&h->service) + 60 * SECOND);
  assert_int_equal(stub_asked(h->stub, "hold " OTHER_ID), 1);
  assert_int_equal(cg_metric_sum(h->metrics, h->metric.live), 1);
  forget(&w);
}

static void who_does_not_beat_lapses(void **state) {
  struct harness *h = *state;
  struct written w = terms_now(h);
  in_trail(h, &w, "decision");
  restore(h);
  harness_pass(h, 59 * SECOND);
  assert_int_equal(lease(h, ID)->state, CG_LEASE_ACTIVE);
  harness_pass(h, 2 * SECOND);
  assert_ended(h, ID, CG_ENDED_EXPIRED, "no heartbeat");
  assert_int_equal(stub_asked(h->stub, "release " OTHER_ID), 1);
  assert_int_equal(stub_asked(h->stub, "remove " ID " from camera_lobby-1.low"), 1);
  assert_null(lease(h, ID)->identity);
  forget(&w);
}

/* Nobody watched it while the gate was away. */
static void a_hard_end_that_has_passed_ends_it_at_once(void **state) {
  struct harness *h = *state;
  struct written w = terms_now(h);
  w.terms.granted_us -= 2 * HOUR_US;
  w.terms.ends_us -= 2 * HOUR_US;
  in_trail(h, &w, "decision");
  assert_int_equal(restore(h).code, CG_OK);
  harness_pass(h, SECOND / 10);
  assert_ended(h, ID, CG_ENDED_EXPIRED, "its time was up");
  forget(&w);
}

static void a_lapse_is_never_beyond_the_hard_end(void **state) {
  struct harness *h = *state;
  struct written w = terms_now(h);
  w.terms.ends_us = w.terms.granted_us + 7 * SECOND;
  in_trail(h, &w, "decision");
  restore(h);
  assert_int_equal(cg_tell(&h->teller, lease(h, ID)->expires_mono_us), w.terms.ends_us);
  forget(&w);
}

static void a_row_of_the_earlier_form_comes_back(void **state) {
  struct harness *h = *state;
  struct cgp_audit_row row = cg_row_blank("change");
  row.lease_id = ID;
  row.subject = "alice";
  row.camera = "lobby-1";
  row.quality = "medium";
  row.facts = "{\"holding\":\"" OTHER_ID "\",\"name\":\"Alice\",\"room\":"
              "\"camera_lobby-1.medium\",\"granted_at\":\"2026-11-23T12:29:00.000000Z\","
              "\"ends_at\":\"2026-11-23T13:29:00.000000Z\",\"scopes\":[]}";
  h->stub->live[h->stub->n_live++] = row;
  assert_int_equal(restore(h).code, CG_OK);
  struct cg_lease *l = lease(h, ID);
  assert_non_null(l);
  assert_string_equal(l->room, "camera_lobby-1.medium");
  assert_string_equal(l->name, "Alice");
  assert_null(l->identity);
}

/* ---- what was replaced ---- */

static void what_a_grant_replaced_is_ended(void **state) {
  struct harness *h = *state;
  struct written old = terms_now(h), new = terms_now(h);
  old.terms.id = OTHER_ID; /* and both hold OTHER_ID in the quota */
  new.terms.replaces = (struct cg_strings){one_id, 1};
  in_trail(h, &old, "decision");
  in_trail(h, &new, "decision");
  assert_int_equal(restore(h).code, CG_OK);
  assert_int_equal(lease(h, ID)->state, CG_LEASE_ACTIVE);
  assert_ended(h, OTHER_ID, CG_ENDED_REPLACED, ID);
  assert_int_equal(stub_asked(h->stub, "release "), 0);
  forget(&old);
  forget(&new);
}

static void one_with_a_holding_of_its_own_gives_it_back(void **state) {
  struct harness *h = *state;
  struct written old = terms_now(h), new = terms_now(h);
  old.terms.id = old.terms.holding = OTHER_ID;
  new.terms.holding = ID;
  new.terms.replaces = (struct cg_strings){one_id, 1};
  in_trail(h, &old, "decision");
  in_trail(h, &new, "decision");
  restore(h);
  assert_ended(h, OTHER_ID, CG_ENDED_REPLACED, ID);
  assert_int_equal(stub_asked(h->stub, "release " OTHER_ID), 1);
  forget(&old);
  forget(&new);
}

/* A newer row of the lease no longer says whom it replaced: the holding does. */
static void of_two_with_one_holding_the_newer_stays(void **state) {
  struct harness *h = *state;
  struct written old = terms_now(h), new = terms_now(h);
  old.terms.holding = new.terms.holding = ID; /* whatever the times in their ids say */
  new.terms.id = OTHER_ID;
  in_trail(h, &old, "decision");
  in_trail(h, &new, "change");
  restore(h);
  assert_int_equal(lease(h, OTHER_ID)->state, CG_LEASE_ACTIVE);
  assert_ended(h, ID, CG_ENDED_REPLACED, OTHER_ID);
  forget(&old);
  forget(&new);
}

/* ---- the wall clock was set ---- */

static void a_clock_row(struct harness *h, const char *facts) {
  struct cgp_audit_row row = cg_row_blank("clock");
  row.facts = facts;
  h->stub->live[h->stub->n_live++] = row;
}

static int64_t left_us(struct harness *h) {
  return lease(h, ID)->ends_mono_us - cg_service_mono(&h->service);
}

static void steps_behind_its_row_do_not_move_its_end(void **state) {
  struct harness *h = *state;
  struct written w = terms_now(h);
  w.terms.granted_us -= SECOND * 86400 * 400; /* the clock was wrong by so much */
  w.terms.ends_us -= SECOND * 86400 * 400;
  a_clock_row(h, "{\"step_ms\":777000,\"steps\":1}");
  in_trail(h, &w, "decision");
  a_clock_row(h, "{\"step_ms\":34560003000,\"steps\":2}");
  a_clock_row(h, "{\"step_ms\":-3000,\"steps\":1}");
  assert_int_equal(restore(h).n, 1);
  assert_int_equal(left_us(h), HOUR_US);
  forget(&w);
}

/* While the gate was away: nobody knows, and nobody gets more than there was. */
static void a_step_back_that_nobody_saw_gives_no_time(void **state) {
  struct harness *h = *state;
  struct written w = terms_now(h);
  in_trail(h, &w, "decision");
  h->clock.fake_wall_us -= HOUR_US;
  assert_int_equal(restore(h).n, 1);
  assert_int_equal(left_us(h), HOUR_US);
  forget(&w);
}

/* The quota takes its time, and the row of the step comes behind those that were read. */
static void a_step_while_they_come_back_does_not_move_their_ends(void **state) {
  struct harness *h = *state;
  struct heard heard = {0};
  struct written w = terms_now(h);
  in_trail(h, &w, "decision");
  stub_next(h->stub, STUB_RESTORE, HOLD, 1);
  cg_restore(&h->service, hear, &heard);
  harness_run(h);
  h->clock.fake_wall_us += HOUR_US / 2;
  cg_teller_move_trail(&h->teller, HOUR_US / 2);
  stub_let_go(h->stub, STUB_RESTORE);
  harness_run(h);
  assert_int_equal(heard.n, 1);
  assert_int_equal(left_us(h), HOUR_US);
  forget(&w);
}

static void a_step_that_cannot_be_read_is_logged(void **state) {
  struct harness *h = *state;
  static const char *const odd[] = {"{}", "{\"step_ms\":\"1\"}", "[", "",
                                    "{\"step_ms\":9223372036854775807}"};
  struct written w = terms_now(h);
  in_trail(h, &w, "decision");
  for (size_t i = 0; i < CG_COUNT(odd); i++) a_clock_row(h, odd[i]);
  assert_int_equal(restore(h).n, 1);
  assert_int_equal(left_us(h), HOUR_US);
  assert_int_equal(harness_lines(h, "in the trail cannot be read"), CG_COUNT(odd));
  forget(&w);
}

/* ---- what does not come back ---- */

static void a_row_that_cannot_be_read_is_logged_and_the_others_come_back(void **state) {
  struct harness *h = *state;
  struct written w = terms_now(h);
  struct cgp_audit_row odd[] = {cg_row_blank("decision"), cg_row_blank("decision")};
  odd[0].lease_id = OTHER_ID;
  odd[0].facts = "{\"terms\":{\"version\":1}}";
  odd[1].lease_id = "nonsense";
  h->stub->live[h->stub->n_live++] = odd[0];
  in_trail(h, &w, "decision");
  h->stub->live[h->stub->n_live++] = odd[1];
  struct heard heard = restore(h);
  assert_int_equal(heard.code, CG_OK);
  assert_int_equal(heard.n, 1);
  assert_non_null(lease(h, ID));
  assert_null(lease(h, OTHER_ID));
  assert_int_equal(harness_lines(h, "cannot be read back"), 2);
  forget(&w);
}

static void a_tier_that_is_no_more_keeps_its_leases_away(void **state) {
  struct harness *h = *state;
  struct written w = terms_now(h);
  in_trail(h, &w, "decision");
  snprintf(h->conf.tiers.items[0].name, sizeof h->conf.tiers.items[0].name, "least");
  assert_int_equal(restore(h).n, 0);
  assert_null(lease(h, ID));
  assert_int_equal(harness_lines(h, "quality is missing, or not of its form"), 1);
  forget(&w);
}

/* ---- failures, and the attempt after them ---- */

static void a_trail_or_a_quota_that_is_away_is_told(void **state) {
  struct harness *h = *state;
  struct written w = terms_now(h);
  in_trail(h, &w, "decision");
  stub_next(h->stub, STUB_LIVE, FAIL, 1);
  assert_int_equal(restore(h).code, CG_E_UNAVAILABLE);
  stub_next(h->stub, STUB_RESTORE, FAIL, 1);
  assert_int_equal(restore(h).code, CG_E_UNAVAILABLE);
  assert_int_equal(cg_leases_in_all(h->service.leases), 0);
  for (int i = 0; i < 2; i++) assert_int_equal(restore(h).code, CG_OK);
  assert_int_equal(cg_leases_live(h->service.leases), 1);
  assert_int_equal(cg_metric_sum(h->metrics, h->metric.live), 1);
  forget(&w);
}

/* Whichever allocation fails: told, nothing half, and the next attempt has all. */
static void without_memory_it_is_told(void **state) {
  (void)state;
  json_set_alloc_funcs(cg_alloc, cg_free);
  bool failed = true;
  for (uint64_t n = 1; failed; n++) {
    struct harness *h = cg_alloc(sizeof *h);
    harness_open(h, "return allow {}");
    struct written one = terms_now(h), two = terms_now(h);
    two.terms.id = two.terms.holding = OTHER_ID;
    one.terms.holding = ID;
    in_trail(h, &one, "decision");
    in_trail(h, &two, "decision");
    uint64_t before = cg_mem_failures();
    cg_mem_fail_after(n);
    struct heard heard = restore(h);
    cg_mem_fail_after(0);
    failed = cg_mem_failures() != before;
    if (heard.code != CG_OK) assert_int_equal(restore(h).code, CG_OK);
    assert_int_equal(cg_leases_live(h->service.leases), 2);
    assert_int_equal(cg_metric_sum(h->metrics, h->metric.live), 2);
    assert_true(cg_lease_same_scopes(lease(h, ID), two_scopes, 2));
    assert_true(cg_identity_same(lease(h, OTHER_ID)->identity, two.identity));
    forget(&one);
    forget(&two);
    harness_close(h);
    cg_free(h);
    assert_true(failed || n > 50);
  }
}

int main(void) {
#define WITH_HARNESS(test) cmocka_unit_test_setup_teardown(test, make, drop)
  const struct CMUnitTest tests[] = {
      WITH_HARNESS(a_lease_comes_back_whole),
      WITH_HARNESS(who_does_not_beat_lapses),
      WITH_HARNESS(a_hard_end_that_has_passed_ends_it_at_once),
      WITH_HARNESS(a_lapse_is_never_beyond_the_hard_end),
      WITH_HARNESS(a_row_of_the_earlier_form_comes_back),
      WITH_HARNESS(what_a_grant_replaced_is_ended),
      WITH_HARNESS(one_with_a_holding_of_its_own_gives_it_back),
      WITH_HARNESS(of_two_with_one_holding_the_newer_stays),
      WITH_HARNESS(steps_behind_its_row_do_not_move_its_end),
      WITH_HARNESS(a_step_back_that_nobody_saw_gives_no_time),
      WITH_HARNESS(a_step_while_they_come_back_does_not_move_their_ends),
      WITH_HARNESS(a_step_that_cannot_be_read_is_logged),
      WITH_HARNESS(a_row_that_cannot_be_read_is_logged_and_the_others_come_back),
      WITH_HARNESS(a_tier_that_is_no_more_keeps_its_leases_away),
      WITH_HARNESS(a_trail_or_a_quota_that_is_away_is_told),
      cmocka_unit_test(without_memory_it_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
