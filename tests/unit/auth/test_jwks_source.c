/* Keys fetched from an issuer on the same loop, by a clock that the test moves. */
#include "auth/jwk.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <netinet/in.h>

#include "auth/jwks_source.h"
#include "base/check.h"
#include "base/mem.h"

#define PATIENCE_US 5000000
#define SECOND      INT64_C(1000000)
#define LEAST_US    (10 * SECOND)
#define KID(kid)    "{\"alg\":\"ES256\",\"kid\":\"" kid "\"}"

struct bed {
  struct test_keys *keys;
  struct cg_loop *loop;
  struct evhttp *http;
  struct evhttp_request *held; /* the issuer is slow */
  struct cg_clock clock;
  struct cg_metrics *metrics;
  struct cg_jwks_metrics ids;
  struct cg_auth *auth;
  struct cg_jwks_conf conf;
  struct cg_jwks_source *source;
  struct cg_timer watchdog;
  char url[64], set[4096];
  int status, asked, firsts;
  bool slow;
};

static void answer(struct bed *b, struct evhttp_request *req) {
  struct evbuffer *out = evbuffer_new();
  evbuffer_add_printf(out, "%s", b->set);
  evhttp_send_reply(req, b->status, "So", out);
  evbuffer_free(out);
}

static void serve(struct evhttp_request *req, void *arg) {
  struct bed *b = arg;
  b->asked++;
  if (b->slow)
    b->held = req;
  else
    answer(b, req);
}

static void too_long(void *arg) {
  (void)arg;
  fail_msg("the loop waits for what does not come");
}

/* Turns the loop until the count of fetches that ended is n. */
static void turn_until(struct bed *b, int64_t n) {
  cg_timer_start(&b->watchdog, b->loop, PATIENCE_US, too_long, b);
  while (cg_metric_sum(b->metrics, b->ids.ok) + cg_metric_sum(b->metrics, b->ids.failed) <
         n)
    event_base_loop(cg_loop_base(b->loop), EVLOOP_ONCE);
  cg_timer_stop(&b->watchdog);
}

static void turn_until_asked(struct bed *b, int n) {
  cg_timer_start(&b->watchdog, b->loop, PATIENCE_US, too_long, b);
  while (b->asked < n) event_base_loop(cg_loop_base(b->loop), EVLOOP_ONCE);
  cg_timer_stop(&b->watchdog);
}

static void publish(struct bed *b, const char *kid) {
  char member[2048], more[64];
  snprintf(more, sizeof more, ",\"kid\":\"%s\"", kid);
  snprintf(b->set, sizeof b->set, "{\"keys\":[%s]}",
           jwk_of(b->keys->ec, more, member, sizeof member));
}

static void first(void *ctx) {
  ((struct bed *)ctx)->firsts++;
}

static void start(struct bed *b) {
  struct cg_err err = {0};
  const struct cg_jwks_env env = {.conf = &b->conf,
                                  .auth = b->auth,
                                  .loop = b->loop,
                                  .clock = &b->clock,
                                  .metrics = b->metrics,
                                  .metric = &b->ids,
                                  .first = first,
                                  .ctx = b};
  b->source = cg_jwks_source_start(&env, &err);
  if (!b->source) fail_msg("%s", err.text);
}

static int setup(void **state) {
  static struct bed b;
  void *keys = b.keys;
  if (!keys) keys_setup(&keys);
  b = (struct bed){.keys = keys, .status = 200, .clock = cg_clock_fake(NOW)};
  b.loop = cg_loop_new(NULL);
  b.http = evhttp_new(cg_loop_base(b.loop));
  struct evhttp_bound_socket *s = evhttp_bind_socket_with_handle(b.http, "127.0.0.1", 0);
  struct sockaddr_in at;
  socklen_t n = sizeof at;
  getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&at, &n);
  evhttp_set_gencb(b.http, serve, &b);
  snprintf(b.url, sizeof b.url, "http://127.0.0.1:%u/", ntohs(at.sin_port));
  b.conf = (struct cg_jwks_conf){
      .url = b.url, .refresh_us = 300 * SECOND, .least_us = LEAST_US};
  b.metrics = cg_metrics_new(1);
  b.ids = cg_jwks_metrics_register(b.metrics);
  struct cg_auth_conf conf = {USUAL_RULES};
  conf.published = true;
  b.auth = cg_auth_new(&conf, NULL);
  publish(&b, "a");
  *state = &b;
  return 0;
}

static int teardown(void **state) {
  struct bed *b = *state;
  cg_jwks_source_free(b->source);
  cg_auth_free(b->auth);
  evhttp_free(b->http);
  cg_metrics_free(b->metrics);
  cg_loop_free(b->loop);
  return 0;
}

static enum cg_code shows(struct bed *b, const char *header) {
  struct cg_subject subject;
  struct cg_identity *id = NULL;
  struct cg_err err = {0};
  bool ok = cg_auth_bearer(b->auth, token(b->keys, ES, header, NULL), "192.0.2.1", NOW,
                           &subject, &id, &err);
  cg_identity_unref(id);
  return ok ? CG_OK : err.code;
}

static void pass(struct bed *b, int64_t us) {
  b->clock.fake_mono_us += us;
}

