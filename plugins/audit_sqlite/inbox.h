/* inbox.h - answers of the writer and the reader, on their way to a worker's thread.
 *
 * Each worker has one inbox.  The two threads put finished replies into it; the first one
 * posts one wake-up to the worker's loop, so a commit wakes each worker once however many
 * rows it had; a wake-up that could not be posted is tried again by the next one.  There
 * every reply is finished: its call is completed, its memory freed.  Lock order: an
 * inbox's lock is a leaf. */
#ifndef AUD_INBOX_H
#define AUD_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "camgate_plugin.h"

struct aud_inbox;

struct aud_reply {
  struct aud_reply *next;
  struct aud_inbox *inbox;
  struct cgp_call call;
  /* on the worker's thread: complete the call and free the reply; h NULL: only free */
  void (*finish)(struct aud_reply *r, struct cgp_host *h);
};

/* Counted by the writer, told to the metrics by the worker. */
struct aud_tally {
  int64_t rows, commits, failures, answered;
};

struct aud_metrics {
  int rows, commits, failures, queue;
};

struct aud_inbox {
  struct cgp_host *host;
  struct aud_metrics metrics;
  pthread_mutex_t lock;
  struct aud_reply *first, **last;
  bool woken; /* a wake-up is on its way */
  struct aud_tally tally;
  int64_t in_flight; /* rows the writer still has; under the writer's lock */
  /* the writer's alone: replies of the batch that it is sorting by worker */
  struct aud_reply *staged, **staged_last;
  struct aud_tally staged_tally;
  struct aud_inbox *next_staged;
};

bool aud_inbox_open(struct aud_inbox *inbox, struct cgp_host *host,
                    const struct aud_metrics *metrics);
/* Frees the replies in it, their calls uncompleted; no thread puts any more. */
void aud_inbox_close(struct aud_inbox *inbox);

/* Finishes the replies in it, as the wake-up does.  Its worker's thread. */
void aud_inbox_deliver(struct aud_inbox *inbox);

/* A chain of replies, all of this inbox; any thread.  tally may be NULL. */
void aud_inbox_put(struct aud_inbox *inbox, struct aud_reply *chain,
                   const struct aud_tally *tally);

#endif
