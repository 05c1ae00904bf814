/* room_livekit's webhooks: who is believed, what becomes of an event, what is dropped. */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sfu.h"

#define NOON  1795521600 /* seconds since 1970 */
#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

#define JOINED                                                                           \
  "{\"event\":\"participant_joined\",\"id\":\"EV_1\",\"createdAt\":\"1795521590\","      \
  "\"room\":{\"sid\":\"RM_1\",\"name\":\"camera_a\"},"                                   \
  "\"participant\":{\"sid\":\"PA_1\",\"identity\":\"lease-1\"}}"

struct bench {
  struct cg_clock clock;
  struct harness *h;
};

static int setup(void **state) {
  struct bench *b = calloc(1, sizeof *b);
  if (!b) return -1;
  b->clock = cg_clock_fake((int64_t)NOON * 1000000);
  const struct harness_config config = {
      .plugin = "room_livekit",
      .options = "{\"api_key\": \"" SFU_KEY "\", \"api_secret\": \"" SFU_SECRET "\"}",
      .workers = 2,
      .clock = &b->clock};
  struct cg_err err = {0};
  b->h = harness_try(&config, &err);
  *state = b;
  return b->h ? 0 : -1;
}

static int teardown(void **state) {
  struct bench *b = *state;
  harness_close(b->h);
  free(b);
  return 0;
}

static struct harness_reply post(struct bench *b, uint32_t worker, const char *line,
                                 const char *body) {
  const char *const headers[] = {line, NULL};
  return harness_http(b->h, worker, "POST", "/webhook/livekit", headers, body);
}

/* From the SFU itself. */
static unsigned deliver_to(struct bench *b, uint32_t worker, const char *body) {
  char *line = sfu_webhook_header(body, NOON);
  unsigned status = post(b, worker, line, body).status;
  free(line);
  return status;
}

static unsigned deliver(struct bench *b, const char *body) {
  return deliver_to(b, 0, body);
}

static void assert_event(struct bench *b, size_t i, enum cgp_room_event_type type,
                         const char *room, const char *identity, const char *sid) {
  const struct harness_event *all;
  assert_true(harness_events(b->h, &all) > i);
  assert_int_equal(all[i].type, type);
  assert_string_equal(all[i].room, room);
  assert_string_equal(all[i].identity, identity);
  assert_string_equal(all[i].sid, sid);
  assert_string_equal(all[i].room_sid, type == CGP_ROOM_EVENTS_LOST ? "" : "RM_1");
}

static size_t events(struct bench *b) {
  const struct harness_event *all;
  return harness_events(b->h, &all);
}

static int64_t counted(struct bench *b, const char *what) {
  char name[64];
  snprintf(name, sizeof name, "livekit_webhook_%s_total", what);
  return harness_metric(b->h, name, "");
}

/* ---- what is taken ---- */

static void a_join_is_told_with_lease_sid_and_time(void **state) {
  struct bench *b = *state;
  const struct harness_event *all;
  assert_int_equal(deliver(b, JOINED), 200);
  assert_event(b, 0, CGP_ROOM_JOINED, "camera_a", "lease-1", "PA_1");
  harness_events(b->h, &all);
  assert_true(all[0].at_us == (int64_t)1795521590 * 1000000);
  assert_int_equal(counted(b, "events"), 1);
}

#define ROOM_AND_PERSON                                                                  \
  "\"room\":{\"sid\":\"RM_1\",\"name\":\"r\"},"                                          \
  "\"participant\":{\"sid\":\"PA_1\",\"identity\":\"l\"}}"

struct kind {
  const char *body;
  enum cgp_room_event_type type;
  const char *identity, *sid;
};

