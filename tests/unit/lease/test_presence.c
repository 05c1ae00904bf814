/* What the SFU says of participants, twice, late and out of order, against the leases. */
#include "lease/sfu_says.h"

/* ---- joins and leaves ---- */

static void a_join_and_its_leave_have_a_row_each(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = lease(h);
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  assert_int_equal(l->joined.wall_us, h->clock.fake_wall_us);
  harness_pass(h, SECOND);
  say(h, CGP_ROOM_LEFT, ROOM, l->id, "PA_1");
  assert_int_equal(l->left_us, h->clock.fake_wall_us);
  assert_int_equal(rows(h, "join") + rows(h, "leave"), 2);
  assert_non_null(strstr(stub_last_row(h->stub)->facts, "\"participant\":\"PA_1\""));
  assert_int_equal(l->state, CG_LEASE_ACTIVE); /* who left may come back */
  assert_int_equal(cg_metric_sum(h->metrics, h->metric.joins), 1);
}

static void told_twice_it_counts_once(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = lease(h);
  for (int i = 0; i < 2; i++) say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  for (int i = 0; i < 2; i++) say(h, CGP_ROOM_LEFT, ROOM, l->id, "PA_1");
  assert_int_equal(rows(h, "join"), 1);
  assert_int_equal(rows(h, "leave"), 1);
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_2"); /* again, as somebody new */
  assert_int_equal(rows(h, "join"), 2);
}

static void a_leave_that_overtakes_its_join(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = lease(h);
  say(h, CGP_ROOM_LEFT, ROOM, l->id, "PA_1");
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  assert_int_equal(rows(h, "leave"), 1);
  assert_int_equal(rows(h, "join"), 0);
  assert_int_equal(l->joined.wall_us, 0);
}

static void a_row_that_fails_is_logged(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = lease(h);
  stub_next(h->stub, STUB_APPEND, FAIL, 1);
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  assert_int_equal(harness_lines(h, "a join or leave is not recorded"), 1);
  assert_true(l->joined.wall_us == 0);
}

/* ---- who may not be there ---- */

static void put_out(struct harness *h, const char *id, const char *room, size_t times) {
  char line[200];
  snprintf(line, sizeof line, "remove %s from %s", id, room);
  assert_int_equal(stub_asked(h->stub, line), times);
}

static void whoever_joins_after_the_end_is_put_out(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = lease(h);
  cg_lease_end(&h->service, l, CG_ENDED_EXPIRED, "no heartbeat", NULL, NULL);
  harness_run(h);
  put_out(h, l->id, ROOM, 1);
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  put_out(h, l->id, ROOM, 2);
  assert_non_null(strstr(stub_last_row(h->stub)->reason, "put out"));
}

static void whoever_joins_another_room_is_put_out_of_it(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = lease(h);
  say(h, CGP_ROOM_JOINED, "camera_vault", l->id, "PA_1");
  put_out(h, l->id, "camera_vault", 1);
  put_out(h, l->id, ROOM, 0);
  assert_int_equal(l->state, CG_LEASE_ACTIVE);
  assert_int_equal(l->joined.wall_us, 0);
}

/* The trail is asked about a lease that nobody remembers: the room may be shared. */
static void a_lease_that_is_not_in_memory(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = lease(h);
  char gone[CG_ID_LEN + 1];
  memcpy(gone, l->id, sizeof gone);
  say(h, CGP_ROOM_JOINED, ROOM, "00000000000000000000000000ab", "PA_1");
  assert_int_equal(h->stub->n[STUB_QUERY], 1);
  assert_int_equal(h->stub->n[STUB_REMOVE], 0); /* another gate's */
  cg_lease_end(&h->service, l, CG_ENDED_EXPIRED, "no heartbeat", NULL, NULL);
  harness_run(h);
  cg_lease_drop(h->service.leases, l);
  say(h, CGP_ROOM_LEFT, ROOM, gone, "PA_1");
  assert_int_equal(h->stub->n[STUB_QUERY], 1); /* a leave asks for nothing */
  say(h, CGP_ROOM_JOINED, ROOM, gone, "PA_2");
  put_out(h, gone, ROOM, 2);
  stub_next(h->stub, STUB_QUERY, FAIL, 1);
  say(h, CGP_ROOM_JOINED, ROOM, gone, "PA_3");
  put_out(h, gone, ROOM, 2);
  assert_int_equal(harness_lines(h, "cannot tell whose participant joined"), 1);
}

