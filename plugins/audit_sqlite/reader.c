#include "reader.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "query.h"
#include "schema.h"
#include "sql.h"
#include "verify.h"

#define FILTER_TEXTS 7

struct job {
  struct aud_reply reply; /* first */
  enum aud_question what;
  struct cgp_audit_filter filter;
  char *texts; /* of the filter */
  int64_t now_us;
  enum cgp_code code;
  struct aud_message msg;
  struct aud_page page;
  int64_t next_seq;
  struct aud_verdict verdict;
};

struct aud_reader {
  const struct aud_files *files;
  int64_t lease_us;
  pthread_t thread;
  atomic_bool stopping;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  struct aud_reply *first, **last;
  int waiting;
};

static void free_job(struct job *job) {
  aud_page_free(&job->page);
  free(job->texts);
  free(job);
}

static void finish(struct aud_reply *reply, struct cgp_host *h) {
  struct job *job = (struct job *)reply;
  const struct cgp_audit_rows rows =
      CGP_INIT(cgp_audit_rows, job->page.rows, job->page.n, job->next_seq);
  const struct cgp_audit_verdict verdict =
      CGP_INIT(cgp_audit_verdict, job->verdict.intact, job->verdict.rows,
               job->verdict.first_bad, job->verdict.msg.text);
  if (h && job->code != CGP_OK)
    h->fail(h, reply->call, job->code, "%s", job->msg.text);
  else if (h && job->what == AUD_ASK_VERDICT)
    h->done(h, reply->call, &verdict);
  else if (h)
    h->done(h, reply->call, &rows);
  free_job(job);
}

/* ---- on the reader's thread ---- */

static int give_up(void *arg) {
  struct aud_reader *r = arg;
  return atomic_load(&r->stopping);
}

static bool open_read_only(const struct aud_files *files, sqlite3 **ret_db,
                           struct aud_message *msg) {
  sqlite3 *db = NULL;
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
  sqlite3_stmt *st = NULL;
  bool ok = sqlite3_open_v2(files->db, &db, flags, files->vfs) == SQLITE_OK;
  if (ok) {
    (void)sqlite3_busy_timeout(db, 500);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    ok = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL) == SQLITE_OK &&
         sqlite3_step(st) == SQLITE_ROW;
  }
  int version = ok ? sqlite3_column_int(st, 0) : 0;
  if (!ok) (void)aud_sql_say(db, files, "open to read", msg);
  (void)sqlite3_finalize(st);
  if (ok && (version < AUD_SCHEMA_FIRST || version > AUD_SCHEMA_VERSION))
    ok = aud_say(msg, "%s is no trail of schema version %d to %d", files->db,
                 AUD_SCHEMA_FIRST, AUD_SCHEMA_VERSION);
  if (ok)
    *ret_db = db;
  else
    (void)sqlite3_close_v2(db);
  return ok;
}

static enum cgp_code verdict_of(struct aud_reader *r, struct job *job, sqlite3 *db) {
  struct aud_chain *chain = aud_chain_new(&job->msg);
  if (!chain) return CGP_E_UNAVAILABLE;
  bool read = aud_verify_all(db, r->files, chain, &job->verdict);
  aud_chain_free(chain);
  if (!read) job->msg = job->verdict.msg;
  return read ? CGP_OK : CGP_E_UNAVAILABLE;
}

static enum cgp_code work(struct aud_reader *r, struct job *job) {
  sqlite3 *db;
  if (!open_read_only(r->files, &db, &job->msg)) return CGP_E_UNAVAILABLE;
  sqlite3_progress_handler(db, 10000, give_up, r);
  enum cgp_code code = CGP_E_INTERNAL;
  switch (job->what) {
  case AUD_ASK_PAGE:
    code = aud_query(db, &job->filter, &job->page, &job->next_seq, &job->msg);
    break;
  case AUD_ASK_LIVE:
    code = aud_live(db, job->now_us, r->lease_us, &job->page, &job->msg);
    break;
  case AUD_ASK_VERDICT: code = verdict_of(r, job, db); break;
  }
  aud_page_seal(&job->page);
  (void)sqlite3_close_v2(db);
  return code;
}

static struct job *next_job(struct aud_reader *r) {
  (void)pthread_mutex_lock(&r->lock);
  while (!r->first && !atomic_load(&r->stopping))
    (void)pthread_cond_wait(&r->wake, &r->lock);
  struct aud_reply *reply = atomic_load(&r->stopping) ? NULL : r->first;
  if (reply) {
    r->first = reply->next;
    if (!r->first) r->last = &r->first;
    r->waiting--;
    reply->next = NULL;
  }
  (void)pthread_mutex_unlock(&r->lock);
  return (struct job *)reply;
}

