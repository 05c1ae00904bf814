/* policy eval: the policies' answer to one question, without a gate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/identity.h"
#include "cli/cmd.h"
#include "cli/cmd_opts.h"
#include "cli/offline.h"
#include "grant/camera.h"
#include "grant/explain.h"

#define OUT_MAX ((size_t)1 << 20)

struct question {
  const char *camera, *sub, *name, *quality, *purpose, *at, *ip, *claims;
  struct cg_cmd_list roles, sites, usages;
};

struct eval {
  const struct cg_cmd_env *env;
  const struct cg_conf *conf;
  struct cg_offline cameras;
  struct cg_offline_usages usages;
  struct cg_log *log;
  struct cg_policy *policy;
  const struct cg_camera *camera;
  const struct cg_verdict *verdict;
  struct cg_identity *who;
  bool asked, decided;
  struct cg_err err;
};

/* ---- what is asked about ---- */

static void got_camera(void *arg, enum cgp_code code, const void *result,
                       const char *text) {
  struct eval *e = arg;
  if (code == CGP_OK)
    e->camera = cg_camera_copy(e->conf->arena, result);
  else
    cg_fail(&e->err, cg_code_of(code), "%s", text);
  e->asked = true;
}

static bool find_camera(struct eval *e, const char *id) {
  if (!cg_offline_open(&e->cameras, e->conf, CG_OFFLINE_CAMERAS, &e->err)) return false;
  cg_cameras_get(e->cameras.drivers, id, got_camera, e);
  cg_offline_wait(&e->cameras, &e->asked);
  if (e->err.code == CG_E_NOT_FOUND)
    return cg_fail(&e->err, CG_E_NOT_FOUND, "there is no camera \"%.63s\"", id);
  return e->camera != NULL;
}

/* "user:alice=4" */
static bool read_usages(struct eval *e, const struct cg_cmd_list *given) {
  for (size_t i = 0; i < given->n; i++) {
    const char *equals = strrchr(given->items[i], '=');
    int64_t n;
    if (!equals || !cg_cmd_number(equals + 1, 0, INT64_MAX, &n))
      return cg_fail(&e->err, CG_E_INVALID, "--usage %.80s: must be SCOPE=NUMBER",
                     given->items[i]);
    char *scope = cg_arena_strndup(e->conf->arena, given->items[i],
                                   (size_t)(equals - given->items[i]));
    CG_CHECK(scope);
    e->usages.items[e->usages.n++] = (struct cg_offline_usage){scope, (uint64_t)n};
  }
  return true;
}

static void set_list(json_t *claims, const char *name, const struct cg_cmd_list *list) {
  json_t *array = list->n ? json_array() : NULL;
  for (size_t i = 0; i < list->n; i++)
    json_array_append_new(array, json_string(list->items[i]));
  if (array) json_object_set_new(claims, name, array);
}

/* As of a token with these claims. */
static bool read_person(struct eval *e, const struct question *q) {
  const struct cg_auth_conf *a = &e->conf->auth;
  json_t *claims =
      q->claims ? cg_json_parse(q->claims, strlen(q->claims), &e->err) : json_object();
  if (!claims) return false;
  if (json_is_object(claims)) {
    json_object_set_new(claims, "sub", json_string(q->sub));
    if (q->name) json_object_set_new(claims, "name", json_string(q->name));
    set_list(claims, a->roles_claim, &q->roles);
    set_list(claims, a->sites_claim, &q->sites);
    e->who = cg_identity_new(claims, a->roles_claim, a->sites_claim, &e->err);
  } else {
    cg_fail(&e->err, CG_E_INVALID, "--claims must be a JSON object");
  }
  json_decref(claims);
  return e->who != NULL;
}

static bool read_ask(struct eval *e, const struct question *q, struct cg_ask *ask) {
  ask->now_us = cg_clock_system.wall_us(&cg_clock_system);
  ask->quality =
      q->quality ? cg_tier_find(&e->conf->lease.tiers, q->quality) : CG_TIER_NONE;
  if (q->quality && ask->quality == CG_TIER_NONE)
    return cg_fail(&e->err, CG_E_INVALID, "there is no quality \"%.31s\"", q->quality);
  if (q->at && !cg_time_parse(q->at, &ask->now_us))
    return cg_fail(&e->err, CG_E_INVALID,
                   "--at must be a time as 2026-01-31T08:00:00+01:00 (RFC 3339)");
  return read_person(e, q) && read_usages(e, &q->usages);
}

/* ---- the answer ---- */

/* "Mon 2026-11-23T11:00:00+01:00, Europe/Berlin" */
static void tell_time(const struct cg_verdict *v) {
  static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  char text[CG_LOCAL_TEXT];
  cg_local_text(&v->local, text);
  printf("local time %s %s, %s\n", days[v->local.weekday - 1], text, v->zone);
}