static const struct kind kinds[] = {
    {"{\"event\":\"participant_left\"," ROOM_AND_PERSON, CGP_ROOM_LEFT, "l", "PA_1"},
    {"{\"event\":\"participant_connection_aborted\"," ROOM_AND_PERSON, CGP_ROOM_LEFT, "l",
     "PA_1"},
    {"{\"event\":\"room_started\"," ROOM_AND_PERSON, CGP_ROOM_OPENED, "", "RM_1"},
    {"{\"event\":\"room_finished\"," ROOM_AND_PERSON, CGP_ROOM_CLOSED, "", "RM_1"},
    {"{\"event\":\"track_published\"," ROOM_AND_PERSON, CGP_ROOM_TRACK_PUBLISHED, "l",
     "PA_1"},
    {"{\"event\":\"track_unpublished\"," ROOM_AND_PERSON, CGP_ROOM_TRACK_UNPUBLISHED, "l",
     "PA_1"},
};

static void every_event_of_ours_has_its_kind(void **state) {
  struct bench *b = *state;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    assert_int_equal(deliver(b, kinds[i].body), 200);
    assert_event(b, i, kinds[i].type, "r", kinds[i].identity, kinds[i].sid);
  }
}

static void a_leave_before_its_join_is_told_in_order_of_arrival(void **state) {
  struct bench *b = *state;
  assert_int_equal(deliver(b, "{\"event\":\"participant_left\",\"id\":\"EV_2\","
                              "\"createdAt\":\"1795521595\"," ROOM_AND_PERSON),
                   200);
  assert_int_equal(deliver(b, JOINED), 200);
  assert_event(b, 0, CGP_ROOM_LEFT, "r", "l", "PA_1");
  assert_event(b, 1, CGP_ROOM_JOINED, "camera_a", "lease-1", "PA_1");
}

static void an_event_that_comes_twice_is_told_once(void **state) {
  struct bench *b = *state;
  assert_int_equal(deliver_to(b, 0, JOINED), 200);
  assert_int_equal(deliver_to(b, 0, JOINED), 200);
  assert_int_equal(deliver_to(b, 1, JOINED), 200);
  assert_int_equal(events(b), 1);
  assert_int_equal(counted(b, "repeated"), 2);
}

/* ---- when it is answered ---- */

struct answer {
  bool done;
  uint32_t status;
};

static void answered(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct answer *a = arg;
  const struct cgp_http_reply *r = result;
  (void)text;
  a->done = true;
  a->status = code == CGP_OK ? r->status : 0;
}

static char *authorization;

static const char *header_of(const struct cgp_http_request *req, const char *name) {
  (void)req;
  return strcmp(name, "Authorization") ? NULL : authorization + strlen("Authorization: ");
}

/* Without waiting for the answer. */
static void begin(struct bench *b, uint32_t worker, const char *body, struct answer *a) {
  char buf[64];
  struct cg_buf allow;
  cg_buf_wrap(&allow, buf, sizeof buf);
  *a = (struct answer){0};
  struct cgp_http_request req = {.method = "POST",
                                 .path = "/webhook/livekit",
                                 .client_addr = "127.0.0.1",
                                 .request_id = "r",
                                 .body = body,
                                 .body_len = strlen(body),
                                 .header = header_of};
  authorization = sfu_webhook_header(body, NOON);
  assert_true(cg_drivers_route(harness_drivers(b->h, worker), &req, answered, a, &allow));
  free(authorization);
}

static void it_is_answered_when_it_is_kept(void **state) {
  struct bench *b = *state;
  struct answer first, again;
  harness_hold_events(b->h);
  begin(b, 0, JOINED, &first);
  begin(b, 0, JOINED, &again);
  assert_false(first.done || again.done);
  assert_int_equal(events(b), 2); /* both are told, and the host knows them by sid */
  harness_let_events_go(b->h, CGP_OK);
  assert_true(first.status == 200 && again.status == 200);
  assert_int_equal(deliver(b, JOINED), 200);
  assert_int_equal(events(b), 2);
  assert_int_equal(counted(b, "events"), 1);
  assert_int_equal(counted(b, "repeated"), 2);
}

