#include "conf/conf.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/meant.h"
#include "conf/conf_lists.h"
#include "conf/conf_lua.h"
#include "conf/conf_path.h"
#include "conf/conf_table.h"
#include "conf/conf_twice.h"
#include "conf/credentials.h"

#define WORKERS_AUTO_MAX 16

struct reading {
  struct cg_conf *conf;
  struct cg_conf_values values;
  struct cg_arena *arena;
  struct cg_field_errors *errs; /* conf's */
  json_t *root;
};

static void wrong(struct reading *r, const char *pointer, const char *text) {
  cg_field_error(r->errs, r->arena, pointer, "%s", text);
}

static const char *path_of(struct reading *r, const char *path) {
  return cg_conf_path(r->conf->dir, path, r->arena);
}

/* ---- the file ---- */

static void warn_if_open(struct reading *r) {
  struct stat st;
  if (!stat(r->conf->path, &st) && (st.st_mode & S_IWOTH))
    cg_field_error(&r->conf->warnings, r->arena, "",
                   "everybody on this host may change it (mode %04o)",
                   (unsigned)st.st_mode & 07777);
}

static bool find_file(struct reading *r, const char *path) {
  char real[PATH_MAX];
  const char *words = NULL;
  size_t n;
  r->conf->shown = cg_arena_utf8(r->arena, path);
  if (!realpath(path, real)) {
    wrong(r, "", errno == ENOENT ? "no such file" : strerror(errno));
    return false;
  }
  r->conf->path = cg_arena_strdup(r->arena, real);
  *strrchr(real, '/') = 0;
  r->conf->dir = cg_arena_strdup(r->arena, real[0] ? real : "/");
  r->conf->source = cg_conf_slurp(r->conf->path, r->arena, &n, &words);
  CG_CHECK(r->conf->shown && r->conf->path && r->conf->dir);
  if (r->conf->source && !(words = cg_file_mark(r->conf->source, n)) &&
      strlen(r->conf->source) != n)
    words = "holds a NUL byte";
  if (words) wrong(r, "", words);
  warn_if_open(r);
  return !words;
}

/* policies = "folder" is policies = { dir = "folder" }. */
static void spell_out(json_t *root) {
  json_t *policies = json_object_get(root, "policies");
  if (json_is_string(policies))
    json_object_set_new(root, "policies", json_pack("{sO}", "dir", policies));
}

static void check_table(struct reading *r) {
  json_t *tiers = json_object_get(r->root, "tiers");
  json_t *plugins = json_object_get(r->root, "plugins");
  cg_conf_tiers(tiers, &r->conf->lease.tiers, r->arena, r->errs);
  cg_conf_plugins(plugins, &r->conf->plugin_names, &r->conf->plugin_options, r->arena,
                  r->errs);
  json_t *sites = json_incref(json_object_get(r->root, "sites"));
  json_object_del(r->root, "tiers");
  json_object_del(r->root, "plugins");
  json_object_del(r->root, "sites");
  spell_out(r->root);
  cg_conf_lists(cg_conf_fields, r->root);
  r->values = cg_conf_defaults;
  bool ok = cg_schema_check(cg_conf_fields, r->root, "", &r->values, r->arena, r->errs);
  (void)ok; /* errs has it */
  cg_conf_zones(r->values.policies.zone, sites, &r->conf->zones, r->arena, r->errs);
  json_decref(sites);
}

/* ---- values as ours ---- */

static int64_t cpus(void) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1 ? 1 : n > WORKERS_AUTO_MAX ? WORKERS_AUTO_MAX : n;
}

static const char *host_name(struct cg_arena *arena) {
  char name[256];
  if (gethostname(name, sizeof name)) name[0] = 0;
  name[sizeof name - 1] = 0;
  return cg_arena_strdup(arena, name[0] ? name : "camgate");
}

static void take_plain(struct cg_conf *c, const struct cg_conf_values *v) {
  c->listen_addresses = v->listen_addresses;
  c->admin_addresses = v->admin_addresses;
  c->port = v->port;
  c->admin_port = v->admin_port;
  c->workers = v->workers ? v->workers : cpus();
  c->log_level = v->log_level;
  c->drain_s = v->drain_s;
  c->node = v->node ? v->node : host_name(c->arena);
  c->limits = (struct cg_policy_limits){
      .lua = {.memory_bytes = (uint64_t)v->limits.memory_mib << 20,
              .instructions = (uint64_t)v->limits.instructions,
              .burst_cpu_us = (uint32_t)v->limits.resume_ms * 1000,
              .cpu_us = (uint32_t)v->limits.decide_ms * 1000},
      .awaits = (uint32_t)v->limits.awaits,
  };
  c->deadlines =
      (struct cg_deadlines){(uint32_t)v->deadlines.cameras, (uint32_t)v->deadlines.quota,
                            (uint32_t)v->deadlines.room,    (uint32_t)v->deadlines.ice,
                            (uint32_t)v->deadlines.audit,   (uint32_t)v->deadlines.query};
}

