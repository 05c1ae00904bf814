/* The nth allocation fails, for every n and on every route of a whole gate: never a crash
 * or a silence; an honest 503, or success when it did no harm; and nothing is left
 * behind: no lease that nobody knows of, no place taken in the quota. */
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/mem.h"
#include "cli/whole.h"

#define SFU_SECRET "sfu-secret-sfu-secret-sfu-secret-32"
#define N_MAX      20000

static const char conf[] =
    "return {\n"
    "  listen = { address = '" WHOLE_PUBLIC "', port = 0 },\n"
    "  admin = { address = '" WHOLE_OPERATOR "', port = 0 },\n"
    "  workers = 2, state_dir = 'state', policies = 'policies', log_level = 'error',\n"
    "  plugin_dir = '" BINARY_DIR "/plugins',\n"
    "  jwt = { secret = '" WHOLE_SECRET "' },\n"
    "  plugins = {\n"
    "    { 'cameras_file', path = 'cameras.json' }, { 'quota_local' },\n"
    "    { 'room_livekit', api_key = 'sfu', api_secret = '" SFU_SECRET "',\n"
    "      webhook_key = 'sfu' },\n"
    "    { 'ice_turn', domain = 'turn.example', secret = 'turn-secret' },\n"
    "    { 'audit_sqlite' } } }\n";

static const char cameras[] =
    "{\"cameras\": [{\"id\": \"lobby-1\", \"name\": \"Lobby\", \"site\": \"north\","
    " \"tags\": [\"lobby\"], \"attributes\": {\"floor\": 1}},"
    " {\"id\": \"yard-1\", \"site\": \"north\"}]}";

/* One place for each subject: a place that is not given back shows at once. */
static const char policy[] =
    "return { name = 'one', decide = function(req)\n"
    "  local mine = 'user:' .. req.subject.id\n"
    "  if usage('cameras') > 100 then return deny('many') end\n"
    "  return allow { max = 'medium', ttl = '30m', scopes = { scope(mine, 1),\n"
    "    scope('uplink:' .. req.camera.site, 50000, 'kbps') } }\n"
    "end }\n";

struct bench {
  struct whole *w;
  uint64_t more;                 /* allocations that fail after the first one */
  char lease[64], request[4096]; /* request: made before anything fails */
  struct whole_answer answer;
};

/* The nth value of "lease_id" in the answer. */
static bool lease_of(const struct whole_answer *a, int nth, char out[64]) {
  static const char key[] = "\"lease_id\":\"";
  const char *at = a->text;
  for (int i = 0; i <= nth; i++) {
    at = strstr(at, key);
    if (!at) return false;
    at += strlen(key);
  }
  snprintf(out, 64, "%.*s", (int)strcspn(at, "\""), at);
  return true;
}

/* ---- the routes ---- */

static int ask(struct bench *b, const char *method, const char *path, const char *body) {
  const char *type = body ? "Content-Type: application/json\r\n" : "";
  return whole_ask(b->w, method, path, type, body, &b->answer);
}

static int ask_of_lease(struct bench *b, const char *method, const char *path,
                        const char *body) {
  char full[256];
  snprintf(full, sizeof full, "%s%s", path, b->lease);
  return ask(b, method, full, body);
}

static int reserve(struct bench *b) {
  return ask(b, "POST", "/api/v1/stream/reserve",
             "{\"camera_id\":\"lobby-1\",\"purpose\":\"a look\",\"ttl_s\":900}");
}

static int reserve_again(struct bench *b) {
  return whole_ask(b->w, "POST", "/api/v1/stream/reserve",
                   "Content-Type: application/json\r\nIdempotency-Key: k-1\r\n",
                   "{\"camera_id\":\"yard-1\"}", &b->answer);
}

static int replace(struct bench *b) {
  char body[256];
  snprintf(body, sizeof body, "{\"camera_id\":\"yard-1\",\"replace\":[\"%s\"]}",
           b->lease);
  return ask(b, "POST", "/api/v1/stream/reserve", body);
}

static int full(struct bench *b) {
  return ask(b, "POST", "/api/v1/stream/reserve", "{\"camera_id\":\"yard-1\"}");
}

static int heartbeat(struct bench *b) {
  return ask_of_lease(b, "POST", "/api/v1/stream/heartbeat/", "");
}

static int release(struct bench *b) {
  return ask_of_lease(b, "DELETE", "/api/v1/stream/release/", NULL);
}

static int token(struct bench *b) {
  return ask(b, "GET", "/api/v1/stream/token/lobby-1", NULL);
}