static void one_that_is_not_kept_is_taken_again(void **state) {
  struct bench *b = *state;
  struct answer a;
  harness_hold_events(b->h);
  begin(b, 0, JOINED, &a);
  harness_let_events_go(b->h, CGP_E_UNAVAILABLE);
  assert_int_equal(a.status, 503);
  assert_int_equal(deliver(b, JOINED), 200);
  assert_int_equal(events(b), 2);
  assert_int_equal(counted(b, "put_off"), 1);
}

static void so_many_wait_and_no_more(void **state) {
  enum { OPEN = 256 };
  struct bench *b = *state;
  static struct answer all[OPEN + 1];
  char body[512];
  harness_hold_events(b->h);
  for (int i = 0; i <= OPEN; i++) {
    snprintf(body, sizeof body,
             "{\"event\":\"participant_left\",\"id\":\"EV_%d\"," ROOM_AND_PERSON, i);
    begin(b, 0, body, &all[i]);
  }
  assert_true(all[OPEN].done && all[OPEN].status == 503);
  assert_false(all[OPEN - 1].done);
  harness_let_events_go(b->h, CGP_OK);
  for (int i = 0; i < OPEN; i++) assert_int_equal(all[i].status, 200);
  assert_int_equal(deliver(b, body), 200);
}

/* A plugin that stops has answered: none of its events is acknowledged by silence. */
static void what_waits_at_the_stop_is_refused(void **state) {
  struct bench *b;
  struct answer a;
  (void)state;
  assert_int_equal(setup((void **)&b), 0);
  harness_hold_events(b->h);
  begin(b, 0, JOINED, &a);
  teardown((void **)&b);
  assert_true(a.done && a.status == 503);
}

static void unknown_events_are_counted_and_foreign_ones_ignored(void **state) {
  struct bench *b = *state;
  assert_int_equal(deliver(b, "{\"event\":\"room_painted\",\"id\":\"EV_3\"}"), 200);
  assert_int_equal(counted(b, "unknown"), 1);
  assert_int_equal(deliver(b, "{\"event\":\"ingress_started\",\"id\":\"EV_4\"}"), 200);
  assert_int_equal(deliver(b, "{\"event\":\"egress_ended\",\"id\":\"EV_5\"}"), 200);
  assert_int_equal(counted(b, "unknown"), 1);
  assert_int_equal(events(b), 0);
}

static void lost_events_are_told_before_the_event(void **state) {
  struct bench *b = *state;
  assert_int_equal(
      deliver(b, "{\"event\":\"participant_left\",\"numDropped\":3," ROOM_AND_PERSON),
      200);
  assert_event(b, 0, CGP_ROOM_EVENTS_LOST, "r", "", "");
  assert_event(b, 1, CGP_ROOM_LEFT, "r", "l", "PA_1");
}

static void a_time_that_cannot_be_is_now(void **state) {
  struct bench *b = *state;
  const struct harness_event *all;
  assert_int_equal(deliver(b, "{\"event\":\"participant_left\","
                              "\"createdAt\":\"99999999999999999999\"," ROOM_AND_PERSON),
                   200);
  assert_int_equal(harness_events(b->h, &all), 1);
  assert_true(all[0].at_us == (int64_t)NOON * 1000000);
}

/* ---- what is refused ---- */

static void assert_401(struct bench *b, char *token, const char *words) {
  char line[4096];
  snprintf(line, sizeof line, "Authorization: %s", token);
  struct harness_reply r = post(b, 0, line, JOINED);
  assert_int_equal(r.status, 401);
  if (!strstr(r.body, words)) fail_msg("\"%s\" is not in \"%s\"", words, r.body);
  assert_int_equal(events(b), 0);
  free(token);
}