static void take_lease(struct cg_lease_conf *g, const struct cg_conf_values *v) {
  g->beat_s = v->lease.beat_s;
  g->lapse_s = v->lease.lapse_s;
  g->lease_s = v->lease.longest_s;
  g->token_s = v->lease.token_s;
  g->leases_max = v->lease.max;
  g->arena_bytes = v->lease.arena_kib << 10;
}

static void take_http(struct cg_server_limits *h, const struct cg_conf_values *v) {
  *h = (struct cg_server_limits){
      .message = {.max_head = (uint32_t)v->http.head_bytes,
                  .max_headers = (uint32_t)v->http.headers,
                  .max_body = (uint32_t)v->http.body_bytes},
      .header_us = v->http.header_s * 1000000,
      .body_us = v->http.body_s * 1000000,
      .idle_us = v->http.idle_s * 1000000,
      .write_us = v->http.write_s * 1000000,
      .linger_us = v->http.linger_s * 1000000,
      .write_least = (size_t)v->http.write_least,
      .connections = (uint32_t)v->http.connections,
      .connections_per_address = (uint32_t)v->http.per_address,
      .in_flight = (uint32_t)v->http.in_flight,
  };
}

static void take_paths(struct reading *r) {
  static const char *const policies[] = {"policies", "../policies", NULL};
  static const char *const plugins[] = {"plugins", "../lib*/camgate/plugins",
                                        "../lib/*/camgate/plugins", "plugins", NULL};
  struct cg_conf *c = r->conf;
  const struct cg_conf_values *v = &r->values;
  c->policies = v->policies.dir ? path_of(r, v->policies.dir)
                                : cg_conf_first(c->dir, policies, r->arena);
  bool checkout = !access(path_of(r, "../policies"), F_OK);
  c->state_dir = path_of(r, v->state_dir ? v->state_dir
                            : checkout   ? "../state"
                                         : "../../var/lib/camgate");
  c->plugin_dir = v->plugin_dir
                      ? path_of(r, v->plugin_dir)
                      : cg_conf_first(cg_conf_binary_dir(r->arena), plugins, r->arena);
}

static const char *file_of(struct reading *r, const char *path) {
  return path ? path_of(r, path) : NULL;
}

static void take_tls(struct reading *r) {
  static const char *const words[] = {
      [CG_CLIENT_CERT_NONE] = "none",
      [CG_CLIENT_CERT_OPTIONAL] = "optional",
      [CG_CLIENT_CERT_REQUIRED] = "required",
  };
  const struct cg_conf_values *v = &r->values;
  const char *asked = v->tls.client_cert ? v->tls.client_cert
                      : v->tls.client_ca ? "required"
                                         : "none";
  struct cg_tls_conf *t = &r->conf->tls;
  *t = (struct cg_tls_conf){.cert = file_of(r, v->tls.cert),
                            .key = file_of(r, v->tls.key),
                            .client_ca = file_of(r, v->tls.client_ca)};
  while (strcmp(words[t->client_cert], asked)) t->client_cert++;
  if (!t->cert && (t->key || t->client_ca || v->tls.client_cert))
    wrong(r, t->key ? "/listen/tls/key" : "/listen/tls", "needs the cert beside it");
  if (!t->cert || t->key) return;
  wrong(r, "/listen/tls/cert", "needs the key beside it");
  t->cert = NULL;
}

static void take_access(struct reading *r) {
  const struct cg_conf_values *v = &r->values;
  struct cg_conf *c = r->conf;
  c->listen_access = (struct cg_access){
      cg_conf_nets(&v->listen.allow, "/listen/allow", r->arena, r->errs),
      cg_conf_nets(&v->listen.deny, "/listen/deny", r->arena, r->errs),
      cg_conf_nets(&v->listen.proxies, "/listen/trusted_proxies", r->arena, r->errs),
  };
  c->admin_access = (struct cg_access){
      cg_conf_nets(&v->admin.allow, "/admin/allow", r->arena, r->errs),
      cg_conf_nets(&v->admin.deny, "/admin/deny", r->arena, r->errs),
      {NULL, 0},
  };
  c->cors = cg_conf_cors(&v->http.cors_origins, "/http/cors/origins", r->arena, r->errs);
}

