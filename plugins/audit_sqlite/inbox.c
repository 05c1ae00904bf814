#include "inbox.h"

#include <string.h>

bool aud_inbox_open(struct aud_inbox *inbox, struct cgp_host *host,
                    const struct aud_metrics *metrics) {
  memset(inbox, 0, sizeof *inbox);
  inbox->host = host;
  inbox->metrics = *metrics;
  inbox->last = &inbox->first;
  return pthread_mutex_init(&inbox->lock, NULL) == 0;
}

static struct aud_reply *take_all(struct aud_inbox *inbox, struct aud_tally *tally) {
  (void)pthread_mutex_lock(&inbox->lock);
  struct aud_reply *chain = inbox->first;
  inbox->first = NULL;
  inbox->last = &inbox->first;
  inbox->woken = false;
  *tally = inbox->tally;
  inbox->tally = (struct aud_tally){0};
  (void)pthread_mutex_unlock(&inbox->lock);
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

void aud_inbox_deliver(struct aud_inbox *inbox) {
  struct aud_tally tally;
  struct aud_reply *chain = take_all(inbox, &tally);
  count(inbox->host, inbox->metrics.rows, tally.rows);
  count(inbox->host, inbox->metrics.commits, tally.commits);
  count(inbox->host, inbox->metrics.failures, tally.failures);
  count(inbox->host, inbox->metrics.queue, -tally.answered);
  finish_all(chain, inbox->host);
}

static void deliver(void *arg) {
  aud_inbox_deliver(arg);
}

static void not_woken(struct aud_inbox *inbox) {
  (void)pthread_mutex_lock(&inbox->lock);
  inbox->woken = false;
  (void)pthread_mutex_unlock(&inbox->lock);
}

void aud_inbox_put(struct aud_inbox *inbox, struct aud_reply *chain,
                   const struct aud_tally *tally) {
  (void)pthread_mutex_lock(&inbox->lock);
  *inbox->last = chain;
  while (*inbox->last) inbox->last = &(*inbox->last)->next;
  if (tally) {
    inbox->tally.rows += tally->rows;
    inbox->tally.commits += tally->commits;
    inbox->tally.failures += tally->failures;
    inbox->tally.answered += tally->answered;
  }
  bool wake = !inbox->woken;
  inbox->woken = true;
  (void)pthread_mutex_unlock(&inbox->lock);
  if (wake && !inbox->host->post(inbox->host, deliver, inbox)) not_woken(inbox);
}

void aud_inbox_close(struct aud_inbox *inbox) {
  struct aud_tally tally;
  finish_all(take_all(inbox, &tally), NULL);
  (void)pthread_mutex_destroy(&inbox->lock);
}