/* Claims for JOINED, with what a test wants changed. */
static const char *claims(const char *iss, int nbf, int exp, const char *of) {
  static _Thread_local char text[512];
  unsigned char digest[32];
  char hash[64];
  SHA256((const unsigned char *)of, strlen(of), digest);
  EVP_EncodeBlock((unsigned char *)hash, digest, sizeof digest);
  snprintf(text, sizeof text, "{\"iss\":\"%s\",\"nbf\":%d,\"exp\":%d,\"sha256\":\"%s\"}",
           iss, nbf, exp, hash);
  return text;
}

static void another_secret_is_not_believed(void **state) {
  const char *good = claims(SFU_KEY, NOON, NOON + 300, JOINED);
  assert_401(*state, sfu_sign(HS256, good, "another secret of 32 characters."),
             "signature");
}

static void another_algorithm_is_not_believed(void **state) {
  const char *good = claims(SFU_KEY, NOON, NOON + 300, JOINED);
  char *none = sfu_sign("{\"alg\":\"none\"}", good, SFU_SECRET);
  assert_401(*state, none, "HS256");
  char *bare = sfu_sign("{\"alg\":\"none\"}", good, SFU_SECRET);
  strrchr(bare, '.')[1] = '\0';
  assert_401(*state, bare, "signature");
  assert_401(*state, sfu_sign("{\"alg\":\"HS384\"}", good, SFU_SECRET), "HS256");
  assert_401(*state, sfu_sign("{\"typ\":\"JWT\"}", good, SFU_SECRET), "HS256");
}

static void another_key_name_is_not_believed(void **state) {
  const char *c = claims("otherkey", NOON, NOON + 300, JOINED);
  assert_401(*state, sfu_sign(HS256, c, SFU_SECRET), "issuer");
}

static void a_token_for_another_body_is_not_believed(void **state) {
  const char *c = claims(SFU_KEY, NOON, NOON + 300, "{\"event\":\"room_started\"}");
  assert_401(*state, sfu_sign(HS256, c, SFU_SECRET), "another body");
  assert_401(*state,
             sfu_sign(HS256, "{\"iss\":\"" SFU_KEY "\",\"exp\":4000000000}", SFU_SECRET),
             "another body");
}

static void stale_and_early_tokens_are_not_believed(void **state) {
  const char *stale = claims(SFU_KEY, NOON - 400, NOON - 60, JOINED);
  assert_401(*state, sfu_sign(HS256, stale, SFU_SECRET), "expired");
  const char *early = claims(SFU_KEY, NOON + 61, NOON + 400, JOINED);
  assert_401(*state, sfu_sign(HS256, early, SFU_SECRET), "not valid yet");
  const char *endless = "{\"iss\":\"" SFU_KEY "\",\"sha256\":\"x\"}";
  assert_401(*state, sfu_sign(HS256, endless, SFU_SECRET), "expired");
}

static void a_minute_of_clock_difference_is_forgiven(void **state) {
  struct bench *b = *state;
  char line[1024];
  char *token =
      sfu_sign(HS256, claims(SFU_KEY, NOON + 59, NOON - 59, JOINED), SFU_SECRET);
  snprintf(line, sizeof line, "Authorization: %s", token);
  free(token);
  assert_int_equal(post(b, 0, line, JOINED).status, 200);
}

static void what_is_no_token_is_not_believed(void **state) {
  struct bench *b = *state;
  const char *const texts[] = {"", ".", "..", "a.b", "a.b.c", "....", "\xff.\xfe.\xfd"};
  assert_int_equal(post(b, 0, NULL, JOINED).status, 401);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    char *token = strdup(texts[i]);
    assert_non_null(token);
    assert_401(b, token, "the ");
  }
  char *longer = sfu_sign(HS256, claims(SFU_KEY, NOON, NOON + 300, JOINED), SFU_SECRET);
  char line[1024];
  snprintf(line, sizeof line, "Authorization: %sA", longer);
  assert_int_equal(post(b, 0, line, JOINED).status, 401);
  free(longer);
  assert_int_equal(counted(b, "refused"), 9);
}

