#include "lease/harness.h"

#define QUIET_TURNS 8
#define STEP_US     (50 * INT64_C(1000))

uint64_t harness_calls(const struct harness *h) {
  uint64_t n = 0;
  for (int op = 0; op < STUB_OPS; op++) n += h->stub->n[op];
  return n;
}

/* Turns until so many in a row asked nothing of the stub. */
void harness_run(struct harness *h) {
  uint64_t before = harness_calls(h);
  for (int quiet = 0; quiet < QUIET_TURNS; quiet++) {
    cg_loop_turn(h->loop);
    if (harness_calls(h) != before) quiet = -1;
    before = harness_calls(h);
  }
}

/* In small steps, so that what is due on the way happens on the way. */
void harness_pass(struct harness *h, int64_t us) {
  while (us > 0) {
    int64_t step = us < STEP_US ? us : STEP_US;
    h->clock.fake_wall_us += step;
    h->clock.fake_mono_us += step;
    us -= step;
    harness_run(h);
  }
}

/* A policy of one file; the caller's reference. */
struct cg_policy *harness_policy(const struct harness *h, const char *body) {
  char dir[FOLDER_PATH], text[4096];
  struct cg_err err = {0};
  struct cg_field_errors errs = {.n = 0};
  struct cg_policy_env env = {.tiers = &cg_tiers_default,
                              .limits = {{32 << 20, 1000000, 20000, 50000}, 32},
                              .log = h->log};
  struct cg_arena *arena = cg_arena_new(NULL, 256 << 10);
  snprintf(text, sizeof text, "return { name = 'p', decide = function(req)\n%s\nend }\n",
           body);
  folder_make(dir);
  folder_write(dir, "p.lua", text, strlen(text));
  const struct cg_bundle *bundle = cg_bundle_read(dir, &err);
  assert_non_null(bundle);
  struct cg_policy *p = cg_policy_new(bundle, &env, arena, &errs);
  if (!p) fail_msg("%s", errs.items[0].text);
  cg_bundle_unref(bundle);
  folder_remove(dir);
  cg_arena_free(arena, NULL);
  return p;
}

static void harness_plugins(struct harness *h) {
  h->stub = calloc(1, sizeof *h->stub);
  h->stub->no_lists = true;
  h->env = (struct cg_plugins_env){.node = "test",
                                   .log = h->log,
                                   .metrics = h->metrics,
                                   .clock = &h->clock,
                                   .n_workers = 1};
  struct cg_host *host = cg_host_new("stub", &h->env, NULL);
  assert_non_null(host);
  h->plugin = (struct cg_plugin){.abi = &stub_plugin,
                                 .name = "stub",
                                 .path = "",
                                 .self = h->stub,
                                 .host = &host->abi};
  h->set = (struct cg_plugins){.items = &h->plugin,
                               .n = 1,
                               .cameras = &h->plugin,
                               .quota = &h->plugin,
                               .room = &h->plugin,
                               .ice = &h->plugin,
                               .audit = &h->plugin};
}

static void harness_service(struct harness *h, const char *policy) {
  struct cg_err err = {0};
  const struct cg_auth_conf auth = {.secret = HARNESS_SECRET,
                                    .roles_claim = "roles",
                                    .sites_claim = "sites",
                                    .leeway_s = 30};
  struct cg_drivers_env env = {.set = &h->set,
                               .loop = h->loop,
                               .base = &h->env,
                               .deadlines = {1000, 1000, 1000, 1000, 1000, 1000}};
  h->peers[0] = &h->service;
  h->service = (struct cg_service){.conf = &h->conf,
                                   .metric = &h->metric,
                                   .loop = h->loop,
                                   .log = h->log,
                                   .metrics = h->metrics,
                                   .clock = &h->clock,
                                   .teller = &h->teller,
                                   .pool = cg_arena_pool_new(),
                                   .peers = h->peers,
                                   .n_workers = 1};
  h->service.auth = cg_auth_new(&auth, &err);
  h->service.drivers = cg_drivers_start(&env, &err);
  h->service.policy = harness_policy(h, policy);
  if (!h->service.auth || !h->service.drivers || !cg_service_open(&h->service, &err))
    fail_msg("%s", err.text);
}

void harness_open(struct harness *h, const char *policy) {
  struct cg_err err = {0};
  memset(h, 0, sizeof *h);
  h->clock = cg_clock_fake(HARNESS_NOW);
  cg_teller_init(&h->teller, &h->clock);
  h->loop = cg_loop_new_on(&h->clock, &err);
  h->logged = tmpfile();
  h->log = cg_log_new(fileno(h->logged), CG_DEBUG, &h->clock);
  h->metrics = cg_metrics_new(1);
  h->metric = cg_lease_metrics_register(h->metrics);
  h->conf = (struct cg_lease_conf){.tiers = cg_tiers_default,
                                   .beat_s = 20,
                                   .lapse_s = 60,
                                   .lease_s = 3600,
                                   .token_s = 3600,
                                   .leases_max = 100000,
                                   .arena_bytes = 256 << 10};
  harness_plugins(h);
  harness_service(h, policy);
}

/* An active lease of the top tier, watched, without a row; no reference. */
struct cg_lease *harness_lease(struct harness *h, const char *subject,
                               const char *camera) {
  struct cg_service *g = &h->service;
  struct cg_subject who = {.id = subject, .name = ""};
  int64_t now = cg_service_wall(g), mono = cg_service_mono(g);
  struct cg_id id = cg_id_new(&g->ids, now, cg_home_of(subject));
  struct cg_lease *l = cg_lease_new(g->leases, id.text, &who, camera, "", "");
  assert_non_null(l);
  l->owner = g;
  l->state = CG_LEASE_ACTIVE;
  l->tier = l->requested = g->conf->tiers.n - 1;
  l->granted_us = now;
  l->granted_mono_us = mono;
  l->ends_mono_us = mono + g->conf->lease_s * SECOND;
  l->expires_mono_us = mono + g->conf->lapse_s * SECOND;
  cg_lease_room(&g->conf->tiers, camera, l->tier, l->room);
  cg_metric_add(g->metrics, 0, g->metric->live, 1);
  cg_lease_watch(g, l);
  cg_lease_unref(l);
  return l;
}

/* Lines logged so far that hold the text. */
size_t harness_lines(struct harness *h, const char *text) {
  char line[8192];
  size_t n = 0;
  rewind(h->logged);
  while (fgets(line, sizeof line, h->logged)) n += strstr(line, text) != NULL;
  fseek(h->logged, 0, SEEK_END);
  return n;
}

void harness_close(struct harness *h) {
  struct cg_service *s = &h->service;
  cg_gaps_stop(s->gaps);
  cg_drivers_free(s->drivers);
  cg_service_close(s);
  cg_policy_unref(s->policy);
  cg_auth_free(s->auth);
  cg_loop_free(h->loop);
  cg_arena_pool_free(s->pool);
  cg_host_free(CG_CONTAINER(h->plugin.host, struct cg_host, abi));
  for (size_t i = 0; i < h->stub->n_rows; i++) free(h->stub->rows[i].facts);
  for (size_t i = 0; i < h->stub->n_pending; i++) free(h->stub->pending[i].facts);
  free(h->stub);
  cg_metrics_free(h->metrics);
  cg_log_free(h->log);
  fclose(h->logged);
}
