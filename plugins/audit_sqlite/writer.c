#include "writer.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch.h"
#include "index.h"
#include "steady.h"
#include "store.h"

#define HANG_US          900000
#define PROOF_US         2000000 /* so long a commit proves that the next one works */
#define RETRY_FIRST_MS   250
#define RETRY_LAST_MS    5000
#define QUIET_MS         2000   /* nobody comes: do the housekeeping */
#define QUIET_SOON_MS    50     /* the same, when much of it has gathered */
#define BACKLOG_SOON     1024   /* rows not yet in the search tables */
#define BACKLOG_PRESSING 200000 /* ... that would make searches slow: between batches */
#define PRESSING_US      200000 /* and then at most one slice in this time */

struct aud_writer {
  struct aud_writer_conf conf;
  struct aud_chain *chain;
  pthread_t thread;
  struct aud_steady *steady;

  pthread_mutex_t lock; /* over what follows, never held across I/O */
  pthread_cond_t wake, answered;
  struct aud_reply *first, **last; /* groups that wait */
  int64_t waiting;                 /* rows in them, and in `taken` */
  bool ready; /* the first groups need not wait for more of their worker's */
  bool sleeping, stopping, red;
  struct aud_message why; /* while red */
  char red_since[AUD_TIME_LEN + 1];
  int64_t busy_since_us; /* the disk is being asked for something since; 0: it is not */
  int64_t rows, batch_rows;
  int64_t proved_us; /* when a commit last went well */

  /* the thread's own */
  struct aud_store store;
  struct aud_head acked;
  struct aud_reply *taken; /* groups out of the queue, for this batch and the next ones */
  bool quiet, head_unsynced;
  int64_t sliced_us;
};

