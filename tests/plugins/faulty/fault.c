/* Which op fails how: orders that come over the plugin's http route. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "faulty.h"

#define OPS_MAX 24

static const char *const hows[] = {
    [FAULTY_FAIL] = "fail",
    [FAULTY_FAIL_LATER] = "fail-later",
    [FAULTY_FAIL_AFTER] = "fail-after",
    [FAULTY_NOTFOUND] = "notfound",
    [FAULTY_INVALID] = "invalid",
    [FAULTY_SILENT] = "silent",
    [FAULTY_SILENT_AFTER] = "silent-after",
    [FAULTY_LATE] = "late",
    [FAULTY_SLOW] = "slow",
    [FAULTY_NULL] = "null",
    [FAULTY_ODD] = "odd",
    [FAULTY_HANG] = "hang",
};

struct order {
  char op[32];
  enum faulty_how how;
  int times;
  long calls;
};

static struct {
  pthread_mutex_t lock;
  struct order ops[OPS_MAX];
} orders = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The op's order, made if there is none; NULL: too many.  Under the lock. */
static struct order *order_of(const char *op) {
  struct order *o = orders.ops;
  while (o < orders.ops + OPS_MAX && *o->op && strcmp(o->op, op) != 0) o++;
  if (o == orders.ops + OPS_MAX) return NULL;
  snprintf(o->op, sizeof o->op, "%s", op);
  return o;
}

enum faulty_how faulty_order(const char *op) {
  enum faulty_how how = FAULTY_NOT;
  pthread_mutex_lock(&orders.lock);
  struct order *o = order_of(op);
  if (o) o->calls++;
  if (o && o->times > 0) {
    o->times--;
    how = o->how;
  }
  pthread_mutex_unlock(&orders.lock);
  return how;
}

static bool take(const char *text) {
  char op[32], how[32];
  int times, at = FAULTY_FAIL;
  if (sscanf(text, "%31s %31s %d", op, how, &times) != 3) return false;
  while (at <= FAULTY_HANG && strcmp(hows[at], how) != 0) at++;
  if (at > FAULTY_HANG) return false;
  pthread_mutex_lock(&orders.lock);
  struct order *o = order_of(op);
  if (o) {
    o->how = (enum faulty_how)at;
    o->times = times;
  }
  pthread_mutex_unlock(&orders.lock);
  return o;
}

static size_t tell(char *out, size_t size) {
  size_t n = 0;
  pthread_mutex_lock(&orders.lock);
  for (int i = 0; i < OPS_MAX && *orders.ops[i].op; i++)
    n += (size_t)snprintf(out + n, size - n, "%s %ld\n", orders.ops[i].op,
                          orders.ops[i].calls);
  pthread_mutex_unlock(&orders.lock);
  return n;
}

void faulty_route(void *w, const struct cgp_http_request *req, struct cgp_call call) {
  char text[OPS_MAX * 64];
  struct cgp_host *h = faulty_host();
  struct cgp_http_reply r = {
      .size = sizeof r, .status = 200, .content_type = "text/plain", .body = text};
  (void)w;
  if (strcmp(req->method, "GET") == 0)
    r.body_len = tell(text, sizeof text);
  else
    r = CGP_MAKE(cgp_http_reply, .status = take(req->body) ? 204 : 400);
  h->done(h, call, &r);
}
