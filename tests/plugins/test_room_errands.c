/* room_livekit's list and close, which no step of the gate calls yet: entered as the host
 * enters an op, on a worker of the test's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/host.h"
#include "sfu.h"

struct bench {
  struct sfu sfu;
  struct harness *h;
  const struct cg_plugin *plugin;
  struct cg_calls *calls;
  struct cg_fetcher *fetcher;
  struct cg_host *host;
  void *worker;
};

static void start_worker(struct bench *b) {
  char err[256] = "";
  struct cg_loop *loop = harness_loop(b->h, 0);
  b->plugin = harness_set(b->h)->room;
  struct cg_host *main = (struct cg_host *)b->plugin->host;
  b->calls = cg_calls_new(loop, main->env->log, main->env->metrics, 0);
  b->fetcher = cg_fetcher_new(loop);
  b->host = cg_host_worker(main, 0, loop, b->calls, b->fetcher);
  assert_true(b->calls && b->fetcher && b->host);
  if (b->plugin->abi->start(b->plugin->self, &b->host->abi, &b->worker, err,
                            sizeof err) != 0) {
    fail_msg("%s", err);
  }
}

static int setup(void **state) {
  struct bench *b = calloc(1, sizeof *b);
  char options[512];
  if (!b) return -1;
  sfu_listen(&b->sfu, options, sizeof options, "");
  b->h = harness_open("room_livekit", options);
  sfu_serve(&b->sfu, b->h);
  start_worker(b);
  *state = b;
  return 0;
}

static int teardown(void **state) {
  struct bench *b = *state;
  cg_host_stop(b->host);
  b->plugin->abi->stop(b->worker);
  cg_host_drop_timers(b->host);
  cg_fetcher_free(b->fetcher);
  cg_calls_free(b->calls);
  sfu_close(&b->sfu);
  harness_close(b->h);
  free(b);
  return 0;
}

static struct cgp_call begin(struct bench *b, struct harness_call *c) {
  return cg_call_begin(b->calls, &b->host->owner, 2000, cg_result_any, harness_answered,
                       c);
}

static void copy_people(void *to, const void *result) {
  const struct cgp_participants *all = result;
  char *text = to;
  text[0] = '\0';
  for (size_t i = 0; i < all->n; i++) {
    size_t n = strlen(text);
    snprintf(text + n, 128 - n, "%s ", all->identities[i]);
  }
}

static enum cgp_code list(struct bench *b, char people[128], struct harness_call *c) {
  *c = (struct harness_call){.copy = copy_people, .to = people};
  b->plugin->abi->room->list(b->worker, "camera_a", begin(b, c));
  return harness_wait(b->h, c);
}

static enum cgp_code close_room(struct bench *b, struct harness_call *c) {
  *c = (struct harness_call){0};
  b->plugin->abi->room->close(b->worker, "camera_a", begin(b, c));
  return harness_wait(b->h, c);
}

static enum cgp_code ensure(struct bench *b, struct harness_call *c) {
  *c = (struct harness_call){0};
  b->plugin->abi->room->ensure(b->worker, "camera_a", begin(b, c));
  return harness_wait(b->h, c);
}

static void who_is_in_a_room_is_listed(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  char people[128];
  b->sfu.text = "{\"participants\":[{\"sid\":\"PA_1\",\"identity\":\"lease-1\"},"
                "{\"sid\":\"PA_2\",\"identity\":\"lease-2\"}]}";
  assert_int_equal(list(b, people, &c), CGP_OK);
  assert_string_equal(people, "lease-1 lease-2 ");
  assert_string_equal(b->sfu.path, "/twirp/livekit.RoomService/ListParticipants");
  assert_string_equal(b->sfu.body, "{\"room\":\"camera_a\"}");
  json_t *claims = sfu_claims(b->sfu.authorization + 7, SFU_SECRET);
  const json_t *grant = json_object_get(claims, "video");
  assert_true(json_is_true(json_object_get(grant, "roomAdmin")));
  assert_string_equal(json_string_value(json_object_get(grant, "room")), "camera_a");
  json_decref(claims);
}

static void a_room_that_is_not_there_is_empty(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  char people[128] = "?";
  b->sfu.text = "{\"participants\":[]}";
  assert_int_equal(list(b, people, &c), CGP_OK);
  assert_string_equal(people, "");
  b->sfu.status = 404;
  b->sfu.text = "{\"code\":\"not_found\",\"msg\":\"requested room does not exist\"}";
  assert_int_equal(list(b, people, &c), CGP_OK);
  assert_string_equal(people, "");
}

static void half_a_list_is_no_list(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  char people[128];
  const char *const texts[] = {
      "{}", "{\"participants\":{}}",
      "{\"participants\":[{\"identity\":\"a\"},{\"sid\":\"x\"}]}",
      "{\"participants\":[1]}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    b->sfu.text = texts[i];
    assert_int_equal(list(b, people, &c), CGP_E_INTERNAL);
  }
  b->sfu.status = 500;
  assert_int_equal(list(b, people, &c), CGP_E_UNAVAILABLE);
}

static void closing_deletes_the_room_and_forgets_it(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  assert_int_equal(ensure(b, &c), CGP_OK);
  assert_int_equal(ensure(b, &c), CGP_OK);
  assert_int_equal(b->sfu.hits, 1);
  b->sfu.text = "{}";
  assert_int_equal(close_room(b, &c), CGP_OK);
  assert_string_equal(b->sfu.path, "/twirp/livekit.RoomService/DeleteRoom");
  b->sfu.text = NULL;
  assert_int_equal(ensure(b, &c), CGP_OK);
  assert_int_equal(b->sfu.hits, 3);
}

static void closing_what_is_not_there_is_success(void **state) {
  struct bench *b = *state;
  struct harness_call c;
  b->sfu.status = 404;
  b->sfu.text = "{\"code\":\"not_found\",\"msg\":\"requested room does not exist\"}";
  assert_int_equal(close_room(b, &c), CGP_OK);
  b->sfu.text = "<html></html>";
  assert_int_equal(close_room(b, &c), CGP_E_INTERNAL);
}

/* A room that ends while it is being opened is not taken for open afterwards. */
static void a_room_closed_while_it_opens_is_not_remembered(void **state) {
  struct bench *b = *state;
  struct harness_call first = {0}, closing = {0}, again;
  b->sfu.hold = true;
  b->plugin->abi->room->ensure(b->worker, "camera_a", begin(b, &first));
  while (!b->sfu.held) harness_run_ms(b->h, 1);
  struct evhttp_request *create = b->sfu.held;
  b->sfu.hold = false;
  b->sfu.status = 404;
  b->sfu.text = "{\"code\":\"not_found\",\"msg\":\"requested room does not exist\"}";
  b->plugin->abi->room->close(b->worker, "camera_a", begin(b, &closing));
  assert_int_equal(harness_wait(b->h, &closing), CGP_OK);
  b->sfu.held = create;
  b->sfu.status = 200;
  b->sfu.text = "{\"name\":\"camera_a\"}";
  sfu_answer_held(&b->sfu);
  assert_int_equal(harness_wait(b->h, &first), CGP_OK);
  int hits = b->sfu.hits;
  assert_int_equal(ensure(b, &again), CGP_OK);
  assert_int_equal(b->sfu.hits, hits + 1);
}

#define WITH_SFU(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_SFU(who_is_in_a_room_is_listed),
      WITH_SFU(a_room_that_is_not_there_is_empty),
      WITH_SFU(half_a_list_is_no_list),
      WITH_SFU(closing_deletes_the_room_and_forgets_it),
      WITH_SFU(closing_what_is_not_there_is_success),
      WITH_SFU(a_room_closed_while_it_opens_is_not_remembered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
