#include "gate/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "gate/stand_in.h"

#define LONG_US INT64_C(1000000)

struct seat {
  struct cg_pulse pulse;
  int64_t told_us; /* when the op began that was told of last */
  bool hung;
};

struct cg_watch {
  struct cg_workers *workers;
  struct cg_timer timer;
  struct cg_stand_in *stand_in;
  int64_t end_us;      /* mono: who hangs from then on is not waited for; 0: is */
  struct seat seats[]; /* by worker */
};

static const char *inside(const struct cg_watch *w, uint32_t i, int64_t *ret_us) {
  return cg_drivers_inside(w->workers->all[i]->service.drivers, ret_us);
}

static void name_plugin(struct cg_watch *w, uint32_t i, int64_t now) {
  struct seat *s = &w->seats[i];
  int64_t since;
  const char *plugin = inside(w, i, &since);
  if (!plugin || now - since < LONG_US || since == s->told_us) return;
  s->told_us = since;
  CG_LOG(w->workers->log, CG_ERROR,
         "plugin holds its worker, which serves nobody meanwhile", {"plugin", plugin, 0},
         {"worker", NULL, i}, {"dur_ms", NULL, (now - since) / 1000});
}

static int64_t still_us(const struct cg_watch *w, uint32_t worker) {
  return cg_pulse_still_us(&w->seats[worker].pulse);
}

static void judge(struct cg_watch *w, uint32_t i, int64_t us) {
  struct seat *s = &w->seats[i];
  bool hung = us >= CG_HUNG_US;
  if (hung == s->hung) return;
  s->hung = hung;
  cg_metric_add(w->workers->metrics, i, w->workers->hung_metric, hung ? 1 : -1);
  CG_LOG(w->workers->log, hung ? CG_ERROR : CG_WARN,
         hung ? "worker hangs" : "worker goes on after it hung", {"worker", NULL, i});
}

static void end_without(struct cg_watch *w) {
  char words[128];
  if (!cg_watch_hung(w, CG_HUNG_US, words, sizeof words)) return;
  CG_LOG(w->workers->log, CG_ERROR, "the gate ends without a worker that hangs",
         {"error", words});
  cg_log_hurry(w->workers->log);
  _exit(EXIT_FAILURE);
}

static void look(void *arg) {
  struct cg_watch *w = arg;
  int64_t now = cg_clock_system.mono_us(&cg_clock_system);
  for (uint32_t i = 0; i < w->workers->n; i++) {
    judge(w, i, cg_pulse_look(&w->seats[i].pulse));
    name_plugin(w, i, now);
  }
  cg_stand_in_serve(w->stand_in, still_us(w, 0) >= CG_HUNG_US);
  if (w->end_us && now >= w->end_us) end_without(w);
  cg_timer_start(&w->timer, w->workers->main, CG_PULSE_US, look, w);
}

struct cg_watch *cg_watch_new(struct cg_workers *workers, struct cg_err *err) {
  struct cg_watch *w = cg_alloc(sizeof *w + workers->n * sizeof w->seats[0]);
  if (w) {
    w->workers = workers;
    w->stand_in = cg_stand_in_new(workers, &workers->all[0]->admin_sockets);
    for (uint32_t i = 0; i < workers->n; i++)
      w->seats[i].pulse.of = workers->all[i]->loop;
    cg_timer_start(&w->timer, workers->main, CG_PULSE_US, look, w);
    if (w->stand_in) return w;
  }
  cg_watch_free(w);
  cg_fail(err, CG_E_MEMORY, "no memory to watch the workers");
  return NULL;
}

void cg_watch_free(struct cg_watch *w) {
  if (!w) return;
  cg_timer_stop(&w->timer);
  cg_stand_in_free(w->stand_in);
  cg_free(w);
}

void cg_watch_end_in(struct cg_watch *w, int64_t us) {
  w->end_us = cg_clock_system.mono_us(&cg_clock_system) + us;
}

bool cg_watch_hung(const struct cg_watch *w, int64_t us, char *out, size_t n) {
  uint32_t worst = 0;
  int64_t since, main_us = cg_pulse_still_us(&w->workers->all[0]->main);
  if (main_us >= CG_DEAD_US) {
    snprintf(out, n, "the main thread has not turned its loop for %lld s",
             (long long)(main_us / 1000000));
    return true;
  }
  for (uint32_t i = 1; i < w->workers->n; i++)
    if (still_us(w, i) > still_us(w, worst)) worst = i;
  int64_t still = still_us(w, worst);
  if (still < us) return false;
  const char *plugin = inside(w, worst, &since);
  snprintf(out, n, "worker %u has served nobody for %lld s%s%s", worst,
           (long long)(still / 1000000), plugin ? ", in plugin " : "",
           plugin ? plugin : "");
  return true;
}

bool cg_watch_able(const struct cg_watch *w, char *out, size_t n) {
  if (cg_watch_hung(w, CG_HUNG_US, out, n)) return false;
  for (uint32_t i = 0; i < w->workers->n; i++) {
    if (!atomic_load(&w->workers->all[i]->probe.keyless)) continue;
    snprintf(out, n, "worker %u has no keys to check tokens yet", i);
    return false;
  }
  return true;
}
