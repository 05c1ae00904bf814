#include "twirp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_TOKEN_S 600
#define ROOM_TOKEN_S    60
#define REPLY_BYTES     (2 * 1024 * 1024)
#define BEARER          "Authorization: Bearer "

/* Lives until freed and the last transfer is back. */
struct twirp {
  struct cgp_host *host;
  struct twirp_config config;
  size_t in_flight;
  bool freed;
  int64_t service_until_s;
  char service[sizeof BEARER + TOKEN_BYTES];
};

struct transfer {
  struct twirp *twirp;
  const char *method;
  twirp_fn *fn;
  void *arg;
};

struct twirp *twirp_new(struct cgp_host *h, const struct twirp_config *config) {
  struct twirp *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->host = h;
  t->config = *config;
  return t;
}

static void drop_when_idle(struct twirp *t) {
  if (t->freed && t->in_flight == 0) free(t);
}

void twirp_free(struct twirp *t) {
  if (!t) return;
  t->freed = true;
  drop_when_idle(t);
}

static bool bearer(struct twirp *t, const char *room, int64_t now_s, int64_t until_s,
                   char out[sizeof BEARER + TOKEN_BYTES]) {
  const size_t n = sizeof BEARER - 1;
  memcpy(out, BEARER, n);
  return token_service(t->config.signer, t->config.key, room, now_s, until_s, out + n) >
         0;
}

/* The header for this request: the kept one, or one in buf.  NULL: cannot be made. */
static const char *authorization(struct twirp *t, const char *room, char *buf) {
  int64_t now = t->host->wall_us(t->host) / 1000000;
  if (room) return bearer(t, room, now, now + ROOM_TOKEN_S, buf) ? buf : NULL;
  int64_t left = t->service_until_s - now;
  if (left > SERVICE_TOKEN_S / 2 && left <= SERVICE_TOKEN_S) return t->service;
  if (!bearer(t, NULL, now, now + SERVICE_TOKEN_S, t->service)) return NULL;
  t->service_until_s = now + SERVICE_TOKEN_S;
  return t->service;
}

/* What a peer wrote, fit for a log line. */
static void tame(char *to, size_t size, const char *from) {
  size_t n = 0;
  for (; from && from[n] && n + 1 < size; n++) {
    to[n] =
        (unsigned char)from[n] < 0x20 || (unsigned char)from[n] > 0x7e ? '?' : from[n];
  }
  to[n] = '\0';
}

static enum cgp_code code_of(unsigned status, bool twirp_error) {
  if (status == 404 && twirp_error) return CGP_E_NOTFOUND;
  if (status == 400 && twirp_error) return CGP_E_INVALID;
  if (status >= 500 || status == 429 || status == 401 || status == 403) {
    return CGP_E_UNAVAILABLE;
  }
  return CGP_E_INTERNAL;
}

/* LiveKit tells of a key or a signature that it does not know in plain text. */
static const char *unsaid(unsigned status) {
  return status == 401 ? "api_key or api_secret is not as LiveKit has it"
                       : "not an answer of LiveKit";
}

static void judge_refusal(const struct cgp_fetched *got, const json_t *root,
                          struct twirp_answer *a, char *why, size_t size) {
  const char *code = json_string_value(json_object_get(root, "code"));
  const char *msg = json_string_value(json_object_get(root, "msg"));
  char tamed[160];
  a->not_found = got->status == 404 && code && strcmp(code, "not_found") == 0;
  a->code = code_of(got->status, code && (got->status != 404 || a->not_found));
  tame(tamed, sizeof tamed, msg ? msg : code ? code : unsaid(got->status));
  snprintf(why, size, "status %u: %s", (unsigned)got->status, tamed);
}

/* Fills a; text must hold a's words. */
static void judge(const struct transfer *x, const struct cgp_fetched *got, json_t *root,
                  struct twirp_answer *a, char *text, size_t size) {
  char why[256];
  *a = (struct twirp_answer){.code = CGP_OK, .body = root, .text = ""};
  if (got->code == CGP_OK && got->status == 200 && json_is_object(root)) return;
  a->body = NULL;
  if (got->code != CGP_OK) {
    a->code = got->code;
    snprintf(why, sizeof why, "%s", got->error ? got->error : "no answer");
  } else if (got->status == 200) {
    a->code = CGP_E_INTERNAL;
    snprintf(why, sizeof why, "status 200 with a body that is not a JSON object");
  } else {
    judge_refusal(got, root, a, why, sizeof why);
  }
  snprintf(text, size, "livekit %s: %s: %s", x->twirp->config.base, x->method, why);
  a->text = text;
}

static void count(struct twirp *t, int metric) {
  if (metric >= 0) t->host->metric_add(t->host, metric, 1);
}

static void arrived(void *arg, const struct cgp_fetched *got) {
  struct transfer x = *(struct transfer *)arg;
  free(arg);
  x.twirp->in_flight--;
  if (!x.twirp->freed) {
    char text[512];
    struct twirp_answer a;
    json_t *root = NULL;
    if (got->code == CGP_OK && got->body) {
      root = json_loadb(got->body, got->body_len, JSON_REJECT_DUPLICATES, NULL);
    }
    judge(&x, got, root, &a, text, sizeof text);
    if (a.code != CGP_OK && !a.not_found) count(x.twirp, x.twirp->config.failed);
    x.twirp->in_flight++; /* the callback may free the client */
    x.fn(x.arg, &a);
    x.twirp->in_flight--;
    json_decref(root);
  }
  drop_when_idle(x.twirp);
}

bool twirp_call(struct twirp *t, struct cgp_call call, const char *method,
                const char *room, const char *body, twirp_fn *fn, void *arg) {
  char url[1024], made[sizeof BEARER + TOKEN_BYTES];
  const char *auth = authorization(t, room, made);
  struct transfer *x = auth ? malloc(sizeof *x) : NULL;
  int n = snprintf(url, sizeof url, "%s/twirp/livekit.RoomService/%s", t->config.base,
                   method);
  if (!x || n < 0 || (size_t)n >= sizeof url) {
    free(x);
    return false;
  }
  *x = (struct transfer){t, method, fn, arg};
  const char *const headers[] = {"Content-Type: application/json", auth};
  const struct cgp_fetch f = {
      .size = sizeof f,
      .call = call,
      .method = "POST",
      .url = url,
      .headers = headers,
      .n_headers = 2,
      .body = body,
      .body_len = strlen(body),
      .timeout_ms = t->config.timeout_ms,
      .max_reply = REPLY_BYTES,
  };
  t->in_flight++;
  count(t, t->config.sent);
  t->host->fetch(t->host, &f, arrived, x);
  return true;
}