static void take_jwks(struct reading *r) {
  const struct cg_conf_values *v = &r->values;
  struct cg_conf *c = r->conf;
  bool url = v->jwt.jwks && strstr(v->jwt.jwks, "://");
  struct cg_err err;
  if (!url) c->jwks_file = file_of(r, v->jwt.jwks);
  c->jwks = (struct cg_jwks_conf){.url = url ? v->jwt.jwks : NULL,
                                  .ca_file = file_of(r, v->jwt.jwks_ca),
                                  .refresh_us = v->jwt.jwks_refresh_s * 1000000,
                                  .least_us = v->jwt.jwks_least_s * 1000000};
  c->auth.published = v->jwt.jwks;
  if (url && !cg_jwks_url_ok(c->jwks.url, &err)) wrong(r, "/jwt/jwks", err.text);
  if (c->jwks.ca_file && !url)
    wrong(r, "/jwt/jwks_ca", "is for a jwks that is an https URL");
  else if (c->jwks.ca_file && !cg_tls_authorities(c->jwks.ca_file, &err))
    wrong(r, "/jwt/jwks_ca", err.text);
  if (v->jwt.jwks_least_s > v->jwt.jwks_refresh_s)
    wrong(r, "/jwt/jwks_least_s", "must not be more than jwt.jwks_refresh_s");
}

static void take_jwt(struct reading *r) {
  const struct cg_conf_values *v = &r->values;
  struct cg_auth_conf *a = &r->conf->auth;
  const char *words = NULL;
  size_t n;
  *a = (struct cg_auth_conf){
      .secret = v->jwt.secret,
      .key_id = v->jwt.key_id,
      .issuer = v->jwt.issuer,
      .audience = v->jwt.audience,
      .roles_claim = v->jwt.roles_claim,
      .sites_claim = v->jwt.sites_claim,
      .leeway_s = v->jwt.leeway_s,
      .cache_entries = (uint32_t)v->jwt.cache_entries,
  };
  take_jwks(r);
  if (!v->jwt.public_key) return;
  a->public_key_pem = cg_conf_slurp(path_of(r, v->jwt.public_key), r->arena, &n, &words);
  if (!a->public_key_pem) wrong(r, "/jwt/public_key", words);
}

/* ---- together ---- */

static void check_keys(struct reading *r) {
  struct cg_auth_conf plain = r->conf->auth;
  struct cg_err err;
  plain.cache_entries = 0;
  if (!plain.secret && !plain.public_key_pem) return;
  struct cg_auth *auth = cg_auth_new(&plain, &err);
  if (!auth) wrong(r, plain.public_key_pem ? "/jwt/public_key" : "/jwt/secret", err.text);
  cg_auth_free(auth);
}

static void check_files(struct reading *r, const struct cg_tls_conf *tls,
                        const char *jwks_file) {
  struct cg_credentials credentials;
  struct cg_err err;
  const char *option;
  if (!cg_credentials_read(tls, jwks_file, &credentials, &option, &err))
    wrong(r, option, err.text);
  cg_credentials_free(&credentials);
}

/* The files that a start and every reload reads. */
static void check_credentials(struct reading *r) {
  const struct cg_tls_conf plain = {.cert = NULL};
  check_files(r, &r->conf->tls, NULL);
  check_files(r, &plain, r->conf->jwks_file);
}

/* Of what the file says: a default that is longer than the lease ends with it. */
static void within_lease(struct reading *r, const char *pointer, int64_t s) {
  const json_t *lease = json_object_get(r->root, "lease");
  const char *name = strrchr(pointer, '/') + 1;
  if (json_object_get(lease, name) && s > r->conf->lease.lease_s)
    wrong(r, pointer, "must not be more than lease.longest_s");
}

static void check_lease(struct reading *r) {
  const struct cg_lease_conf *l = &r->conf->lease;
  if (l->beat_s >= l->lapse_s)
    wrong(r, "/lease/beat_s", "must be less than lease.lapse_s");
  within_lease(r, "/lease/lapse_s", l->lapse_s);
  within_lease(r, "/lease/token_s", l->token_s);
}

static void check_together(struct reading *r) {
  const struct cg_conf *c = r->conf;
  check_lease(r);
  if (c->limits.lua.burst_cpu_us > c->limits.lua.cpu_us)
    wrong(r, "/limits/resume_ms", "must not be more than limits.decide_ms");
  if (c->port && c->port == c->admin_port)
    wrong(r, "/admin/port", "must be another port than listen.port");
  if (c->http.connections_per_address > c->http.connections)
    wrong(r, "/http/per_address", "must not be more than http.connections");
  check_keys(r);
  check_credentials(r);
}

