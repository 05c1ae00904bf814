#include "cli/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "cli/mint.h"
#include "http/tls.h"
#include "plugin/fetch.h"

#define PATIENCE_MS 10000
#define TOKEN_TTL_S 3600
#define REPLY_MAX   ((uint32_t)16 << 20)
#define URL_MAX     512

struct asking {
  struct cg_loop *loop;
  struct cg_remote_reply *reply;
  struct cg_err *err;
  bool ok;
};

static void answered(void *arg, const struct cgp_fetched *got) {
  struct asking *a = arg;
  struct cg_err unreadable;
  a->ok = got->code == CGP_OK;
  if (a->ok) {
    a->reply->status = got->status;
    a->reply->body =
        got->body_len ? cg_json_parse(got->body, got->body_len, &unreadable) : NULL;
  } else {
    cg_fail(a->err, CG_E_UNAVAILABLE, "no gate answers: %s", got->error);
  }
  cg_loop_stop(a->loop);
}

/* The gate's own certificate is the one to be met. */
struct own {
  struct cg_fetch_trust trust;
  char pin[CG_TLS_PIN];
};

/* Where a listener on every address is found from here. */
static const char *reachable(const char *address) {
  if (strcmp(address, "0.0.0.0") == 0) return "127.0.0.1";
  return strcmp(address, "::") == 0 ? "::1" : address;
}

static const char *set_in_env(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

static char *own_token(const struct cg_conf *conf) {
  const char *given = set_in_env("CAMGATE_TOKEN");
  if (given) return cg_strdup(given);
  json_t *claims =
      json_pack("{s:s, s:[s]}", "sub", "camgate-cli", conf->auth.roles_claim, "admin");
  char *token = claims ? cg_mint(conf, claims, TOKEN_TTL_S) : NULL;
  json_decref(claims);
  return token;
}

static bool trust_own(const struct cg_conf *conf, struct own *own, struct cg_err *err) {
  own->trust = (struct cg_fetch_trust){.pin = own->pin,
                                       .cert = set_in_env("CAMGATE_CLIENT_CERT"),
                                       .key = set_in_env("CAMGATE_CLIENT_KEY")};
  return !conf->tls.cert || cg_tls_pin(conf->tls.cert, own->pin, err);
}

static bool ask(const struct cg_conf *conf, const char *method, const char *path,
                const char *token, struct asking *a) {
  char url[URL_MAX];
  struct own own;
  if (!trust_own(conf, &own, a->err)) return false;
  const char *host = reachable(conf->listen_addresses.items[0]);
  bool v6 = strchr(host, ':');
  snprintf(url, sizeof url, "%s://%s%s%s:%d%s", conf->tls.cert ? "https" : "http",
           v6 ? "[" : "", host, v6 ? "]" : "", (int)conf->port, path);
  char *header = cg_arena_printf(conf->arena, "Authorization: Bearer %s", token);
  struct cg_fetcher *fetcher = cg_fetcher_new(a->loop);
  if (!header || !fetcher) {
    cg_fetcher_free(fetcher);
    return cg_fail(a->err, CG_E_MEMORY, "out of memory");
  }
  if (conf->tls.cert) cg_fetcher_trust(fetcher, &own.trust);
  const struct cgp_fetch fetch = {.size = sizeof fetch,
                                  .method = method,
                                  .url = url,
                                  .headers = (const char *const[]){header},
                                  .n_headers = 1,
                                  .timeout_ms = PATIENCE_MS,
                                  .max_reply = REPLY_MAX};
  cg_fetch(fetcher, &fetch, answered, a);
  cg_loop_run(a->loop);
  cg_fetcher_free(fetcher);
  return a->ok;
}

bool cg_remote_call(const struct cg_conf *conf, const char *method, const char *path,
                    struct cg_remote_reply *ret, struct cg_err *err) {
  *ret = (struct cg_remote_reply){0};
  char *token = own_token(conf);
  if (!token) return cg_fail(err, CG_E_INVALID, "no token: set CAMGATE_TOKEN");
  struct asking a = {.loop = cg_loop_new(err), .reply = ret, .err = err};
  bool ok = a.loop && ask(conf, method, path, token, &a);
  cg_loop_free(a.loop);
  cg_free_secret(token);
  return ok;
}
