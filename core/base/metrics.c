#include "base/metrics.h"

#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define METRICS_MAX 256
#define BUCKETS     14
#define SLOTS       (BUCKETS + 2) /* one per bucket, +Inf, sum; others use the first */
#define SUM         (BUCKETS + 1)

static const struct {
  int64_t us;
  const char *text;
} buckets[BUCKETS] = {
    {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},
    {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},
    {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"},
    {5000000, "5"},   {10000000, "10"},
};

struct metric {
  enum cg_metric_kind kind;
  char *name, *labels, *help;
};

typedef _Atomic int64_t slot;

struct cg_metrics {
  uint32_t n_workers;
  _Atomic int n; /* one thread registers, while the log's may count already */
  struct metric items[METRICS_MAX];
  slot *slots[]; /* per worker, METRICS_MAX * SLOTS */
};

struct cg_metrics *cg_metrics_new(uint32_t n_workers) {
  struct cg_metrics *m = cg_alloc(sizeof *m + n_workers * sizeof m->slots[0]);
  if (!m) return NULL;
  m->n_workers = n_workers;
  for (uint32_t w = 0; w < n_workers; w++) {
    m->slots[w] = cg_alloc(sizeof(slot) * METRICS_MAX * SLOTS);
    if (m->slots[w]) continue;
    cg_metrics_free(m);
    return NULL;
  }
  return m;
}

static void metric_done(struct metric *it) {
  cg_free(it->name);
  cg_free(it->labels);
  cg_free(it->help);
}

void cg_metrics_free(struct cg_metrics *m) {
  if (!m) return;
  for (int i = 0; i < m->n; i++) metric_done(&m->items[i]);
  for (uint32_t w = 0; w < m->n_workers; w++) cg_free(m->slots[w]);
  cg_free(m);
}

static bool name_ok(const char *name) {
  size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return n && n <= 100 && !name[n] && !(name[0] >= '0' && name[0] <= '9');
}

/* The id that it has, -1: none yet, -2: its name is another kind's. */
static int find(const struct cg_metrics *m, enum cg_metric_kind kind, const char *name,
                const char *labels) {
  for (int i = 0; i < m->n; i++) {
    const struct metric *it = &m->items[i];
    if (strcmp(it->name, name)) continue;
    if (it->kind != kind) return -2;
    if (!strcmp(it->labels, labels)) return i;
  }
  return -1;
}

int cg_metric(struct cg_metrics *m, enum cg_metric_kind kind, const char *name,
              const char *labels, const char *help) {
  if (!name_ok(name) || strpbrk(labels, "\n{}")) return -1;
  int id = find(m, kind, name, labels);
  if (id >= 0) return id;
  if (id == -2 || m->n == METRICS_MAX) return -1;
  struct metric it = {kind, cg_strdup(name), cg_strdup(labels), cg_strdup(help)};
  if (!it.name || !it.labels || !it.help) {
    metric_done(&it);
    return -1;
  }
  m->items[m->n] = it;
  return m->n++;
}

static slot *slots_of(const struct cg_metrics *m, uint32_t worker, int id) {
  CG_CHECK(worker < m->n_workers && id < m->n);
  return m->slots[worker] + (size_t)id * SLOTS;
}

void cg_metric_add(struct cg_metrics *m, uint32_t worker, int id, int64_t n) {
  if (id < 0) return;
  atomic_fetch_add_explicit(slots_of(m, worker, id), n, memory_order_relaxed);
}

void cg_metric_observe_us(struct cg_metrics *m, uint32_t worker, int id, int64_t us) {
  if (id < 0) return;
  int i = 0;
  while (i < BUCKETS && us > buckets[i].us) i++;
  slot *s = slots_of(m, worker, id);
  atomic_fetch_add_explicit(&s[i], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&s[SUM], us, memory_order_relaxed);
}

static int64_t slot_sum(const struct cg_metrics *m, int id, int from, int to) {
  int64_t sum = 0;
  for (uint32_t w = 0; w < m->n_workers; w++)
    for (int i = from; i < to; i++)
      sum += atomic_load_explicit(slots_of(m, w, id) + i, memory_order_relaxed);
  return sum;
}

int64_t cg_metric_sum(const struct cg_metrics *m, int id) {
  if (id < 0) return 0;
  return slot_sum(m, id, 0, m->items[id].kind == CG_HISTOGRAM ? SUM : 1);
}

static void render_head(const struct metric *it, struct cg_buf *out) {
  static const char *const kinds[] = {"counter", "gauge", "histogram"};
  cg_buf_printf(out, "# HELP camgate_%s ", it->name);
  for (const char *p = it->help; *p; p++) {
    if (*p == '\n')
      cg_buf_puts(out, "\\n");
    else
      cg_buf_add(out, *p == '\\' ? "\\\\" : p, *p == '\\' ? 2 : 1);
  }
  cg_buf_printf(out, "\n# TYPE camgate_%s %s\n", it->name, kinds[it->kind]);
}

static void render_histogram(const struct cg_metrics *m, int id, struct cg_buf *out) {
  const struct metric *it = &m->items[id];
  const char *comma = *it->labels ? "," : "";
  const char *open = *it->labels ? "{" : "", *close = *it->labels ? "}" : "";
  int64_t sum_us = slot_sum(m, id, SUM, SUM + 1), n = 0;
  for (int i = 0; i <= BUCKETS; i++) {
    n += slot_sum(m, id, i, i + 1);
    cg_buf_printf(out, "camgate_%s_bucket{%s%sle=\"%s\"} %lld\n", it->name, it->labels,
                  comma, i < BUCKETS ? buckets[i].text : "+Inf", (long long)n);
  }
  cg_buf_printf(out, "camgate_%s_sum%s%s%s %lld.%06lld\n", it->name, open, it->labels,
                close, (long long)(sum_us / 1000000), (long long)(sum_us % 1000000));
  cg_buf_printf(out, "camgate_%s_count%s%s%s %lld\n", it->name, open, it->labels, close,
                (long long)n);
}

static void render_one(const struct cg_metrics *m, int id, struct cg_buf *out) {
  const struct metric *it = &m->items[id];
  if (it->kind == CG_HISTOGRAM) {
    render_histogram(m, id, out);
    return;
  }
  cg_buf_printf(out, "camgate_%s%s%s%s %lld\n", it->name, *it->labels ? "{" : "",
                it->labels, *it->labels ? "}" : "", (long long)cg_metric_sum(m, id));
}

static int first_of_name(const struct cg_metrics *m, int id) {
  int i = 0;
  while (strcmp(m->items[i].name, m->items[id].name)) i++;
  return i;
}

/* All series of one name stand together, as the format wants. */
void cg_metrics_render(const struct cg_metrics *m, struct cg_buf *out) {
  for (int i = 0; i < m->n; i++) {
    if (first_of_name(m, i) != i) continue;
    render_head(&m->items[i], out);
    for (int j = i; j < m->n; j++)
      if (first_of_name(m, j) == i) render_one(m, j, out);
  }
}