/* The development secret, as far as there is one already. */
static void take_dev_secret(struct reading *r) {
  struct cg_conf *c = r->conf;
  struct cg_err err;
  if (c->auth.secret || c->auth.public_key_pem || c->auth.published) return;
  c->auth.secret = cg_conf_dev_secret(c->state_dir, false, r->arena, &err);
  c->dev_secret = true;
  check_keys(r);
}

static void read_all(struct reading *r, const char *path) {
  if (!find_file(r, path)) return;
  struct cg_conf *c = r->conf;
  struct cg_conf_lua in = {c->dir, c->source, strlen(c->source), &c->warnings};
  struct cg_conf_asked asked = {.n = 0};
  cg_conf_twice(c->source, r->arena, r->errs);
  r->root = cg_conf_lua_run(&in, &asked, r->arena, r->errs);
  if (!r->root) return;
  check_table(r);
  take_plain(c, &r->values);
  take_lease(&c->lease, &r->values);
  take_http(&c->http, &r->values);
  take_paths(r);
  take_tls(r);
  take_access(r);
  take_jwt(r);
  check_together(r);
  if (!r->errs->n) take_dev_secret(r);
  cg_conf_env_unread(&asked, r->arena, &c->warnings);
  c->whole = true;
}

/* "/jwt/secret" -> "jwt.secret: words" */
static const char *in_words(const struct cg_field_error *e, struct cg_arena *arena) {
  if (e->pointer[0] != '/') return e->text;
  char *text = cg_arena_printf(arena, "%s: %s", e->pointer + 1, e->text);
  size_t n = text ? strlen(e->pointer + 1) : 0;
  for (size_t i = 0; i < n; i++)
    if (text[i] == '/') text[i] = '.';
  return text ? text : e->text;
}

void cg_conf_add(struct cg_conf_problems *out, const char *where, const char *text) {
  if (out->n < CG_CONF_PROBLEMS_MAX)
    out->items[out->n++] = (struct cg_conf_problem){where, text};
  else
    out->more++;
}

void cg_conf_tell(const struct cg_conf *conf, const struct cg_field_errors *errs,
                  struct cg_conf_problems *out) {
  for (size_t i = 0; i < errs->n && i < CG_FIELD_ERRORS_MAX; i++) {
    const struct cg_field_error *e = &errs->items[i];
    cg_conf_add(out, cg_conf_where(conf, e->pointer, conf->arena),
                in_words(e, conf->arena));
  }
  if (errs->n > CG_FIELD_ERRORS_MAX) out->more += errs->n - CG_FIELD_ERRORS_MAX;
}

/* "FILE:12": FILE first, then the number. */
static int by_place(const void *a, const void *b) {
  const struct cg_conf_problem *x = a, *y = b;
  const char *i = strrchr(x->where, ':'), *j = strrchr(y->where, ':');
  size_t n = i ? (size_t)(i - x->where) : strlen(x->where);
  size_t m = j ? (size_t)(j - y->where) : strlen(y->where);
  int order = strncmp(x->where, y->where, n < m ? n : m);
  if (!order) order = (n > m) - (n < m);
  long at = i ? strtol(i + 1, NULL, 10) : 0, other = j ? strtol(j + 1, NULL, 10) : 0;
  if (!order) order = (at > other) - (at < other);
  return order ? order : strcmp(x->text, y->text);
}

void cg_conf_sort(struct cg_conf_problems *problems) {
  qsort(problems->items, problems->n, sizeof problems->items[0], by_place);
}

struct cg_conf *cg_conf_read(const char *path, struct cg_arena *arena) {
  struct reading *r = cg_arena_zalloc(arena, sizeof *r);
  struct cg_conf *conf = cg_arena_zalloc(arena, sizeof *conf);
  CG_CHECK(r && conf);
  conf->arena = arena;
  r->conf = conf;
  r->arena = arena;
  r->errs = &conf->errs;
  read_all(r, path);
  json_decref(r->root);
  return conf;
}

bool cg_conf_own(struct cg_conf *c) {
  struct reading r = {.conf = c, .arena = c->arena, .errs = &c->errs};
  struct cg_err err;
  if (!cg_conf_make_dir(c->state_dir, &err)) {
    wrong(&r, "/state_dir", err.text);
  } else if (c->dev_secret) {
    c->auth.secret = cg_conf_dev_secret(c->state_dir, true, c->arena, &err);
    if (c->auth.secret)
      check_keys(&r);
    else
      wrong(&r, "/jwt/secret", err.text);
  }
  return !c->errs.n;
}

void cg_conf_free(struct cg_conf *conf) {
  if (!conf) return;
  json_decref(conf->plugin_options);
  cg_arena_free(conf->arena, NULL);
}
