#include "auth/jwks_source.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "auth/jwks.h"
#include "base/addr.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "plugin/fetch.h"

#define TIMEOUT_MS 3000
#define RETRY_US   (30 * INT64_C(1000000))
#define MISSED_US  (60 * INT64_C(1000000))
#define MISSED_MAX 64
#define NEVER      INT64_MIN

struct missed {
  unsigned char digest[32]; /* of the kid */
  int64_t until_us;         /* 0: free */
};

struct cg_jwks_source {
  struct cg_jwks_env env;
  struct cg_fetch_trust trust;
  struct cg_fetcher *fetcher;
  struct cg_timer timer;
  int64_t due_us, tried_us, good_us; /* mono; NEVER */
  bool in_flight, first_done, stopping, stale;
  size_t n_keys;
  unsigned char digest[32]; /* of the text the keys are from */
  char why[CG_ERR_TEXT_MAX];
  struct missed missed[MISSED_MAX];
  size_t next_missed;
};

static int64_t now_of(const struct cg_jwks_source *s) {
  return s->env.clock->mono_us(s->env.clock);
}

static void count(struct cg_jwks_source *s, int id, int64_t n) {
  if (s->env.metrics) cg_metric_add(s->env.metrics, s->env.worker, id, n);
}

struct cg_jwks_metrics cg_jwks_metrics_register(struct cg_metrics *m) {
  static const char help[] = "Fetches of the issuer's key set, by outcome.";
  return (struct cg_jwks_metrics){
      .ok = cg_metric(m, CG_COUNTER, "jwks_refreshes_total", "outcome=\"ok\"", help),
      .failed =
          cg_metric(m, CG_COUNTER, "jwks_refreshes_total", "outcome=\"error\"", help),
      .stale = cg_metric(m, CG_GAUGE, "jwks_stale", "",
                         "Workers whose last fetch of the key set failed."),
  };
}

/* ---- one fetch ---- */

static void fetch(void *arg);

static void fetch_at(struct cg_jwks_source *s, int64_t at_us) {
  int64_t now = now_of(s), wait = at_us > now ? at_us - now : 0;
  s->due_us = at_us;
  cg_timer_start(&s->timer, s->env.loop, wait, fetch, s);
}

static void mark(struct cg_jwks_source *s, bool stale) {
  count(s, stale ? s->env.metric->failed : s->env.metric->ok, 1);
  count(s, s->env.metric->stale, stale - s->stale);
  s->stale = stale;
}

static void failed(struct cg_jwks_source *s, const char *why) {
  int64_t wait = RETRY_US;
  if (wait > s->env.conf->refresh_us) wait = s->env.conf->refresh_us;
  if (wait < s->env.conf->least_us) wait = s->env.conf->least_us;
  cg_utf8_copy(s->why, sizeof s->why, why);
  mark(s, true);
  if (s->env.log)
    CG_LOG(s->env.log, CG_WARN, "token keys cannot be refreshed, the old ones stay",
           {"error", s->why});
  fetch_at(s, s->tried_us + wait);
}

static void succeeded(struct cg_jwks_source *s) {
  s->why[0] = '\0';
  s->good_us = now_of(s);
  mark(s, false);
  fetch_at(s, s->tried_us + s->env.conf->refresh_us);
}

/* The same text again changes nothing: remembered tokens stay remembered. */
static bool is_news(struct cg_jwks_source *s, const char *text, size_t n) {
  unsigned char digest[sizeof s->digest] = {0};
  bool known = cg_auth_digest(s->env.auth, text, n, digest) && s->n_keys &&
               !memcmp(digest, s->digest, sizeof digest);
  memcpy(s->digest, digest, sizeof digest);
  return !known;
}

static bool take(struct cg_jwks_source *s, const struct cgp_fetched *got,
                 struct cg_err *err) {
  if (got->code != CGP_OK) return cg_fail(err, CG_E_UNAVAILABLE, "%s", got->error);
  if (got->status != 200)
    return cg_fail(err, CG_E_UNAVAILABLE, "the issuer answers with status %d",
                   got->status);
  struct cg_keys *keys = cg_jwks_read(got->body, got->body_len, err);
  if (!keys) return false;
  if (!is_news(s, got->body, got->body_len)) {
    cg_keys_free(keys);
    return true;
  }
  s->n_keys = cg_keys_count(keys);
  cg_auth_publish(s->env.auth, keys);
  if (s->env.log)
    CG_LOG(s->env.log, CG_INFO, "token keys are new",
           {"count", NULL, (int64_t)s->n_keys});
  return true;
}

static void fetched(void *arg, const struct cgp_fetched *got) {
  struct cg_jwks_source *s = arg;
  struct cg_err err = {0};
  s->in_flight = false;
  if (s->stopping) return;
  if (take(s, got, &err))
    succeeded(s);
  else
    failed(s, err.text);
  if (s->first_done) return;
  s->first_done = true;
  s->env.first(s->env.ctx);
}

