/* room_livekit's lists: who is in a room, as a server says that answers as told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sfu.h"

struct bench {
  struct sfu sfu;
  struct harness *h;
};

static int setup(void **state) {
  struct bench *b = calloc(1, sizeof *b);
  char options[512];
  if (!b) return -1;
  sfu_listen(&b->sfu, options, sizeof options,
             ", \"timeout_ms\": 300, \"list_interval_s\": 7");
  b->h = harness_open("room_livekit", options);
  sfu_serve(&b->sfu, b->h);
  *state = b;
  return 0;
}

static int teardown(void **state) {
  struct bench *b = *state;
  sfu_close(&b->sfu);
  harness_close(b->h);
  free(b);
  return 0;
}

struct list {
  size_t n;
  uint32_t again_ms;
  char room_sid[32], identity[4][32], sid[4][32];
  int64_t joined_us[4];
};

static void copy_list(void *to, const void *result) {
  const struct cgp_participants *got = result;
  struct list *l = to;
  *l = (struct list){.n = got->n, .again_ms = got->again_ms};
  snprintf(l->room_sid, sizeof l->room_sid, "%s", got->room_sid);
  for (size_t i = 0; i < got->n && i < 4; i++) {
    const struct cgp_participant *p = CGP_AT(got->participants, i);
    snprintf(l->identity[i], sizeof l->identity[i], "%s", p->identity);
    snprintf(l->sid[i], sizeof l->sid[i], "%s", p->sid);
    l->joined_us[i] = p->joined_us;
  }
}

static enum cgp_code ask(struct harness *h, struct list *l, struct harness_call *c) {
  *c = (struct harness_call){.copy = copy_list, .to = l};
  cg_room_participants(harness_drivers(h, 0), "camera_a", harness_answered, c);
  return harness_wait(h, c);
}

/* Both of its questions get it for an answer. */
#define PEOPLE                                                                           \
  "{\"rooms\":[{\"sid\":\"RM_7\",\"name\":\"camera_a\"}],\"participants\":["             \
  "{\"sid\":\"PA_1\",\"identity\":\"l1\",\"state\":\"ACTIVE\",\"joined_at\":"            \
  "\"1795521590\",\"joined_at_ms\":\"1795521590250\"},"                                  \
  "{\"sid\":\"PA_2\",\"identity\":\"l2\",\"state\":\"JOINING\"},"                        \
  "{\"sid\":\"PA_3\",\"identity\":\"l3\",\"state\":\"DISCONNECTED\"},"                   \
  "{\"sid\":\"PA_4\",\"identity\":\"l4\",\"joinedAt\":\"1795521591\"},"                  \
  "{\"sid\":\"PA_5\"}, 5]}"

static void those_who_are_there_are_told_with_their_room(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  struct list l;
  b->sfu.text = PEOPLE;
  assert_int_equal(ask(b->h, &l, &c), CGP_OK);
  assert_int_equal(l.n, 2);
  assert_string_equal(l.room_sid, "RM_7");
  assert_int_equal(l.again_ms, 7000);
  assert_string_equal(l.identity[0], "l1");
  assert_string_equal(l.sid[0], "PA_1");
  assert_true(l.joined_us[0] == INT64_C(1795521590250000));
  assert_string_equal(l.identity[1], "l4");
  assert_true(l.joined_us[1] == INT64_C(1795521591000000));
  assert_int_equal(b->sfu.hits, 2);
  assert_string_equal(b->sfu.path, "/twirp/livekit.RoomService/ListRooms");
}

/* One who was there then is there: it is the same room. */
static void a_room_that_is_known_takes_one_question(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  struct list l;
  b->sfu.text = PEOPLE;
  assert_int_equal(ask(b->h, &l, &c), CGP_OK);
  assert_int_equal(ask(b->h, &l, &c), CGP_OK);
  assert_string_equal(l.room_sid, "RM_7");
  assert_int_equal(b->sfu.hits, 3);
  b->sfu.text = "{\"rooms\":[{\"sid\":\"RM_8\"}],\"participants\":["
                "{\"sid\":\"PA_9\",\"identity\":\"l1\",\"state\":\"ACTIVE\"}]}";
  assert_int_equal(ask(b->h, &l, &c), CGP_OK);
  assert_string_equal(l.room_sid, "RM_8");
  assert_int_equal(b->sfu.hits, 5);
}

static void an_empty_room_takes_one_question(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  struct list l;
  b->sfu.text = "{\"participants\":[]}";
  assert_int_equal(ask(b->h, &l, &c), CGP_OK);
  assert_true(l.n == 0 && !*l.room_sid);
  assert_int_equal(b->sfu.hits, 1);
  assert_string_equal(b->sfu.path, "/twirp/livekit.RoomService/ListParticipants");
  assert_string_equal(b->sfu.body, "{\"room\":\"camera_a\"}");
  json_t *grants = sfu_claims(b->sfu.authorization + strlen("Bearer "), SFU_SECRET);
  const json_t *video = json_object_get(grants, "video");
  assert_true(json_is_true(json_object_get(video, "roomAdmin")));
  assert_string_equal(json_string_value(json_object_get(video, "room")), "camera_a");
  json_decref(grants);
}

static void a_failure_is_no_empty_room(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  struct list l;
  b->sfu.status = 500;
  b->sfu.text = "{\"code\":\"internal\",\"msg\":\"no\"}";
  assert_int_equal(ask(b->h, &l, &c), CGP_E_UNAVAILABLE);
  b->sfu.status = 200;
  b->sfu.text = "<html>It works!</html>";
  assert_int_equal(ask(b->h, &l, &c), CGP_E_INTERNAL);
  b->sfu.text = "{}";
  assert_int_equal(ask(b->h, &l, &c), CGP_E_INTERNAL);
  b->sfu.hold = true;
  assert_int_equal(ask(b->h, &l, &c), CGP_E_TIMEOUT);
}

static void a_stop_with_a_list_under_way_forgets_it(void **state) {
  struct bench *b = *state;
  struct harness_call c = {0};
  b->sfu.hold = true;
  cg_room_participants(harness_drivers(b->h, 0), "camera_a", harness_answered, &c);
  harness_run_ms(b->h, 20);
  sfu_close(&b->sfu);
  harness_close(b->h);
  b->h = NULL;
  assert_int_equal(c.code, CGP_E_UNAVAILABLE);
}

static void without_an_sfu_there_are_no_lists(void **state) {
  (void)state;
  struct harness *h = harness_open("room_livekit", "{}");
  struct harness_call c;
  struct list l;
  assert_int_equal(ask(h, &l, &c), CGP_E_INVALID);
  harness_close(h);
}

int main(void) {
#define PEOPLE_OF(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      PEOPLE_OF(those_who_are_there_are_told_with_their_room),
      PEOPLE_OF(a_room_that_is_known_takes_one_question),
      PEOPLE_OF(an_empty_room_takes_one_question),
      PEOPLE_OF(a_failure_is_no_empty_room),
      PEOPLE_OF(a_stop_with_a_list_under_way_forgets_it),
      cmocka_unit_test(without_an_sfu_there_are_no_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
