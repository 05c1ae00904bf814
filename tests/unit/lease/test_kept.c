/* Room events are kept before they are told to be; what no event told, lists tell. */
#include "lease/lists.h"
#include "lease/rooms.h"
#include "lease/sfu_says.h"

/* ---- who tells it hears when it is kept ---- */

static void it_is_kept_when_its_row_is_durable(void **state) {
  struct harness *h = *state;
  struct heard first, again;
  const struct cgp_room_event ev = event(h, CGP_ROOM_JOINED, ROOM, lease(h)->id, "PA_1");
  stub_next(h->stub, STUB_APPEND, HOLD, 1);
  assert_int_equal(tell(h, &ev, &first), -1);
  assert_int_equal(tell(h, &ev, &again), -1); /* shares its outcome */
  stub_let_go(h->stub, STUB_APPEND);
  harness_run(h);
  assert_true(first.times == 1 && first.code == CGP_OK);
  assert_true(again.times == 1 && again.code == CGP_OK);
  assert_int_equal(rows(h, "join"), 1);
  assert_int_equal(tell(h, &ev, &again), CGP_OK);
  assert_int_equal(rows(h, "join"), 1);
}

static void what_failed_is_taken_when_it_comes_again(void **state) {
  struct harness *h = *state;
  struct heard first, again;
  const struct cgp_room_event ev = event(h, CGP_ROOM_JOINED, ROOM, lease(h)->id, "PA_1");
  stub_next(h->stub, STUB_APPEND, HOLD, 1);
  assert_int_equal(tell(h, &ev, &first), -1);
  assert_int_equal(tell(h, &ev, &again), -1);
  stub_let_fail(h->stub, STUB_APPEND, CGP_E_UNAVAILABLE);
  harness_run(h);
  assert_true(first.times == 1 && first.code == CGP_E_UNAVAILABLE);
  assert_true(again.times == 1 && again.code == CGP_E_UNAVAILABLE);
  assert_int_equal(rows(h, "join"), 0);
  assert_int_equal(tell(h, &ev, &again), CGP_OK);
  assert_int_equal(rows(h, "join"), 1);
}