static void fetch(void *arg) {
  struct cg_jwks_source *s = arg;
  const struct cgp_fetch req = {.size = sizeof req,
                                .method = "GET",
                                .url = s->env.conf->url,
                                .headers = (const char *const[]){"Accept: application/"
                                                                 "jwk-set+json, "
                                                                 "application/json"},
                                .n_headers = 1,
                                .timeout_ms = TIMEOUT_MS,
                                .max_reply = CG_JWKS_MAX};
  cg_timer_stop(&s->timer);
  s->in_flight = true;
  s->tried_us = now_of(s);
  cg_fetch(s->fetcher, &req, fetched, s);
}

/* ---- kids that no key has ---- */

/* Remembers it; true: it was remembered already. */
static bool was_missed(struct cg_jwks_source *s, const char *kid, int64_t now) {
  struct missed *m = s->missed, new = {.until_us = now + MISSED_US};
  if (!cg_auth_digest(s->env.auth, kid, strlen(kid), new.digest)) return true;
  for (size_t i = 0; i < MISSED_MAX; i++)
    if (m[i].until_us > now && !memcmp(m[i].digest, new.digest, sizeof new.digest))
      return true;
  m[s->next_missed] = new;
  s->next_missed = (s->next_missed + 1) % MISSED_MAX;
  return false;
}

static bool on_missed(void *ctx, const char *kid) {
  struct cg_jwks_source *s = ctx;
  int64_t now = now_of(s), soonest = s->tried_us + s->env.conf->least_us;
  if (was_missed(s, kid, now) || s->in_flight) return s->in_flight;
  if (now >= soonest)
    fetch(s);
  else if (s->due_us > soonest)
    fetch_at(s, soonest);
  return s->in_flight;
}

/* ---- life ---- */

struct cg_jwks_source *cg_jwks_source_start(const struct cg_jwks_env *env,
                                            struct cg_err *err) {
  struct cg_jwks_source *s = cg_alloc(sizeof *s);
  if (s) {
    s->env = *env;
    s->good_us = NEVER;
    s->trust.ca_file = env->conf->ca_file;
    s->fetcher = cg_fetcher_new(env->loop);
  }
  if (!s || !s->fetcher) {
    cg_free(s);
    cg_fail(err, CG_E_MEMORY, "no memory to fetch keys");
    return NULL;
  }
  cg_fetcher_trust(s->fetcher, &s->trust);
  cg_auth_on_missed(env->auth, on_missed, s);
  fetch(s);
  return s;
}

void cg_jwks_source_free(struct cg_jwks_source *s) {
  if (!s) return;
  s->stopping = true;
  cg_auth_on_missed(s->env.auth, NULL, NULL);
  cg_timer_stop(&s->timer);
  cg_fetcher_free(s->fetcher);
  cg_free(s);
}

struct cg_jwks_state cg_jwks_source_state(const struct cg_jwks_source *s) {
  struct cg_jwks_state st = {.stale = s->stale, .age_s = -1, .keys = s->n_keys};
  if (s->good_us != NEVER) st.age_s = (now_of(s) - s->good_us) / 1000000;
  snprintf(st.why, sizeof st.why, "%s", s->why);
  return st;
}

/* ---- where from ---- */

static bool is_this_machine(const char *host) {
  static const char *const texts[] = {"127.0.0.0/8", "::1"};
  size_t n = strlen(host);
  struct cg_addr at;
  if (!strcmp(host, "localhost")) return true;
  if (n > 2 && host[0] == '[') {
    host++;
    n -= 2;
  }
  if (!cg_addr_parse(host, n, &at)) return false;
  for (size_t i = 0; i < CG_COUNT(texts); i++) {
    struct cg_net net;
    if (cg_net_parse(texts[i], &net, NULL) &&
        cg_nets_hold(&(struct cg_nets){&net, 1}, &at))
      return true;
  }
  return false;
}

static char *part_of(CURLU *u, CURLUPart what) {
  char *text = NULL;
  return curl_url_get(u, what, &text, 0) == CURLUE_OK ? text : NULL;
}

bool cg_jwks_url_ok(const char *url, struct cg_err *err) {
  CURLU *u = curl_url();
  bool read = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK;
  char *scheme = read ? part_of(u, CURLUPART_SCHEME) : NULL;
  char *host = read ? part_of(u, CURLUPART_HOST) : NULL;
  char *user = read ? part_of(u, CURLUPART_USER) : NULL;
  const char *own = strstr(url, "://"); /* curl takes https:///keys for a host, too */
  bool ok = false;
  if (!scheme || !host || (own && own[3] == '/'))
    cg_fail(err, CG_E_INVALID, "is not a URL");
  else if (user)
    cg_fail(err, CG_E_INVALID, "must not hold a user or password");
  else if (!strcmp(scheme, "http") && !is_this_machine(host))
    cg_fail(err, CG_E_INVALID, "must be https: plain http is for this machine alone");
  else if (strcmp(scheme, "http") && strcmp(scheme, "https"))
    cg_fail(err, CG_E_INVALID, "must be an https URL, or a file's path");
  else
    ok = true;
  curl_free(scheme);
  curl_free(host);
  curl_free(user);
  curl_url_cleanup(u);
  return ok;
}
