/* room_livekit: tokens, and rooms on a server that answers well, badly, late or never. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sfu.h"

#define NOON 1795521600 /* seconds since 1970 */

struct bench {
  struct cg_clock clock;
  struct sfu sfu;
  struct harness *h;
};

static struct harness *open_room(struct bench *b, const char *options, uint32_t workers) {
  b->clock = cg_clock_fake((int64_t)NOON * 1000000);
  const struct harness_config config = {.plugin = "room_livekit",
                                        .options = options,
                                        .workers = workers,
                                        .clock = &b->clock};
  struct cg_err err = {0};
  b->h = harness_try(&config, &err);
  if (!b->h) fail_msg("%s", err.text);
  return b->h;
}

static int setup_with(void **state, const char *options_more) {
  struct bench *b = calloc(1, sizeof *b);
  char options[512];
  if (!b) return -1;
  sfu_listen(&b->sfu, options, sizeof options, options_more);
  sfu_serve(&b->sfu, open_room(b, options, 2));
  *state = b;
  return 0;
}

static int setup(void **state) {
  return setup_with(state, ", \"timeout_ms\": 300");
}

static int setup_patient(void **state) {
  return setup_with(state, "");
}

static int teardown(void **state) {
  struct bench *b = *state;
  sfu_close(&b->sfu);
  harness_close(b->h);
  free(b);
  return 0;
}

static void assert_refused(const char *options, const char *words) {
  const struct harness_config config = {.plugin = "room_livekit", .options = options};
  struct cg_err err = {0};
  assert_null(harness_try(&config, &err));
  if (!strstr(err.text, words)) fail_msg("\"%s\" is not in \"%s\"", words, err.text);
}

static void assert_words(const struct harness_call *c, const char *words) {
  if (!strstr(c->text, words)) fail_msg("\"%s\" is not in \"%s\"", words, c->text);
}

/* ---- tokens ---- */

struct token {
  char text[4096], url[128];
  int64_t expires_at_us;
};

static void copy_token(void *to, const void *result) {
  const struct cgp_room_token *got = result;
  struct token *t = to;
  snprintf(t->text, sizeof t->text, "%s", got->token);
  snprintf(t->url, sizeof t->url, "%s", got->url);
  t->expires_at_us = got->expires_at_us;
}

static enum cgp_code ask_token(struct harness *h, const char *room, const char *name,
                               struct token *to) {
  struct harness_call c = {.copy = copy_token, .to = to};
  struct cgp_room_token_request req = {
      .room = room, .identity = "lease-1", .name = name, .ttl_s = 900};
  cg_room_token(harness_drivers(h, 0), &req, harness_answered, &c);
  return harness_wait(h, &c);
}

static void assert_claim(const json_t *claims, const char *name, const char *text) {
  json_t *want = json_loads(text, JSON_DECODE_ANY, NULL);
  if (!json_equal(want, json_object_get(claims, name))) fail_msg("claim %s", name);
  json_decref(want);
}

static void a_token_opens_one_room_to_watch_and_nothing_else(void **state) {
  struct bench *b = *state;
  struct token t;
  assert_int_equal(ask_token(b->h, "camera_lobby-1.low", "Alice", &t), CGP_OK);
  json_t *claims = sfu_claims(t.text, SFU_SECRET);
  assert_int_equal(json_object_size(claims), 6);
  assert_claim(claims, "iss", "\"" SFU_KEY "\"");
  assert_claim(claims, "sub", "\"lease-1\"");
  assert_claim(claims, "name", "\"Alice\"");
  assert_int_equal(json_integer_value(json_object_get(claims, "nbf")), NOON);
  assert_int_equal(json_integer_value(json_object_get(claims, "exp")), NOON + 900);
  assert_claim(claims, "video",
               "{\"room\":\"camera_lobby-1.low\",\"roomJoin\":true,\"canSubscribe\":true,"
               "\"canPublish\":false,\"canPublishData\":false,"
               "\"canUpdateOwnMetadata\":false}");
  assert_true(t.expires_at_us == (int64_t)(NOON + 900) * 1000000);
  assert_int_equal(strncmp(t.url, "ws://127.0.0.1:", 15), 0);
  json_decref(claims);
}

static void names_cannot_break_out_of_the_claims(void **state) {
  struct bench *b = *state;
  const char *name = "a\",\"video\":{\"roomAdmin\":true},\"x\":\"\\ \n\x01 \xc3\xbc";
  struct token t;
  assert_int_equal(ask_token(b->h, "r", name, &t), CGP_OK);
  json_t *claims = sfu_claims(t.text, SFU_SECRET);
  assert_string_equal(json_string_value(json_object_get(claims, "name")), name);
  assert_int_equal(json_object_size(claims), 6);
  json_decref(claims);
}