static int64_t clock_us(clockid_t id) {
  struct timespec ts;
  (void)clock_gettime(id, &ts);
  return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Under the lock.  ms < 0: no end.  false: the time is over. */
static bool wait_for(struct aud_writer *w, int64_t ms) {
  if (ms < 0) return pthread_cond_wait(&w->wake, &w->lock) == 0;
  int64_t end = clock_us(CLOCK_MONOTONIC) + ms * 1000;
  struct timespec ts = {end / 1000000, end % 1000000 * 1000};
  return pthread_cond_timedwait(&w->wake, &w->lock, &ts) != ETIMEDOUT;
}

/* ---- answers, by worker ---- */

static void answer(struct aud_writer *w, struct aud_reply *chain,
                   const struct aud_message *why) {
  struct aud_inbox *inboxes = aud_batch_stage(chain, why);
  if (!inboxes) return;
  inboxes->staged_tally.commits = why ? 0 : 1;
  inboxes->staged_tally.failures = why ? 1 : 0;
  for (struct aud_inbox *inbox = inboxes; inbox; inbox = inbox->next_staged)
    aud_inbox_put(inbox, inbox->staged, &inbox->staged_tally);
  (void)pthread_mutex_lock(&w->lock);
  for (struct aud_inbox *next; inboxes; inboxes = next) {
    next = inboxes->next_staged;
    inboxes->staged = NULL;
    inboxes->in_flight -= inboxes->staged_tally.answered;
  }
  (void)pthread_cond_broadcast(&w->answered);
  (void)pthread_mutex_unlock(&w->lock);
}

/* ---- writing a batch ---- */

/* Under the lock. */
static struct aud_reply *take_queue(struct aud_writer *w) {
  struct aud_reply *chain = w->first;
  w->ready = false;
  w->first = NULL;
  w->last = &w->first;
  return chain;
}

static bool write_batch(struct aud_writer *w, const struct aud_batch *b,
                        struct aud_message *msg) {
  if (!aud_store_unmoved(&w->store, msg) || !aud_store_begin(&w->store, msg))
    return false;
  if (b->rows == 0 && !aud_store_touch(&w->store, msg)) return false;
  for (struct aud_reply *r = b->first; r; r = r->next) {
    struct aud_group *g = (struct aud_group *)r;
    for (size_t i = 0; i < g->n; i++)
      if (!aud_store_add(&w->store, &g->rows[i], msg)) return false;
  }
  return aud_store_commit(&w->store, msg);
}

static void remember_head(struct aud_writer *w) {
  w->acked = w->store.head;
  if (!aud_head_write(w->conf.files, &w->acked) && !w->head_unsynced)
    w->conf.host->log(w->conf.host, CGP_WARN, "%s: %s", w->conf.files->head,
                      strerror(errno));
  w->head_unsynced = true;
}

static void turn_red(struct aud_writer *w, struct aud_reply *batch,
                     const struct aud_message *msg) {
  struct aud_reply **end = &batch;
  while (*end) end = &(*end)->next;
  *end = w->taken;
  w->taken = NULL;
  while (*end) end = &(*end)->next;
  (void)pthread_mutex_lock(&w->lock);
  w->red = true;
  w->why = *msg;
  w->busy_since_us = 0;
  aud_time_format(clock_us(CLOCK_REALTIME), w->red_since);
  *end = take_queue(w);
  w->waiting = 0;
  (void)pthread_mutex_unlock(&w->lock);
  answer(w, batch, msg);
  w->conf.host->log(w->conf.host, CGP_ERROR, "the audit trail is not writable: %s",
                    msg->text);
}

static bool pause_red(struct aud_writer *w, int64_t ms) {
  (void)pthread_mutex_lock(&w->lock);
  while (!w->stopping && wait_for(w, ms)) {
  }
  bool stopping = w->stopping;
  (void)pthread_mutex_unlock(&w->lock);
  return !stopping;
}

static bool try_again(struct aud_writer *w) {
  struct aud_message msg = {""};
  bool open = aud_store_open(&w->store, &w->acked, &msg);
  (void)pthread_mutex_lock(&w->lock);
  bool news = strcmp(w->why.text, msg.text) != 0;
  w->red = !open;
  w->why = msg;
  if (open) w->proved_us = aud_steady_us(w->steady);
  (void)pthread_mutex_unlock(&w->lock);
  if (open)
    w->conf.host->log(
        w->conf.host, CGP_WARN,
        "the audit trail is writable again, %d rows behind its end taken out",
        w->store.taken_out);
  else if (news)
    w->conf.host->log(w->conf.host, CGP_ERROR, "the audit trail: %s", msg.text);
  return open;
}

static void fail_closed(struct aud_writer *w, struct aud_reply *batch,
                        const struct aud_message *msg) {
  turn_red(w, batch, msg);
  aud_store_close(&w->store);
  for (int64_t ms = RETRY_FIRST_MS; pause_red(w, ms) && !try_again(w);)
    ms = ms * 2 < RETRY_LAST_MS ? ms * 2 : RETRY_LAST_MS;
}

static void refuse_late(struct aud_writer *w, struct aud_reply *late) {
  struct aud_message msg;
  if (!late) return;
  (void)aud_say(&msg, "%s: not written, since the disk was busy for too long",
                w->conf.files->db);
  answer(w, late, &msg);
}

static void begin_batch(struct aud_writer *w, struct aud_batch *b) {
  aud_batch_cut(&w->taken, aud_steady_us(w->steady), b);
  (void)pthread_mutex_lock(&w->lock);
  if (b->rows > 0) w->batch_rows = b->rows;
  w->waiting -= b->rows + b->late_rows;
  (void)pthread_mutex_unlock(&w->lock);
  refuse_late(w, b->late);
}

static void do_batch(struct aud_writer *w) {
  struct aud_message msg;
  struct aud_batch b;
  begin_batch(w, &b);
  if (!b.first) return;
  if (!write_batch(w, &b, &msg)) {
    fail_closed(w, b.first, &msg);
    return;
  }
  if (b.rows > 0) remember_head(w);
  (void)pthread_mutex_lock(&w->lock);
  w->rows = w->acked.seq;
  w->proved_us = aud_steady_us(w->steady);
  w->busy_since_us = 0; /* who is answered now may come again at once */
  (void)pthread_mutex_unlock(&w->lock);
  answer(w, b.first, NULL);
}

/* ---- housekeeping ---- */

static void do_duty(struct aud_writer *w) {
  struct aud_message msg;
  if (aud_store_log_full(&w->store)) {
    if (!aud_store_checkpoint(&w->store, &msg)) fail_closed(w, NULL, &msg);
  } else if (aud_index_backlog(&w->store) > 0) {
    w->sliced_us = aud_steady_us(w->steady);
    if (!aud_store_unmoved(&w->store, &msg) || !aud_index_slice(&w->store, &msg))
      fail_closed(w, NULL, &msg);
  } else {
    w->head_unsynced = false;
    if (!aud_head_sync(w->conf.files, &w->acked))
      w->conf.host->log(w->conf.host, CGP_WARN, "%s: %s", w->conf.files->head,
                        strerror(errno));
  }
}

/* How long to wait for rows before doing a duty; 0: not at all, -1: there is none */
static int64_t patience_ms(const struct aud_writer *w) {
  int64_t backlog = w->store.db ? aud_index_backlog(&w->store) : 0;
  if (backlog == 0 && !w->head_unsynced) return -1;
  if (w->quiet) return 0;
  if (backlog >= BACKLOG_PRESSING &&
      aud_steady_us(w->steady) - w->sliced_us >= PRESSING_US)
    return 0;
  return backlog >= BACKLOG_SOON ? QUIET_SOON_MS : QUIET_MS;
}

/* Under the lock. */
static bool has_rows(const struct aud_writer *w) {
  return w->taken || (w->first && (w->ready || w->stopping));
}

enum turn { TURN_ROWS, TURN_DUTY, TURN_STOP };

static enum turn next_turn(struct aud_writer *w) {
  (void)pthread_mutex_lock(&w->lock);
  w->busy_since_us = 0;
  enum turn turn = aud_store_log_full(&w->store) ? TURN_DUTY : TURN_ROWS;
  while (turn == TURN_ROWS && !has_rows(w)) {
    int64_t ms = patience_ms(w);
    if (w->stopping) {
      turn = TURN_STOP;
    } else if (ms == 0) {
      turn = TURN_DUTY;
    } else {
      w->sleeping = true;
      w->quiet = !wait_for(w, ms) && !w->first;
      w->sleeping = false;
    }
  }
  if (turn == TURN_ROWS) {
    w->quiet = false;
    if (!w->taken) w->taken = take_queue(w);
  }
  if (turn != TURN_STOP) w->busy_since_us = aud_steady_us(w->steady);
  (void)pthread_mutex_unlock(&w->lock);
  return turn;
}

static void *run(void *arg) {
  struct aud_writer *w = arg;
  (void)pthread_setname_np(pthread_self(), "audit writer");
  for (;;) {
    switch (next_turn(w)) {
    case TURN_ROWS: do_batch(w); break;
    case TURN_DUTY: do_duty(w); break;
    case TURN_STOP: return NULL;
    }
  }
}

/* ---- start, stop ---- */

static bool make_locks(struct aud_writer *w) {
  pthread_condattr_t attr;
  if (pthread_condattr_init(&attr) != 0) return false;
  bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
            pthread_mutex_init(&w->lock, NULL) == 0 &&
            pthread_cond_init(&w->wake, &attr) == 0 &&
            pthread_cond_init(&w->answered, NULL) == 0;
  (void)pthread_condattr_destroy(&attr);
  return ok;
}

static bool make_thread(struct aud_writer *w) {
  sigset_t all, before;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  bool ok = pthread_create(&w->thread, NULL, run, w) == 0;
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return ok;
}

struct aud_writer *aud_writer_start(const struct aud_writer_conf *conf,
                                    struct aud_message *msg) {
  struct aud_writer *w = calloc(1, sizeof *w);
  (void)aud_say(msg, "out of memory, or of threads");
  if (!w || !make_locks(w)) {
    free(w);
    return NULL;
  }
  w->conf = *conf;
  w->last = &w->first;
  w->steady = aud_steady_new();
  w->chain = w->steady ? aud_chain_new(msg) : NULL;
  w->store.files = conf->files;
  w->store.chain = w->chain;
  if (w->chain && aud_store_open(&w->store, NULL, msg)) {
    w->acked = w->store.head;
    w->rows = w->acked.seq;
    w->proved_us = aud_steady_us(w->steady);
    if (make_thread(w)) return w;
    (void)aud_say(msg, "no thread to be had for the audit writer");
    aud_store_close(&w->store);
  }
  aud_chain_free(w->chain);
  aud_steady_free(w->steady);
  free(w);
  return NULL;
}

void aud_writer_stop(struct aud_writer *w) {
  if (!w) return;
  (void)pthread_mutex_lock(&w->lock);
  w->stopping = true;
  (void)pthread_cond_signal(&w->wake);
  (void)pthread_mutex_unlock(&w->lock);
  (void)pthread_join(w->thread, NULL);
  struct aud_message msg;
  if (w->acked.seq > 0) (void)aud_head_sync(w->conf.files, &w->acked);
  if (w->store.db && !aud_store_settle(&w->store, &msg))
    w->conf.host->log(w->conf.host, CGP_WARN, "%s", msg.text);
  aud_store_close(&w->store);
  aud_chain_free(w->chain);
  aud_steady_free(w->steady);
  (void)pthread_cond_destroy(&w->answered);
  (void)pthread_cond_destroy(&w->wake);
  (void)pthread_mutex_destroy(&w->lock);
  free(w);
}

/* ---- from the workers ---- */

/* Under the lock: why no row may come in now. */
static enum cgp_code refusal(struct aud_writer *w, int64_t rows, int64_t now_us,
                             struct aud_message *msg) {
  int64_t hung_us = w->busy_since_us > 0 ? now_us - w->busy_since_us : 0;
  int64_t waited_us = w->first ? now_us - ((struct aud_group *)w->first)->since_us : 0;
  if (w->red)
    (void)aud_say(msg, "%s, since %s", w->why.text, w->red_since);
  else if (w->stopping)
    (void)aud_say(msg, "the audit trail is being closed");
  else if (hung_us > HANG_US)
    (void)aud_say(msg, "%s: the disk hangs for %lld s", w->conf.files->db,
                  (long long)(hung_us / 1000000));
  else if (waited_us > HANG_US)
    (void)aud_say(msg, "%s: the writer has taken no row for %lld s", w->conf.files->db,
                  (long long)(waited_us / 1000000));
  else if (w->waiting > 0 && w->waiting + rows > w->conf.queue) {
    (void)aud_say(msg, "%lld audit rows wait already", (long long)w->waiting);
    return CGP_E_BUSY;
  } else
    return CGP_OK;
  return CGP_E_UNAVAILABLE;
}

enum cgp_code aud_writer_push(struct aud_writer *w, struct aud_group *g,
                              struct aud_message *msg) {
  int64_t rows = (int64_t)g->n;
  g->since_us = aud_steady_us(w->steady);
  (void)pthread_mutex_lock(&w->lock);
  enum cgp_code code = refusal(w, rows, g->since_us, msg);
  if (code == CGP_OK) {
    g->reply.next = NULL;
    *w->last = &g->reply;
    w->last = &g->reply.next;
    w->waiting += rows;
    g->reply.inbox->in_flight += rows;
  }
  (void)pthread_mutex_unlock(&w->lock);
  return code;
}

void aud_writer_go(struct aud_writer *w) {
  (void)pthread_mutex_lock(&w->lock);
  bool wake = w->first && w->sleeping;
  w->ready = w->first != NULL;
  (void)pthread_mutex_unlock(&w->lock);
  if (wake) (void)pthread_cond_signal(&w->wake);
}

void aud_writer_drain(struct aud_writer *w, struct aud_inbox *inbox) {
  (void)pthread_mutex_lock(&w->lock);
  while (inbox->in_flight > 0) (void)pthread_cond_wait(&w->answered, &w->lock);
  (void)pthread_mutex_unlock(&w->lock);
}

enum aud_health aud_writer_health(struct aud_writer *w, struct aud_message *msg) {
  int64_t now = aud_steady_us(w->steady);
  enum aud_health health = AUD_RED;
  (void)pthread_mutex_lock(&w->lock);
  if (refusal(w, 1, now, msg) == CGP_OK) {
    health = now - w->proved_us < PROOF_US ? AUD_PROVED : AUD_UNPROVED;
    (void)aud_say(msg, "%s writable, %lld rows, batch %lld", w->conf.files->db,
                  (long long)w->rows, (long long)w->batch_rows);
  }
  (void)pthread_mutex_unlock(&w->lock);
  return health;
}