static void an_identity_that_is_no_lease_is_nobody_of_ours(void **state) {
  struct harness *h = *state;
  say(h, CGP_ROOM_JOINED, ROOM, "a camera's publisher", "PA_1");
  assert_int_equal(harness_calls(h), 0);
}

/* ---- rooms that close ---- */

static void an_old_rooms_end_ends_no_lease_of_the_new(void **state) {
  struct harness *h = *state;
  struct heard heard;
  struct cg_lease *l = lease(h);
  struct cgp_room_event ev = event(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  ev.room_sid = "RM_new";
  assert_int_equal(tell(h, &ev, &heard), CGP_OK);
  ev = event(h, CGP_ROOM_CLOSED, ROOM, "", "RM_old");
  ev.room_sid = "RM_old";
  assert_int_equal(tell(h, &ev, &heard), CGP_OK);
  assert_int_equal(l->state, CG_LEASE_ACTIVE);
  assert_false(l->room_gone);
  ev.room_sid = "RM_new";
  assert_int_equal(tell(h, &ev, &heard), CGP_OK);
  assert_int_equal(l->ended_by, CG_ENDED_ROOM_CLOSED);
}

/* Its viewer had left the old one, and is to join the one that was opened since. */
static void an_old_rooms_end_after_it_was_opened_again(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = lease(h);
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  say(h, CGP_ROOM_LEFT, ROOM, l->id, "PA_1");
  const struct cgp_room_event ev = event(h, CGP_ROOM_CLOSED, ROOM, "", "");
  harness_pass(h, 3 * SECOND);
  l->ensured = (struct cg_moment){h->clock.fake_wall_us, h->clock.fake_mono_us};
  cg_presence_event(&h->service, &ev, NULL, NULL);
  harness_run(h);
  assert_int_equal(l->state, CG_LEASE_ACTIVE);
  assert_true(l->room_gone);
}

static void a_room_that_closes_ends_who_had_joined(void **state) {
  struct harness *h = *state;
  struct cg_lease *in = lease(h), *waits = lease(h);
  struct cg_lease *elsewhere = harness_lease(h, "alice", "gate-1");
  say(h, CGP_ROOM_JOINED, ROOM, in->id, "PA_1");
  say(h, CGP_ROOM_JOINED, "camera_gate-1", elsewhere->id, "PA_2");
  say(h, CGP_ROOM_CLOSED, ROOM, "", "");
  assert_int_equal(in->ended_by, CG_ENDED_ROOM_CLOSED);
  assert_int_equal(stub_count(h->stub, "end", in->id), 1);
  assert_int_equal(waits->state, CG_LEASE_ACTIVE);
  assert_true(waits->room_gone); /* its next beat opens it again */
  assert_int_equal(elsewhere->state, CG_LEASE_ACTIVE);
  assert_false(elsewhere->room_gone);
}

static void old_news_of_a_room_end_nothing(void **state) {
  struct harness *h = *state;
  const struct cgp_room_event ev = event(h, CGP_ROOM_CLOSED, ROOM, "", "");
  harness_pass(h, 3 * SECOND);
  struct cg_lease *l = lease(h);
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  cg_presence_event(&h->service, &ev, NULL, NULL);
  harness_run(h);
  assert_int_equal(l->state, CG_LEASE_ACTIVE);
  assert_false(l->room_gone);
}

/* A viewer that comes back is there, and the end of its room is its lease's. */
static void whatever_the_wall_clock_is_set_to(void **state) {
  struct harness *h = *state;
  const int64_t steps[] = {-3600 * SECOND, 3600 * SECOND, -400 * 86400 * SECOND};
  for (size_t i = 0; i < CG_COUNT(steps); i++) {
    struct cg_lease *l = lease(h);
    l->ensured = (struct cg_moment){h->clock.fake_wall_us, h->clock.fake_mono_us};
    harness_pass(h, 5 * SECOND);
    say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
    say(h, CGP_ROOM_LEFT, ROOM, l->id, "PA_1");
    h->clock.fake_wall_us += steps[i];
    harness_pass(h, 5 * SECOND);
    say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_2");
    assert_string_equal(stub_last_row(h->stub)->reason, "");
    assert_string_equal(l->connections.now->sid, "PA_2");
    h->clock.fake_wall_us += steps[i];
    harness_pass(h, 5 * SECOND);
    say(h, CGP_ROOM_CLOSED, ROOM, "", "");
    assert_int_equal(l->ended_by, CG_ENDED_ROOM_CLOSED);
    harness_run(h);
  }
}

static void a_crowded_room_closes_with_one_row_each(void **state) {
  enum { CROWD = 20000 };
  struct harness *h = *state;
  for (int i = 0; i < CROWD; i++) lease(h)->joined.wall_us = h->clock.fake_wall_us;
  say(h, CGP_ROOM_CLOSED, ROOM, "", "");
  assert_int_equal(rows(h, "end"), CROWD);
  assert_int_equal(cg_leases_live(h->service.leases), 0);
  assert_true(h->stub->n[STUB_APPEND] < CROWD / 50);
}

static void what_the_sfu_has_dropped_is_told(void **state) {
  struct harness *h = *state;
  say(h, CGP_ROOM_EVENTS_LOST, "", "", "");
  assert_int_equal(harness_lines(h, "the SFU dropped events"), 1);
}

static void without_memory_an_event_is_dropped_and_told(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = lease(h);
  assert_true(cg_firm_ready()); /* fills the reserve */
  cg_mem_fail_from(1, 2 * CG_FIRM_PIECES - 1);
  const struct cgp_room_event ev =
      CGP_INIT(cgp_room_event, .type = CGP_ROOM_LEFT, .room = ROOM, .identity = l->id,
               .sid = "PA_1", .at_us = 1, .room_sid = "");
  for (int i = 0; i < 2 * CG_FIRM_PIECES; i++)
    cg_presence_event(&h->service, &ev, NULL, NULL);
  cg_mem_fail_after(0);
  harness_run(h);
  assert_true(harness_lines(h, "a room event was dropped") > 0);
  assert_int_equal(rows(h, "leave"), 1);
  assert_true(cg_firm_ready());
}

/* Other workers may still tell this one, when its service has closed. */
static void what_comes_after_the_end_is_dropped(void **state) {
  struct harness *h = cg_alloc(sizeof *h);
  (void)state;
  harness_open(h, "return allow {}");
  struct cgp_room_event ev =
      CGP_INIT(cgp_room_event, .type = CGP_ROOM_JOINED, .room = ROOM,
               .identity = lease(h)->id, .sid = "PA_1", .at_us = 1, .room_sid = "");
  cg_presence_event(&h->service, &ev, NULL, NULL);
  ev.type = CGP_ROOM_CLOSED;
  cg_presence_event(&h->service, &ev, NULL, NULL);
  harness_close(h);
  cg_free(h);
}

int main(void) {
#define NEWS(test) cmocka_unit_test_setup_teardown(test, make, drop)
  const struct CMUnitTest tests[] = {
      NEWS(a_join_and_its_leave_have_a_row_each),
      NEWS(told_twice_it_counts_once),
      NEWS(a_leave_that_overtakes_its_join),
      NEWS(a_row_that_fails_is_logged),
      NEWS(whoever_joins_after_the_end_is_put_out),
      NEWS(whoever_joins_another_room_is_put_out_of_it),
      NEWS(a_lease_that_is_not_in_memory),
      NEWS(an_identity_that_is_no_lease_is_nobody_of_ours),
      NEWS(an_old_rooms_end_ends_no_lease_of_the_new),
      NEWS(an_old_rooms_end_after_it_was_opened_again),
      NEWS(a_room_that_closes_ends_who_had_joined),
      NEWS(old_news_of_a_room_end_nothing),
      NEWS(whatever_the_wall_clock_is_set_to),
      NEWS(a_crowded_room_closes_with_one_row_each),
      NEWS(what_the_sfu_has_dropped_is_told),
      NEWS(without_memory_an_event_is_dropped_and_told),
      cmocka_unit_test(what_comes_after_the_end_is_dropped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