static void tell_table(const struct eval *e, const struct cg_ask *ask) {
  const struct cg_verdict *v = e->verdict;
  const struct cg_tiers *tiers = &e->conf->lease.tiers;
  if (v->allow)
    printf("allow at %s\n", cg_tier_name(tiers, cg_explain_quality(v, ask->quality)));
  else
    printf("deny: %s\n", v->reason);
  if (*v->rule) printf("decided by %s, %s:%d\n", v->rule, v->file, v->line);
  for (size_t i = 0; i < v->n_scopes; i++)
    printf("takes from %s, limit %llu%s\n", v->scopes[i].name,
           (unsigned long long)v->scopes[i].limit, v->scopes[i].weighted ? " kbps" : "");
  if (*v->zone) tell_time(v);
  putchar('\n');
  for (size_t i = 0; i < v->n_words; i++) {
    const struct cg_word *w = &v->words[i];
    cg_cmd_cell(w->policy, 22);
    cg_cmd_cell(cg_word_name(w->kind), 7);
    printf("%s:%d ", w->file, w->line);
    if (w->max != CG_TIER_NONE) printf(" max %s", cg_tier_name(tiers, w->max));
    if (w->ttl_s) printf(" ttl %llds", (long long)w->ttl_s);
    if (w->not_utf8) fputs(" (a text of it is not UTF-8)", stdout);
    cg_cmd_cell(*w->reason ? " " : "", 0);
    cg_cmd_cell(w->reason, 0);
    putchar('\n');
  }
}

static void tell_json(const struct eval *e, const struct cg_ask *ask) {
  struct cg_buf out;
  cg_buf_init(&out, OUT_MAX);
  cg_explain_json(&out, e->verdict, ask, &e->conf->lease.tiers,
                  cg_policy_revision(e->policy));
  puts(cg_buf_text(&out));
  cg_buf_done(&out);
}

static void decided(void *arg, const struct cg_verdict *v) {
  struct eval *e = arg;
  e->verdict = v;
  e->decided = true;
}

static bool compile(struct eval *e) {
  struct cg_conf_problems problems = {.n = 0};
  e->policy = cg_offline_policy(e->conf, &e->usages, e->log, &problems);
  for (size_t i = 0; i < problems.n; i++)
    fprintf(stderr, "%s: %s\n", problems.items[i].where, problems.items[i].text);
  return e->policy || cg_fail(&e->err, CG_E_INVALID, "the policies are not in order");
}

static bool ask_policies(struct eval *e, const struct question *q) {
  struct cg_subject subject;
  struct cg_ask ask = {.subject = &subject,
                       .camera = e->camera,
                       .purpose = q->purpose ? q->purpose : "",
                       .explain = true};
  if (!read_ask(e, q, &ask)) return false;
  subject = *cg_identity_subject(e->who);
  subject.ip = q->ip ? q->ip : "127.0.0.1";
  cg_policy_decide(e->policy, &ask, e->conf->arena, decided, e);
  CG_CHECK(e->decided); /* nothing here waits */
  if (e->env->json)
    tell_json(e, &ask);
  else
    tell_table(e, &ask);
  return true;
}

static int eval(const struct cg_cmd_env *env, const struct cg_conf *conf,
                const struct question *q) {
  struct eval e = {.env = env, .conf = conf};
  int code = CG_EXIT_USAGE;
  e.log = cg_log_new(2, CG_WARN, &cg_clock_system);
  if (find_camera(&e, q->camera) && compile(&e) && ask_policies(&e, q))
    code = e.verdict->allow ? CG_EXIT_OK : CG_EXIT_FINDING;
  else
    fprintf(stderr, "camgate policy eval: %s\n", e.err.text);
  cg_policy_unref(e.policy);
  cg_offline_close(&e.cameras);
  cg_identity_unref(e.who);
  cg_log_free(e.log);
  return code;
}

int cg_cmd_policy_eval(const struct cg_cmd_env *env, int argc, char **argv) {
  struct question q = {0};
  const struct cg_cmd_opt opts[] = {
      {"--camera", CG_OPT_TEXT, &q.camera, "Id of the camera asked for."},
      {"--sub", CG_OPT_TEXT, &q.sub, "Who asks."},
      {"--name", CG_OPT_TEXT, &q.name, "Their name."},
      {"--role", CG_OPT_LIST, &q.roles, "A role they have."},
      {"--site", CG_OPT_LIST, &q.sites, "A site they belong to."},
      {"--claims", CG_OPT_TEXT, &q.claims, "Further claims, a JSON object."},
      {"--ip", CG_OPT_TEXT, &q.ip, "Their address; 127.0.0.1."},
      {"--quality", CG_OPT_TEXT, &q.quality, "The tier asked for; the best."},
      {"--purpose", CG_OPT_TEXT, &q.purpose, "What they say it is for."},
      {"--at", CG_OPT_TEXT, &q.at, "When, RFC 3339; now."},
      {"--usage", CG_OPT_LIST, &q.usages, "What usage() answers, SCOPE=NUMBER; 0."},
      {0}};
  int code = cg_cmd_opts("policy eval", opts, argc, argv);
  if (code != CG_CMD_GO) return code;
  if (!q.camera || !q.sub)
    return cg_cmd_usage("policy eval", "--camera and --sub are needed");
  struct cg_conf *conf = cg_cmd_conf(env, CG_CONF_LOOK);
  if (!conf) return CG_EXIT_USAGE;
  code = eval(env, conf, &q);
  cg_conf_free(conf);
  return code;
}