static void keys_come_by_themselves(void **state) {
  struct bed *b = *state;
  start(b);
  assert_int_equal(shows(b, KID("a")), CG_E_UNAVAILABLE);
  turn_until(b, 1);
  assert_int_equal(shows(b, KID("a")), CG_OK);
  struct cg_jwks_state s = cg_jwks_source_state(b->source);
  assert_false(s.stale);
  assert_int_equal(s.keys, 1);
  assert_int_equal(b->firsts, 1);
}

static void a_failure_is_told_and_changes_nothing(void **state) {
  struct bed *b = *state;
  start(b);
  turn_until(b, 1);
  static const struct {
    int status;
    const char *set, *words;
  } rows[] = {{500, "{}", "status 500"},         {304, "", "status 304"},
              {302, "", "status 302"},           {404, "<html>", "status 404"},
              {200, "<html>", "not JSON"},       {200, "{\"keys\":[]}", "empty"},
              {200, "{\"keys\":[7]}", "no key"}, {200, "", "not JSON"}};
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    char kid[64];
    b->status = rows[i].status;
    snprintf(b->set, sizeof b->set, "%s", rows[i].set);
    snprintf(kid, sizeof kid, "{\"alg\":\"ES256\",\"kid\":\"new%zu\"}", i);
    pass(b, LEAST_US);
    assert_int_equal(shows(b, kid), CG_E_UNAVAILABLE); /* being fetched */
    turn_until(b, 2 + (int64_t)i);
    assert_int_equal(shows(b, kid), CG_E_UNAUTHENTICATED);
    assert_int_equal(shows(b, KID("a")), CG_OK);
    struct cg_jwks_state s = cg_jwks_source_state(b->source);
    assert_true(s.stale && s.keys == 1);
    if (!strstr(s.why, rows[i].words)) fail_msg("%s", s.why);
  }
  assert_int_equal(cg_metric_sum(b->metrics, b->ids.stale), 1);
  assert_int_equal(b->firsts, 1);
  b->status = 200;
  publish(b, "b");
  pass(b, LEAST_US);
  shows(b, KID("b"));
  turn_until(b, 2 + CG_COUNT(rows));
  assert_int_equal(cg_metric_sum(b->metrics, b->ids.stale), 0);
  assert_int_equal(shows(b, KID("b")), CG_OK);
  assert_int_equal(shows(b, KID("a")), CG_E_UNAUTHENTICATED);
}

static void one_in_flight(void **state) {
  struct bed *b = *state;
  start(b);
  turn_until(b, 1);
  b->slow = true;
  pass(b, 100 * LEAST_US);
  for (int i = 0; i < 100; i++) {
    char kid[64];
    snprintf(kid, sizeof kid, "{\"alg\":\"ES256\",\"kid\":\"%d\"}", i);
    assert_int_equal(shows(b, kid), CG_E_UNAVAILABLE);
    pass(b, LEAST_US); /* time alone begins no second one */
  }
  turn_until_asked(b, 2);
  assert_int_equal(shows(b, KID("a")), CG_OK); /* nobody waits */
  publish(b, "99");
  answer(b, b->held);
  turn_until(b, 2);
  assert_int_equal(shows(b, KID("99")), CG_OK);
  assert_int_equal(b->asked, 2);
}

static void a_kid_that_did_not_come_asks_once_a_minute(void **state) {
  struct bed *b = *state;
  start(b);
  turn_until(b, 1);
  pass(b, LEAST_US);
  assert_int_equal(shows(b, KID("bad")), CG_E_UNAVAILABLE);
  turn_until(b, 2);
  for (int s = 0; s < 59; s++) {
    assert_int_equal(shows(b, KID("bad")), CG_E_UNAUTHENTICATED);
    pass(b, SECOND);
  }
  assert_int_equal(b->asked, 2);
  pass(b, 2 * SECOND);
  assert_int_equal(shows(b, KID("bad")), CG_E_UNAVAILABLE);
  turn_until(b, 3);
}

static void a_storm_asks_once_an_interval(void **state) {
  struct bed *b = *state;
  start(b);
  turn_until(b, 1);
  for (int i = 0; i < 2000; i++) { /* 20 s, a new kid every 10 ms */
    char kid[64];
    snprintf(kid, sizeof kid, "{\"alg\":\"ES256\",\"kid\":\"storm%d\"}", i);
    shows(b, kid);
    event_base_loop(cg_loop_base(b->loop), EVLOOP_NONBLOCK);
    pass(b, SECOND / 100);
  }
  turn_until(b, 2);
  assert_in_range(b->asked, 2, 3);
}

static void it_may_be_freed_while_it_fetches(void **state) {
  struct bed *b = *state;
  b->slow = true;
  start(b);
  turn_until_asked(b, 1);
  cg_jwks_source_free(b->source);
  b->source = NULL;
  assert_int_equal(b->firsts, 0);
  assert_int_equal(shows(b, KID("x")), CG_E_UNAVAILABLE); /* and asks nobody */
  assert_int_equal(b->asked, 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(keys_come_by_themselves),
      TEST(a_failure_is_told_and_changes_nothing),
      TEST(one_in_flight),
      TEST(a_kid_that_did_not_come_asks_once_a_minute),
      TEST(a_storm_asks_once_an_interval),
      TEST(it_may_be_freed_while_it_fetches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
