#include "box.h"

#include <string.h>

bool aud_box_open(struct aud_box *box, struct cgp_host *host,
                  const struct aud_metrics *metrics) {
  memset(box, 0, sizeof *box);
  box->host = host;
  box->metrics = *metrics;
  box->last = &box->first;
  return pthread_mutex_init(&box->lock, NULL) == 0;
}

static struct aud_reply *take_all(struct aud_box *box, struct aud_tally *tally) {
  (void)pthread_mutex_lock(&box->lock);
  struct aud_reply *chain = box->first;
  box->first = NULL;
  box->last = &box->first;
  box->woken = false;
  *tally = box->tally;
  box->tally = (struct aud_tally){0};
  (void)pthread_mutex_unlock(&box->lock);
  return chain;
}

static void finish_all(struct aud_reply *chain, struct cgp_host *h) {
  while (chain) {
    struct aud_reply *next = chain->next;
    chain->finish(chain, h);
    chain = next;
  }
}

static void count(struct cgp_host *h, int metric, int64_t n) {
  if (n != 0) h->metric_add(h, metric, n);
}

void aud_box_deliver(struct aud_box *box) {
  struct aud_tally tally;
  struct aud_reply *chain = take_all(box, &tally);
  count(box->host, box->metrics.rows, tally.rows);
  count(box->host, box->metrics.commits, tally.commits);
  count(box->host, box->metrics.failures, tally.failures);
  count(box->host, box->metrics.queue, -tally.answered);
  finish_all(chain, box->host);
}

static void deliver(void *arg) {
  aud_box_deliver(arg);
}

static void not_woken(struct aud_box *box) {
  (void)pthread_mutex_lock(&box->lock);
  box->woken = false;
  (void)pthread_mutex_unlock(&box->lock);
}

void aud_box_put(struct aud_box *box, struct aud_reply *chain,
                 const struct aud_tally *tally) {
  (void)pthread_mutex_lock(&box->lock);
  *box->last = chain;
  while (*box->last) box->last = &(*box->last)->next;
  if (tally) {
    box->tally.rows += tally->rows;
    box->tally.commits += tally->commits;
    box->tally.failures += tally->failures;
    box->tally.answered += tally->answered;
  }
  bool wake = !box->woken;
  box->woken = true;
  (void)pthread_mutex_unlock(&box->lock);
  if (wake && !box->host->post(box->host, deliver, box)) not_woken(box);
}

void aud_box_close(struct aud_box *box) {
  struct aud_tally tally;
  finish_all(take_all(box, &tally), NULL);
  (void)pthread_mutex_destroy(&box->lock);
}
