#include "plugin/health.h"

static void ask_next(struct cg_health_round *r);

static void answered(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct cg_health_round *r = arg;
  struct cgp_health away = {.size = sizeof away, .ok = false, .text = text};
  r->each(r->arg, r->nth++, code == CGP_OK ? result : &away);
  r->answered = true;
  if (!r->looping) ask_next(r);
}

/* An answer that comes at once is not waited for, nor does it deepen the stack. */
static void ask_next(struct cg_health_round *r) {
  r->looping = true;
  do {
    if (r->nth == r->n) {
      r->over(r->arg);
      return;
    }
    r->answered = false;
    cg_drivers_health(r->drivers, r->nth, answered, r);
  } while (r->answered);
  r->looping = false;
}

void cg_health_ask(struct cg_health_round *r) {
  r->nth = 0;
  r->looping = false;
  ask_next(r);
}