/* Its row may be there: the trail says so, as soon as it is well. */
static void what_may_have_been_written_is_looked_up(void **state) {
  struct harness *h = *state;
  struct heard heard;
  struct cg_lease *l = lease(h);
  const struct cgp_room_event ev = event(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  stub_next(h->stub, STUB_APPEND, WRONG, 1);
  assert_int_equal(tell(h, &ev, &heard), CGP_E_UNAVAILABLE);
  h->stub->unwell = true;
  assert_int_equal(tell(h, &ev, &heard), CGP_E_UNAVAILABLE);
  h->stub->unwell = false;
  h->stub->told[h->stub->n_told] = stub_row("join", l->id);
  h->stub->told[h->stub->n_told++].facts =
      "{\"room\":\"" ROOM "\",\"room_sid\":\"RM_1\",\"participant\":\"PA_1\","
      "\"at\":\"2026-11-23T12:30:00Z\"}";
  assert_int_equal(tell(h, &ev, &heard), CGP_OK);
  assert_int_equal(rows(h, "join"), 1); /* the one that was not told of */
  assert_true(l->joined.wall_us == HARNESS_NOW);
  say(h, CGP_ROOM_LEFT, ROOM, l->id, "PA_1");
  assert_int_equal(rows(h, "leave"), 1);
}

/* The trail tells of a join in the future, since the wall clock was set back. */
static void who_comes_back_behind_a_step_is_there(void **state) {
  struct harness *h = *state;
  struct cg_lease *l = lease(h);
  l->look_back = true;
  h->stub->told[h->stub->n_told] = stub_row("join", l->id);
  h->stub->told[h->stub->n_told++].facts =
      "{\"room\":\"" ROOM "\",\"room_sid\":\"RM_1\",\"participant\":\"PA_1\","
      "\"at\":\"2026-11-23T13:30:00Z\"}";
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_2");
  assert_string_equal(stub_last_row(h->stub)->reason, "");
  assert_string_equal(l->connections.now->sid, "PA_2");
}

static void what_makes_nothing_is_kept_at_once(void **state) {
  struct harness *h = *state;
  struct heard heard;
  struct cgp_room_event ev = event(h, CGP_ROOM_OPENED, ROOM, "", "");
  assert_int_equal(tell(h, &ev, &heard), CGP_OK);
  ev = event(h, CGP_ROOM_JOINED, ROOM, "a camera's publisher", "PA_1");
  assert_int_equal(tell(h, &ev, &heard), CGP_OK);
  ev = event(h, CGP_ROOM_CLOSED, ROOM, "", "");
  assert_int_equal(tell(h, &ev, &heard), CGP_OK);
  assert_int_equal(harness_calls(h), 0);
}

static void the_end_of_a_room_is_kept_with_the_ends_it_makes(void **state) {
  struct harness *h = *state;
  struct heard heard;
  struct cg_lease *l = lease(h);
  const struct cgp_room_event ev = event(h, CGP_ROOM_CLOSED, ROOM, "", "");
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  stub_next(h->stub, STUB_APPEND, FAIL, 2);
  assert_int_equal(tell(h, &ev, &heard), CGP_E_UNAVAILABLE);
  assert_int_equal(l->state, CG_LEASE_ENDED);
  assert_int_equal(tell(h, &ev, &heard), CGP_E_UNAVAILABLE);
  harness_pass(h, 2 * SECOND);
  assert_int_equal(tell(h, &ev, &heard), CGP_OK);
  assert_int_equal(rows(h, "end"), 1);
}

/* A join is under way when its room's end is told: it comes first. */
static void the_end_of_a_room_waits_for_the_join_before_it(void **state) {
  struct harness *h = *state;
  struct heard heard;
  struct cg_lease *l = lease(h);
  const struct cgp_room_event ev = event(h, CGP_ROOM_CLOSED, ROOM, "", "");
  stub_next(h->stub, STUB_APPEND, HOLD, 1);
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  assert_int_equal(tell(h, &ev, &heard), -1);
  stub_let_go(h->stub, STUB_APPEND);
  harness_run(h);
  assert_true(heard.times == 1 && heard.code == CGP_OK);
  assert_int_equal(l->ended_by, CG_ENDED_ROOM_CLOSED);
}

static void who_waits_at_the_end_hears_that_it_is_not_kept(void **state) {
  struct harness *h = cg_alloc(sizeof *h);
  struct heard heard, of_room;
  (void)state;
  harness_open(h, "return allow {}");
  struct cg_lease *l = lease(h), *other = lease(h);
  struct cgp_room_event ev = event(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  say(h, CGP_ROOM_JOINED, ROOM, other->id, "PA_2");
  stub_next(h->stub, STUB_APPEND, HOLD, 0);
  assert_int_equal(tell(h, &ev, &heard), -1);
  ev = event(h, CGP_ROOM_CLOSED, ROOM, "", "");
  assert_int_equal(tell(h, &ev, &of_room), -1);
  harness_close(h);
  assert_true(heard.times == 1 && heard.code != CGP_OK);
  assert_true(of_room.times == 1 && of_room.code != CGP_OK);
  cg_free(h);
}

/* ---- lists ---- */

static void lists(struct harness *h, size_t n, const char *identity, const char *sid) {
  h->stub->people[0] =
      (struct cgp_participant)CGP_INIT(cgp_participant, .identity = identity, .sid = sid,
                                       .joined_us = h->clock.fake_wall_us);
  h->stub->n_people = n;
}

static void a_join_that_no_event_told_is_found(void **state) {
  struct harness *h = *state;
  h->stub->no_lists = false;
  struct cg_lease *l = lease(h);
  cg_rooms_place(h->service.rooms, l);
  lists(h, 1, l->id, "PA_1");
  stub_next(h->stub, STUB_APPEND, FAIL, 1); /* the trail was away, and is back */
  harness_pass(h, 10 * SECOND);
  assert_int_equal(rows(h, "join"), 0);
  harness_pass(h, 2 * SECOND);
  assert_int_equal(rows(h, "join"), 1);
  assert_non_null(strstr(stub_last_row(h->stub)->facts, "\"listed\":true"));
  assert_true(l->joined.wall_us > 0);
  harness_pass(h, 20 * SECOND);
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  assert_int_equal(rows(h, "join"), 1);
  assert_int_equal(cg_metric_sum(h->metrics, h->metric.missed_events), 1);
}

/* Two lists must lack it, for one may be wrong. */
static void a_leave_that_no_event_told_is_found(void **state) {
  struct harness *h = *state;
  h->stub->no_lists = false;
  struct cg_lease *l = lease(h);
  cg_rooms_place(h->service.rooms, l);
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_1");
  lists(h, 1, l->id, "PA_1");
  harness_pass(h, 10 * SECOND);
  lists(h, 0, "", "");
  harness_pass(h, SECOND + SECOND / 2); /* the next list is due in a second */
  assert_int_equal(rows(h, "leave"), 0);
  lists(h, 1, l->id, "PA_1");
  harness_pass(h, 10 * SECOND);
  lists(h, 0, "", "");
  harness_pass(h, 12 * SECOND);
  assert_int_equal(rows(h, "leave"), 1);
  assert_int_equal(l->state, CG_LEASE_ACTIVE);
  lists(h, 1, l->id, "PA_1"); /* it was there after all */
  harness_pass(h, 12 * SECOND);
  assert_int_equal(rows(h, "join"), 2);
}

/* The SFU's clock went back: what looks like the older one is who is there. */
static void who_is_there_is_what_the_list_says(void **state) {
  struct harness *h = *state;
  h->stub->no_lists = false;
  struct cg_lease *l = lease(h);
  struct heard heard;
  cg_rooms_place(h->service.rooms, l);
  say(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_a");
  struct cgp_room_event ev = event(h, CGP_ROOM_JOINED, ROOM, l->id, "PA_b");
  ev.at_us -= 3600 * SECOND;
  assert_int_equal(tell(h, &ev, &heard), CGP_OK);
  assert_string_equal(l->connections.now->sid, "PA_a");
  lists(h, 1, l->id, "PA_b");
  harness_pass(h, 2 * SECOND);
  assert_string_equal(l->connections.now->sid, "PA_b");
  harness_pass(h, 30 * SECOND);
  assert_int_equal(rows(h, "join"), 3); /* the last one counts */
  say(h, CGP_ROOM_LEFT, ROOM, l->id, "PA_b");
  assert_null(l->connections.now);
}

static void events_that_were_lost_make_lists_at_once(void **state) {
  struct harness *h = *state;
  h->stub->no_lists = false;
  struct cg_lease *l = lease(h);
  cg_rooms_place(h->service.rooms, l);
  lists(h, 1, l->id, "PA_1");
  say(h, CGP_ROOM_EVENTS_LOST, "", "", "");
  assert_int_equal(rows(h, "join"), 1);
}

/* However many rooms: a list each 5 ms, and none before the last but three came back. */
static void many_rooms_are_listed_in_turn(void **state) {
  enum { ROOMS = 500 };
  struct harness *h = *state;
  char camera[16];
  h->stub->no_lists = false;
  for (int i = 0; i < ROOMS; i++) {
    snprintf(camera, sizeof camera, "cam-%d", i);
    cg_rooms_place(h->service.rooms, harness_lease(h, "alice", camera));
  }
  harness_pass(h, 10 * SECOND);
  unsigned n = h->stub->n[STUB_PEOPLE];
  assert_true(n >= 150 && n <= ROOMS + 10); /* steps of the fake clock are 50 ms */
  stub_next(h->stub, STUB_PEOPLE, HOLD, 0);
  h->stub->n[STUB_PEOPLE] = 0;
  say(h, CGP_ROOM_EVENTS_LOST, "", "", "");
  harness_pass(h, SECOND / 2);
  assert_int_equal(h->stub->n[STUB_PEOPLE], CG_LISTS_IN_FLIGHT);
}

static void a_driver_without_lists_is_asked_once(void **state) {
  struct harness *h = *state;
  cg_rooms_place(h->service.rooms, lease(h));
  harness_pass(h, 60 * SECOND);
  assert_int_equal(cg_metric_sum(h->metrics, h->metric.lists), 1);
}

int main(void) {
#define NEWS(test) cmocka_unit_test_setup_teardown(test, make, drop)
  const struct CMUnitTest tests[] = {
      NEWS(it_is_kept_when_its_row_is_durable),
      NEWS(what_failed_is_taken_when_it_comes_again),
      NEWS(what_may_have_been_written_is_looked_up),
      NEWS(who_comes_back_behind_a_step_is_there),
      NEWS(what_makes_nothing_is_kept_at_once),
      NEWS(the_end_of_a_room_is_kept_with_the_ends_it_makes),
      NEWS(the_end_of_a_room_waits_for_the_join_before_it),
      cmocka_unit_test(who_waits_at_the_end_hears_that_it_is_not_kept),
      NEWS(a_join_that_no_event_told_is_found),
      NEWS(a_leave_that_no_event_told_is_found),
      NEWS(who_is_there_is_what_the_list_says),
      NEWS(events_that_were_lost_make_lists_at_once),
      NEWS(many_rooms_are_listed_in_turn),
      NEWS(a_driver_without_lists_is_asked_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