static void *run(void *arg) {
  struct aud_reader *r = arg;
  (void)pthread_setname_np(pthread_self(), "audit reader");
  for (struct job *job; (job = next_job(r));) {
    job->code = work(r, job);
    aud_inbox_put(job->reply.inbox, &job->reply, NULL);
  }
  return NULL;
}

/* ---- start, stop ---- */

bool aud_reader_check(const struct aud_files *files, struct aud_message *msg) {
  sqlite3 *db;
  if (!files->vfs && access(files->db, F_OK) != 0)
    return aud_say(msg, "there is no trail at %s yet", files->db);
  if (!open_read_only(files, &db, msg)) return false;
  (void)sqlite3_close_v2(db);
  return true;
}

struct aud_reader *aud_reader_start(const struct aud_files *files, int64_t lease_us,
                                    struct aud_message *msg) {
  struct aud_reader *r = calloc(1, sizeof *r);
  if (r) {
    r->files = files;
    r->lease_us = lease_us;
    r->last = &r->first;
    atomic_init(&r->stopping, false);
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_mutex_init(&r->lock, NULL) == 0 &&
              pthread_cond_init(&r->wake, NULL) == 0 &&
              pthread_create(&r->thread, NULL, run, r) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ok) return r;
    free(r);
  }
  (void)aud_say(msg, "no thread to be had for the audit reader");
  return NULL;
}

void aud_reader_stop(struct aud_reader *r) {
  if (!r) return;
  (void)pthread_mutex_lock(&r->lock);
  atomic_store(&r->stopping, true);
  (void)pthread_cond_signal(&r->wake);
  (void)pthread_mutex_unlock(&r->lock);
  (void)pthread_join(r->thread, NULL);
  while (r->first) {
    struct aud_reply *next = r->first->next;
    finish(r->first, NULL);
    r->first = next;
  }
  (void)pthread_cond_destroy(&r->wake);
  (void)pthread_mutex_destroy(&r->lock);
  free(r);
}

/* ---- from the workers ---- */

static bool copy_filter(struct job *job, const struct cgp_audit_filter *f) {
  job->filter = *f;
  struct cgp_audit_filter *to = &job->filter;
  const char **texts[FILTER_TEXTS] = {&to->since, &to->until,   &to->subject, &to->camera,
                                      &to->kind,  &to->outcome, &to->lease_id};
  size_t need = 0;
  for (int i = 0; i < FILTER_TEXTS; i++) {
    if (!*texts[i]) *texts[i] = "";
    need += strlen(*texts[i]) + 1;
  }
  char *at = job->texts = malloc(need);
  if (!at) return false;
  for (int i = 0; i < FILTER_TEXTS; i++) {
    size_t len = strlen(*texts[i]) + 1;
    *texts[i] = memcpy(at, *texts[i], len);
    at += len;
  }
  if (to->limit < 1) to->limit = 1;
  if (to->limit > AUD_LIMIT_MAX) to->limit = AUD_LIMIT_MAX;
  return true;
}

static bool enqueue(struct aud_reader *r, struct job *job) {
  (void)pthread_mutex_lock(&r->lock);
  bool room = r->waiting < AUD_QUESTIONS_MAX;
  if (room) {
    *r->last = &job->reply;
    r->last = &job->reply.next;
    r->waiting++;
    (void)pthread_cond_signal(&r->wake);
  }
  (void)pthread_mutex_unlock(&r->lock);
  return room;
}

void aud_reader_ask(struct aud_reader *r, struct aud_inbox *inbox, enum aud_question what,
                    const struct cgp_audit_filter *f, struct cgp_call call) {
  struct cgp_host *h = inbox->host;
  struct job *job = calloc(1, sizeof *job);
  if (!job || (f && !copy_filter(job, f))) {
    free(job);
    h->fail(h, call, CGP_E_UNAVAILABLE, "out of memory");
    return;
  }
  job->reply = (struct aud_reply){.inbox = inbox, .call = call, .finish = finish};
  job->what = what;
  job->now_us = h->wall_us(h);
  if (enqueue(r, job)) return;
  free_job(job);
  h->fail(h, call, CGP_E_BUSY, "%d questions to the trail wait already",
          AUD_QUESTIONS_MAX);
}