static void a_long_name_is_cut_at_a_whole_character(void **state) {
  struct bench *b = *state;
  char name[400] = "x";
  struct token t;
  for (size_t i = 0; i < 190; i++) memcpy(name + 1 + 2 * i, "\xc3\xbc", 3);
  assert_int_equal(ask_token(b->h, "r", name, &t), CGP_OK);
  json_t *claims = sfu_claims(t.text, SFU_SECRET);
  const char *got = json_string_value(json_object_get(claims, "name"));
  assert_non_null(got);
  assert_int_equal(strlen(got), 255);
  json_decref(claims);
}

static void a_room_too_long_for_a_token_is_invalid(void **state) {
  struct bench *b = *state;
  char room[4000];
  struct token t;
  memset(room, 'r', sizeof room - 1);
  room[sizeof room - 1] = '\0';
  assert_int_equal(ask_token(b->h, room, "", &t), CGP_E_INVALID);
}

static void without_url_tokens_are_made_and_rooms_are_a_formality(void **state) {
  (void)state;
  struct bench b = {0};
  struct harness *h = open_room(&b, "{}", 1);
  struct harness_call c = {0};
  struct token t;
  char words[128];
  assert_non_null(strstr(harness_logged(h), "a key made for this run"));
  cg_room_ensure(harness_drivers(h, 0), "r", NULL, harness_answered, &c);
  assert_int_equal(harness_wait(h, &c), CGP_OK);
  assert_int_equal(ask_token(h, "r", "", &t), CGP_OK);
  assert_string_equal(t.url, "");
  assert_true(harness_health(h, 0, words, sizeof words));
  assert_string_equal(words, "no SFU: tokens only");
  harness_close(h);
}

static void clients_get_the_public_url(void **state) {
  (void)state;
  struct bench b = {0};
  struct harness *h =
      open_room(&b,
                "{\"public_url\": \"https://sfu.example/\", \"api_key\": \"" SFU_KEY
                "\", \"api_secret\": \"" SFU_SECRET "\"}",
                1);
  struct token t;
  assert_int_equal(ask_token(h, "r", "", &t), CGP_OK);
  assert_string_equal(t.url, "wss://sfu.example");
  json_decref(sfu_claims(t.text, SFU_SECRET));
  harness_close(h);
}

static void half_a_configuration_is_refused(void **state) {
  (void)state;
  assert_refused("{\"url\": \"ws://sfu\"}", "api_key and api_secret are needed");
  assert_refused("{\"url\": \"ws://sfu\", \"api_key\": \"k\"}", "api_secret is needed");
  assert_refused("{\"api_key\": \"k\", \"api_secret\": \"short\"}", "32 characters");
  assert_refused("{\"url\": \"http://u:p@sfu\", \"api_key\": \"k\", \"api_secret\": "
                 "\"" SFU_SECRET "\"}",
                 "url");
  assert_refused(
      "{\"url\": \"ws://sfu\", \"webhook_key\": \"other\", \"api_key\": \"k\", "
      "\"api_secret\": \"" SFU_SECRET "\"}",
      "webhook_secret is needed");
}

/* ---- rooms ---- */

static enum cgp_code ensure(struct bench *b, uint32_t worker, const char *room,
                            struct harness_call *c) {
  *c = (struct harness_call){0};
  cg_room_ensure(harness_drivers(b->h, worker), room, NULL, harness_answered, c);
  return harness_wait(b->h, c);
}

static void a_room_is_opened_with_its_timeouts(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_OK);
  assert_string_equal(b->sfu.path, "/twirp/livekit.RoomService/CreateRoom");
  assert_string_equal(b->sfu.body, "{\"name\":\"camera_a\",\"empty_timeout\":60,"
                                   "\"departure_timeout\":60,\"max_participants\":100}");
  assert_int_equal(strncmp(b->sfu.authorization, "Bearer ", 7), 0);
  json_t *claims = sfu_claims(b->sfu.authorization + 7, SFU_SECRET);
  assert_claim(claims, "video", "{\"roomCreate\":true,\"roomList\":true}");
  json_decref(claims);
}

static void a_room_is_remembered_for_two_seconds(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_OK);
  b->clock.fake_mono_us += 1999999;
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_OK);
  assert_int_equal(b->sfu.hits, 1);
  assert_int_equal(ensure(b, 0, "camera_b", &c), CGP_OK);
  assert_int_equal(b->sfu.hits, 2);
  b->clock.fake_mono_us += 1;
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_OK);
  assert_int_equal(b->sfu.hits, 3);
}