static int leases(struct bench *b) {
  return ask(b, "GET", "/api/v1/stream/leases", NULL);
}

static int list_cameras(struct bench *b) {
  return ask(b, "GET", "/api/v1/cameras", NULL);
}

static int explain(struct bench *b) {
  return ask(b, "POST", "/api/v1/policy/explain", "{\"camera_id\":\"lobby-1\"}");
}

static int audit(struct bench *b) {
  return ask(b, "GET", "/api/v1/audit?limit=5&order=desc&subject=alice", NULL);
}

static int problems(struct bench *b) {
  return ask(b, "GET", "/problems", NULL);
}

static int readyz(struct bench *b) {
  return ask(b, "GET", "!/readyz?verbose", NULL);
}

static int metrics(struct bench *b) {
  return ask(b, "GET", "!/metrics", NULL);
}

static int status(struct bench *b) {
  return ask(b, "GET", "!/status", NULL);
}

static int reload(struct bench *b) {
  return ask(b, "POST", "!/reload", "");
}

static int stranger(struct bench *b) {
  return whole_exchange(WHOLE_PUBLIC, b->w->port,
                        "GET /api/v1/cameras HTTP/1.1\r\nHost: gate\r\n"
                        "Authorization: Bearer x.y.z\r\nConnection: close\r\n\r\n",
                        &b->answer);
}

/* As the SFU signs it: the body's digest in a token of its key. */
static void sign_event(struct bench *b) {
  char body[512], digest[64];
  unsigned char sha[SHA256_DIGEST_LENGTH];
  struct cg_err err;
  snprintf(
      body, sizeof body,
      "{\"event\":\"participant_joined\",\"room\":{\"name\":\"camera_lobby-1.medium\"},"
      "\"participant\":{\"sid\":\"PA_%p\",\"identity\":\"%s\"}}",
      (void *)b->lease, b->lease);
  SHA256((unsigned char *)body, strlen(body), sha);
  EVP_EncodeBlock((unsigned char *)digest, sha, sizeof sha);
  json_t *claims = json_pack("{ss ss sI}", "iss", "sfu", "sha256", digest, "exp",
                             (json_int_t)time(NULL) + 60);
  char *jwt = cg_jwt_mint(SFU_SECRET, claims, &err);
  if (!jwt) fail_msg("%s", err.text);
  json_decref(claims);
  snprintf(b->request, sizeof b->request,
           "POST /webhook/livekit HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n"
           "Authorization: %s\r\nContent-Length: %zu\r\n\r\n%s",
           jwt, strlen(body), body);
  free(jwt);
}

static int webhook(struct bench *b) {
  return whole_exchange(WHOLE_PUBLIC, b->w->port, b->request, &b->answer);
}

/* ---- the torture ---- */

static void give_back_all(struct bench *b) {
  assert_int_equal(leases(b), 200);
  struct whole_answer *all = malloc(sizeof *all);
  assert_non_null(all);
  memcpy(all, &b->answer, sizeof *all);
  for (int i = 0; lease_of(all, i, b->lease); i++) assert_int_equal(release(b), 204);
  free(all);
}

/* Given back at once, or soon: what failed for want of memory is tried again. */
static void reserve_surely(struct bench *b, uint64_t nth) {
  for (int i = 0; reserve(b) != 201; i++) {
    if (i == WHOLE_TRIES || b->answer.status != 409)
      fail_msg("after allocation %d failed: %s", (int)nth, b->answer.text);
    whole_pause();
  }
  assert_true(lease_of(&b->answer, 0, b->lease));
}

static bool is_problem(const struct bench *b) {
  return strstr(b->answer.text, "application/problem+json") &&
         strstr(b->answer.text, "Retry-After: ");
}

static void judge(const struct bench *b, int good, uint64_t nth) {
  int got = b->answer.status;
  if (got != good && got != 0 && (got != 503 || !is_problem(b)))
    fail_msg("when allocation %d failed: %s", (int)nth, b->answer.text);
}

/* Whether the nth allocation came at all while that was asked. */
static bool ask_failing(struct bench *b, int (*fn)(struct bench *), uint64_t nth) {
  uint64_t before = cg_mem_count();
  cg_mem_fail_from(nth, b->more);
  fn(b);
  cg_mem_fail_after(0);
  return cg_mem_count() - before >= nth;
}

/* What has to be there before the route is asked. */
static void nothing(struct bench *b) {
  (void)b;
}

static void a_lease(struct bench *b) {
  reserve_surely(b, 0);
}

