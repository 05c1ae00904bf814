/* Calls of the real plugin, completed wrongly, late or never. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faulty.h"

#define HELD_MAX 256

/* A call whose completion by the real plugin is not passed on as it is. */
struct held {
  struct cgp_call call;
  enum faulty_how how;
  struct cgp_host *host;
};

/* One worker's; its thread. */
struct worker {
  struct cgp_host *host;
  void (*done)(struct cgp_host *h, struct cgp_call call, const void *result);
  void (*fail)(struct cgp_host *h, struct cgp_call call, enum cgp_code code,
               const char *fmt, ...) CGP_PRINTF(4, 5);
  struct held held[HELD_MAX];
};
static _Thread_local struct worker me;

struct cgp_host *faulty_host(void) {
  return me.host;
}

static void fail(struct cgp_call call, enum cgp_code code) {
  me.fail(me.host, call, code, "the suite told it to fail");
}

static struct held *held_of(struct cgp_call call) {
  for (int i = 0; i < HELD_MAX; i++)
    if (me.held[i].call.id == call.id) return &me.held[i];
  return NULL;
}

static void hold(struct cgp_call call, enum faulty_how how) {
  struct held *h = held_of((struct cgp_call){0});
  if (!h) abort();
  *h = (struct held){call, how, me.host};
}

static void complete_late(void *arg) {
  struct held *h = arg;
  struct cgp_call call = h->call;
  *h = (struct held){.how = FAULTY_NOT};
  me.done(me.host, call,
          &CGP_MAKE(cgp_audit_appended, 1)); /* or no result, or nonsense */
}

static void fail_later(void *arg) {
  struct held *h = arg;
  struct cgp_call call = h->call;
  *h = (struct held){.how = FAULTY_NOT};
  fail(call, CGP_E_UNAVAILABLE);
}

static void at(struct cgp_call call, uint32_t ms, void (*fn)(void *)) {
  if (!me.host->timer(me.host, ms, fn, held_of(call))) abort();
}

void faulty_stand_still(void) {
  while (access("hold", F_OK) == 0) poll(NULL, 0, 20);
}

bool faulty_begin(const char *op, struct cgp_call call) {
  enum faulty_how how = faulty_order(op);
  switch (how) {
  case FAULTY_NOT: return true;
  case FAULTY_FAIL: fail(call, CGP_E_UNAVAILABLE); return false;
  case FAULTY_NOTFOUND: fail(call, CGP_E_NOTFOUND); return false;
  case FAULTY_INVALID: fail(call, CGP_E_INVALID); return false;
  case FAULTY_SILENT: return false;
  case FAULTY_HANG: faulty_stand_still(); return true;
  default: break;
  }
  hold(call, how);
  if (how == FAULTY_LATE) at(call, FAULTY_LATE_MS, complete_late);
  if (how == FAULTY_SLOW) at(call, FAULTY_SLOW_MS, complete_late);
  if (how == FAULTY_FAIL_LATER) at(call, FAULTY_LATER_MS, fail_later);
  return how != FAULTY_FAIL_LATER;
}

/* The real one has completed a held call. */
static void spoil(struct held *h) {
  static const char zeros[1024];
  struct held was = *h;
  if (was.how == FAULTY_LATE || was.how == FAULTY_SLOW)
    return; /* its timer completes it */
  *h = (struct held){.how = FAULTY_NOT};
  if (was.how == FAULTY_FAIL_AFTER) fail(was.call, CGP_E_UNAVAILABLE);
  if (was.how == FAULTY_NULL) me.done(me.host, was.call, NULL);
  if (was.how == FAULTY_ODD) me.done(me.host, was.call, zeros);
}

static void on_done(struct cgp_host *h, struct cgp_call call, const void *result) {
  struct held *held = held_of(call);
  if (held)
    spoil(held);
  else
    me.done(h, call, result);
}

static void on_fail(struct cgp_host *h, struct cgp_call call, enum cgp_code code,
                    const char *fmt, ...) {
  struct held *held = held_of(call);
  char text[512];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  if (held)
    spoil(held);
  else
    me.fail(h, call, code, "%s", text);
}

void faulty_hosts(struct cgp_host *h) {
  me.host = h;
  me.done = h->done;
  me.fail = h->fail;
  h->done = on_done;
  h->fail = on_fail;
}