static void ensures_at_one_time_share_one_request(void **state) {
  struct bench *b = *state;
  struct harness_call calls[50] = {0};
  for (size_t i = 0; i < 50; i++) {
    cg_room_ensure(harness_drivers(b->h, 0), "camera_a", NULL, harness_answered,
                   &calls[i]);
  }
  for (size_t i = 0; i < 50; i++) assert_int_equal(harness_wait(b->h, &calls[i]), CGP_OK);
  assert_int_equal(b->sfu.hits, 1);
}

struct bad {
  int status;
  const char *text;
  enum cgp_code code;
  const char *words;
};

static const struct bad bad_answers[] = {
    {500, "{\"code\":\"internal\",\"msg\":\"no node\"}", CGP_E_UNAVAILABLE,
     "CreateRoom: status 500: no node"},
    {502, "<html>Bad Gateway</html>", CGP_E_UNAVAILABLE, "status 502"},
    {401, "{\"code\":\"unauthenticated\",\"msg\":\"permissions denied\"}",
     CGP_E_UNAVAILABLE, "status 401: permissions denied"},
    {404, "<html>404</html>", CGP_E_INTERNAL, "status 404"},
    {404, "{\"code\":\"bad_route\",\"msg\":\"x\"}", CGP_E_INTERNAL, "status 404"},
    {404, "{\"code\":\"not_found\",\"msg\":\"x\"}", CGP_E_UNAVAILABLE, "status 404"},
    {301, "", CGP_E_INTERNAL, "status 301"},
    {200, "<html>hello</html>", CGP_E_INTERNAL, "not a JSON object"},
    {200, "{\"sid\":\"RM_1\",\"na", CGP_E_INTERNAL, "not a JSON object"},
    {200, "", CGP_E_INTERNAL, "not a JSON object"},
    {200, "[]", CGP_E_INTERNAL, "not a JSON object"},
    {200, "{\"name\":\"another\"}", CGP_E_INTERNAL, "not about the room"},
};

static void each_bad_answer_has_its_code_and_words(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  for (size_t i = 0; i < sizeof bad_answers / sizeof *bad_answers; i++) {
    b->sfu.status = bad_answers[i].status;
    b->sfu.text = bad_answers[i].text;
    assert_int_equal(ensure(b, 0, "camera_a", &c), bad_answers[i].code);
    assert_words(&c, bad_answers[i].words);
  }
}

static void a_failure_is_not_remembered(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  b->sfu.status = 500;
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_E_UNAVAILABLE);
  b->sfu.status = 200;
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_OK);
  assert_int_equal(harness_metric(b->h, "livekit_requests_total", ""), 2);
  assert_int_equal(harness_metric(b->h, "livekit_request_failures_total", ""), 1);
}

static void an_endless_answer_is_cut(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  size_t n = 3 * 1024 * 1024;
  char *spaces = malloc(n + 1);
  assert_non_null(spaces);
  memset(spaces, ' ', n);
  spaces[n] = '\0';
  b->sfu.text = spaces;
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_E_INTERNAL);
  free(spaces);
}

static void silence_ends_after_the_timeout(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  b->sfu.hold = true;
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_E_TIMEOUT);
  assert_words(&c, "livekit http://127.0.0.1:");
}

static void nobody_there_is_unavailable(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  char words[256];
  sfu_close(&b->sfu);
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_E_UNAVAILABLE);
  assert_words(&c, "CreateRoom");
  assert_false(harness_health(b->h, 0, words, sizeof words));
  sfu_serve(&b->sfu, b->h);
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_OK);
}

static enum cgp_code remove_viewer(struct bench *b, struct harness_call *c) {
  *c = (struct harness_call){0};
  cg_room_remove(harness_drivers(b->h, 0), "camera_a", "lease-1", harness_answered, c);
  return harness_wait(b->h, c);
}

static void a_viewer_is_put_out_with_a_token_for_that_room(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  b->sfu.text = "{}";
  assert_int_equal(remove_viewer(b, &c), CGP_OK);
  assert_string_equal(b->sfu.path, "/twirp/livekit.RoomService/RemoveParticipant");
  assert_string_equal(b->sfu.body, "{\"room\":\"camera_a\",\"identity\":\"lease-1\"}");
  json_t *claims = sfu_claims(b->sfu.authorization + 7, SFU_SECRET);
  assert_claim(claims, "video", "{\"roomAdmin\":true,\"room\":\"camera_a\"}");
  json_decref(claims);
}

static void a_viewer_that_is_not_there_is_out(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  b->sfu.status = 404;
  b->sfu.text = "{\"code\":\"not_found\",\"msg\":\"participant does not exist\"}";
  assert_int_equal(remove_viewer(b, &c), CGP_OK);
  b->sfu.text = "<html>no such page</html>";
  assert_int_equal(remove_viewer(b, &c), CGP_E_INTERNAL);
}