static void every_single_changed_character_is_noticed(void **state) {
  struct bench *b = *state;
  char *good = sfu_webhook_header(JOINED, NOON);
  size_t from = strlen("Authorization: "), n = strlen(good);
  for (size_t i = from; i < n; i++) {
    char kept = good[i];
    good[i] = kept == 'A' ? 'B' : 'A';
    assert_int_equal(post(b, 0, good, JOINED).status, 401);
    good[i] = kept;
  }
  assert_int_equal(events(b), 0);
  assert_int_equal(post(b, 0, good, JOINED).status, 200);
  free(good);
}

static void a_huge_body_is_refused_unread(void **state) {
  struct bench *b = *state;
  size_t n = 64 * 1024 + 1;
  char *body = malloc(n + 1);
  assert_non_null(body);
  memset(body, ' ', n);
  body[n] = '\0';
  assert_int_equal(deliver(b, body), 413);
  body[n - 1] = '\0';
  assert_int_equal(deliver(b, body), 400);
  free(body);
}

static void authentic_nonsense_is_malformed(void **state) {
  struct bench *b = *state;
  assert_int_equal(deliver(b, ""), 400);
  assert_int_equal(deliver(b, "[]"), 400);
  assert_int_equal(deliver(b, "{\"event\":5}"), 400);
  assert_int_equal(deliver(b, "{\"event\":\"participant_left\"}"), 400);
  assert_int_equal(
      deliver(b, "{\"event\":\"participant_left\",\"room\":{\"name\":\"r\"}}"), 400);
  assert_int_equal(deliver(b, "{\"event\":\"room_started\",\"room\":\"r\"}"), 400);
  assert_int_equal(counted(b, "nonsense"), 6);
  assert_int_equal(events(b), 0);
}

static void with_a_made_key_no_webhook_is_taken(void **state) {
  (void)state;
  struct bench b = {.h = harness_open("room_livekit", "{}")};
  char *line = sfu_webhook_header(JOINED, NOON);
  struct harness_reply r = post(&b, 0, line, JOINED);
  assert_int_equal(r.status, 401);
  assert_non_null(strstr(r.body, "no LiveKit key"));
  free(line);
  harness_close(b.h);
}

#define WITH_ROOM(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_ROOM(a_join_is_told_with_lease_sid_and_time),
      WITH_ROOM(every_event_of_ours_has_its_kind),
      WITH_ROOM(a_leave_before_its_join_is_told_in_order_of_arrival),
      WITH_ROOM(an_event_that_comes_twice_is_told_once),
      WITH_ROOM(it_is_answered_when_it_is_kept),
      WITH_ROOM(one_that_is_not_kept_is_taken_again),
      WITH_ROOM(so_many_wait_and_no_more),
      cmocka_unit_test(what_waits_at_the_stop_is_refused),
      WITH_ROOM(unknown_events_are_counted_and_foreign_ones_ignored),
      WITH_ROOM(lost_events_are_told_before_the_event),
      WITH_ROOM(a_time_that_cannot_be_is_now),
      WITH_ROOM(another_secret_is_not_believed),
      WITH_ROOM(another_algorithm_is_not_believed),
      WITH_ROOM(another_key_name_is_not_believed),
      WITH_ROOM(a_token_for_another_body_is_not_believed),
      WITH_ROOM(stale_and_early_tokens_are_not_believed),
      WITH_ROOM(a_minute_of_clock_difference_is_forgiven),
      WITH_ROOM(what_is_no_token_is_not_believed),
      WITH_ROOM(every_single_changed_character_is_noticed),
      WITH_ROOM(a_huge_body_is_refused_unread),
      WITH_ROOM(authentic_nonsense_is_malformed),
      cmocka_unit_test(with_a_made_key_no_webhook_is_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