static void a_signed_event(struct bench *b) {
  a_lease(b);
  sign_event(b);
}

struct route {
  const char *name;
  void (*before)(struct bench *);
  int (*ask)(struct bench *);
  int good;
  uint64_t step; /* every allocation, or every so manieth */
};

/* How often it did harm. */
static unsigned torture(struct bench *b, const struct route *r) {
  unsigned failed = 0;
  uint64_t nth = 1;
  for (bool came = true; came && nth < N_MAX; nth += r->step) {
    r->before(b);
    came = ask_failing(b, r->ask, nth);
    judge(b, r->good, nth);
    failed += b->answer.status != r->good;
    give_back_all(b);
    reserve_surely(b, nth);
    assert_int_equal(release(b), 204);
  }
  printf("%s: %d allocations, %u times without success\n", r->name, (int)nth, failed);
  assert_in_range(nth, 10, N_MAX - 1);
  return failed;
}

static const struct route routes[] = {
    {"reserve", nothing, reserve, 201, 1},
    {"reserve with a key", nothing, reserve_again, 201, 1},
    {"reserve that replaces", a_lease, replace, 201, 1},
    {"reserve of a full quota", a_lease, full, 409, 1},
    {"heartbeat", a_lease, heartbeat, 200, 1},
    {"release", a_lease, release, 204, 1},
    {"token", a_lease, token, 200, 1},
    {"leases", a_lease, leases, 200, 1},
    {"cameras", nothing, list_cameras, 200, 1},
    {"explain", nothing, explain, 200, 1},
    {"audit", nothing, audit, 200, 1},
    {"problems", nothing, problems, 200, 1},
    {"webhook", a_signed_event, webhook, 200, 1},
    {"stranger", nothing, stranger, 401, 1},
    {"readyz", nothing, readyz, 200, 1},
    {"metrics", nothing, metrics, 200, 1},
    {"status", nothing, status, 200, 1},
    {"reload", nothing, reload, 200, 5},
};

/* One at a time: SIGTERM ends it, and a failed test leaves it to the teardown. */
static void open_bench(void **state, uint64_t more) {
  struct bench *b = calloc(1, sizeof *b);
  assert_non_null(b);
  *state = b;
  b->more = more;
  b->w = whole_open(conf, cameras, policy);
  whole_token(b->w, "{\"sub\":\"alice\",\"roles\":[\"auditor\"],\"sites\":[\"north\"],"
                    "\"exp\":4000000000}");
}

static int close_bench(void **state) {
  struct bench *b = *state;
  int code = b && b->w ? whole_close(b->w) : 0;
  free(b);
  *state = NULL;
  return code;
}

/* Every end is in the trail, at once or soon. */
static void all_is_recorded(struct bench *b) {
  for (int i = 0;; i++) {
    assert_int_equal(metrics(b), 200);
    const char *at = strstr(b->answer.text, "\ncamgate_unrecorded_ends ");
    assert_non_null(at);
    if (strncmp(strchr(at, ' '), " 0\n", 3) == 0) return;
    assert_in_range(i, 0, WHOLE_TRIES);
    whole_pause();
  }
}

static void torture_all(void **state, uint64_t more) {
  unsigned failed = 0;
  open_bench(state, more);
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
    failed += torture(*state, &routes[i]);
  assert_true(failed > 0);
  all_is_recorded(*state);
}

static void every_route_survives_every_failed_allocation(void **state) {
  torture_all(state, 0);
}

/* Whoever tries again at once, or does something else instead, has no memory either. */
static void every_route_survives_a_few_that_fail(void **state) {
  torture_all(state, 2);
}

static void every_route_survives_having_no_more_memory(void **state) {
  torture_all(state, UINT32_MAX);
}

/* Pools and tables are empty: what a warm gate has, this one asks for. */
static void the_first_request_survives_every_failed_allocation(void **state) {
  bool came = true;
  for (uint64_t nth = 1; came; nth++) {
    open_bench(state, 0);
    struct bench *b = *state;
    came = ask_failing(b, reserve, nth);
    judge(b, 201, nth);
    give_back_all(b);
    reserve_surely(b, nth);
    assert_int_equal(release(b), 204);
    assert_int_equal(close_bench(state), 0);
    assert_in_range(nth, 1, N_MAX);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, close_bench)
  const struct CMUnitTest tests[] = {
      TEST(every_route_survives_every_failed_allocation),
      TEST(every_route_survives_a_few_that_fail),
      TEST(every_route_survives_having_no_more_memory),
      TEST(the_first_request_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