/* A room that ends while it is being opened is not taken for open afterwards. */
static void a_room_gone_while_it_opens_is_not_remembered(void **state) {
  struct bench *b = *state;
  struct harness_call first = {0}, c;
  b->sfu.hold = true;
  cg_room_ensure(harness_drivers(b->h, 0), "camera_a", NULL, harness_answered, &first);
  while (!b->sfu.held) harness_run_ms(b->h, 1);
  struct evhttp_request *create = b->sfu.held;
  b->sfu.hold = false;
  b->sfu.status = 404;
  b->sfu.text = "{\"code\":\"not_found\",\"msg\":\"requested room does not exist\"}";
  assert_int_equal(remove_viewer(b, &c), CGP_OK);
  b->sfu.held = create;
  b->sfu.status = 200;
  b->sfu.text = "{\"name\":\"camera_a\"}";
  sfu_answer_held(&b->sfu);
  assert_int_equal(harness_wait(b->h, &first), CGP_OK);
  int hits = b->sfu.hits;
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_OK);
  assert_int_equal(b->sfu.hits, hits + 1);
}

static void a_closed_room_is_forgotten_by_every_worker(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  const char *body = "{\"event\":\"room_finished\",\"room\":{\"name\":\"camera_a\"}}";
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_OK);
  assert_int_equal(ensure(b, 1, "camera_a", &c), CGP_OK);
  assert_int_equal(b->sfu.hits, 2);
  char *line = sfu_webhook_header(body, NOON);
  const char *const headers[] = {line, NULL};
  assert_int_equal(
      harness_http(b->h, 1, "POST", "/webhook/livekit", headers, body).status, 200);
  free(line);
  harness_run_ms(b->h, 20);
  assert_int_equal(ensure(b, 0, "camera_a", &c), CGP_OK);
  assert_int_equal(ensure(b, 1, "camera_a", &c), CGP_OK);
  assert_int_equal(b->sfu.hits, 4);
}

static void health_asks_once_a_second(void **state) {
  struct bench *b = *state;
  char words[128];
  b->sfu.text = "{\"rooms\":[]}";
  assert_true(harness_health(b->h, 0, words, sizeof words));
  assert_non_null(strstr(words, "answers"));
  assert_true(harness_health(b->h, 0, words, sizeof words));
  assert_int_equal(b->sfu.hits, 1);
  b->clock.fake_mono_us += 1000000;
  b->sfu.status = 503;
  assert_false(harness_health(b->h, 0, words, sizeof words));
  assert_non_null(strstr(words, "status 503"));
}

/* Closing with a request in flight: nobody is called back, nothing leaks. */
static void stopping_in_the_middle_is_clean(void **state) {
  struct bench *b = *state;
  struct harness_call c = {0};
  b->sfu.hold = true;
  cg_room_ensure(harness_drivers(b->h, 0), "camera_a", NULL, harness_answered, &c);
  while (!b->sfu.held) harness_run_ms(b->h, 1);
  sfu_close(&b->sfu);
  harness_close(b->h);
  b->h = NULL;
  assert_true(c.times <= 1);
}

#define WITH_SFU(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_SFU(a_token_opens_one_room_to_watch_and_nothing_else),
      WITH_SFU(names_cannot_break_out_of_the_claims),
      WITH_SFU(a_long_name_is_cut_at_a_whole_character),
      WITH_SFU(a_room_too_long_for_a_token_is_invalid),
      cmocka_unit_test(without_url_tokens_are_made_and_rooms_are_a_formality),
      cmocka_unit_test(clients_get_the_public_url),
      cmocka_unit_test(half_a_configuration_is_refused),
      WITH_SFU(a_room_is_opened_with_its_timeouts),
      WITH_SFU(a_room_is_remembered_for_two_seconds),
      WITH_SFU(ensures_at_one_time_share_one_request),
      WITH_SFU(each_bad_answer_has_its_code_and_words),
      WITH_SFU(a_failure_is_not_remembered),
      WITH_SFU(an_endless_answer_is_cut),
      WITH_SFU(silence_ends_after_the_timeout),
      WITH_SFU(nobody_there_is_unavailable),
      WITH_SFU(a_viewer_is_put_out_with_a_token_for_that_room),
      WITH_SFU(a_viewer_that_is_not_there_is_out),
      cmocka_unit_test_setup_teardown(a_room_gone_while_it_opens_is_not_remembered,
                                      setup_patient, teardown),
      WITH_SFU(a_closed_room_is_forgotten_by_every_worker),
      WITH_SFU(health_asks_once_a_second),
      WITH_SFU(stopping_in_the_middle_is_clean),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
