/* audit_sqlite - the audit trail in one SQLite file.  README.md tells auditors how to
 * read it; writer.h how rows become durable, reader.h how questions are answered. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "camgate_plugin.h"
#include "look.h"
#include "reader.h"
#include "writer.h"

#define HOUR_US     3600000000
#define LOOK_MS     5    /* between two looks at the writer, while health waits */
#define WAITING_MAX 16   /* health asked while it is being proved */
#define BUNDLE_US   1000 /* so long rows are bundled at most, while more of them come */

/* Made by init, read-only from then on but for the list of workers, which start adds to
 * under its lock. */
struct trail {
  struct aud_files files;
  struct aud_writer *writer; /* NULL: read_only */
  struct aud_reader *reader;
  struct aud_metrics metrics;
  pthread_mutex_t lock;
  struct worker *workers;
};

struct worker {
  struct aud_inbox inbox;
  struct trail *trail;
  struct worker *next;
  const char *node;
  uint64_t noise; /* of the next id */
  bool bundling;  /* the writer has rows, and waits for more of them */
  int64_t bundling_since_us;
  struct cgp_call waiting[WAITING_MAX]; /* of health */
  size_t n_waiting;
  int64_t rows, rows_before; /* pushed in all, and before this turn of the loop */
};

static const struct cgp_option options[] = {
    CGP_INIT(cgp_option, "path", CGP_OPT_PATH, 0, 0, NULL,
             "File of the trail; audit.db in the state folder."),
    CGP_INIT(cgp_option, "queue", CGP_OPT_INT, 1, 1000000, "16384",
             "Rows that may wait for the disk."),
    CGP_INIT(cgp_option, "read_only", CGP_OPT_BOOL, 0, 0, "false",
             "Only ask questions, beside a running gate."),
    CGP_INIT(cgp_option, "longest_lease_h", CGP_OPT_INT, 1, 87600, "744",
             "Leases older than this many hours are not looked for at start."),
    CGP_INIT(cgp_option, "vfs", CGP_OPT_STRING, 0, 64, "",
             "SQLite VFS to use instead of its own, for tests."),
};

/* ---- life cycle ---- */

static bool find_files(struct trail *t, struct cgp_host *h, struct aud_message *msg) {
  const char *path = h->conf_string(h, "path");
  char *own = NULL;
  if (!path || !*path) {
    if (asprintf(&own, "%s/audit.db", h->state_dir(h)) < 0)
      return aud_say(msg, "out of memory");
    path = own;
  }
  bool ok = aud_files_init(&t->files, path, h->conf_string(h, "vfs"), msg);
  free(own);
  return ok;
}

static bool open_trail(struct trail *t, struct cgp_host *h, struct aud_message *msg) {
  struct aud_writer_conf conf = {&t->files, h->conf_int(h, "queue"), h};
  if (!find_files(t, h, msg)) return false;
  if (h->conf_bool(h, "read_only")) {
    if (!aud_reader_check(&t->files, msg)) return false;
  } else {
    if (!aud_files_claim(&t->files, msg)) return false;
    t->writer = aud_writer_start(&conf, msg);
    if (!t->writer) return false;
  }
  t->reader =
      aud_reader_start(&t->files, h->conf_int(h, "longest_lease_h") * HOUR_US, msg);
  return t->reader != NULL;
}

/* The state folder is the host's to make. */
static bool state_comes(struct cgp_host *h) {
  const char *path = h->conf_string(h, "path");
  return (!path || !*path) && access(h->state_dir(h), F_OK) != 0;
}

static int check(struct cgp_host *h, char *err, size_t err_size) {
  struct aud_message msg = {""};
  struct trail t = {.files = {.lock_fd = -1, .head_fd = -1}};
  bool ok = h->conf_bool(h, "read_only") /* init has no effect then */
            || state_comes(h) || (find_files(&t, h, &msg) && aud_look(&t.files, &msg));
  aud_files_free(&t.files);
  (void)snprintf(err, err_size, "%s", msg.text);
  return ok ? 0 : -1;
}

static void fini(void *self) {
  struct trail *t = self;
  aud_writer_stop(t->writer);
  aud_reader_stop(t->reader);
  for (struct worker *w = t->workers, *next; w; w = next) {
    next = w->next;
    aud_inbox_close(&w->inbox);
    free(w);
  }
  aud_files_free(&t->files);
  (void)pthread_mutex_destroy(&t->lock);
  free(t);
}

static int init(struct cgp_host *h, void **ret_self, char *err, size_t err_size) {
  struct aud_message msg = {"out of memory"};
  struct trail *t = calloc(1, sizeof *t);
  if (t) {
    t->files.lock_fd = t->files.head_fd = -1;
    (void)pthread_mutex_init(&t->lock, NULL);
    if (open_trail(t, h, &msg)) {
      t->metrics.rows =
          h->metric(h, "audit_rows_total", "Rows that are durable in the trail.", false);
      t->metrics.commits =
          h->metric(h, "audit_commits_total", "Commits, each with one sync.", false);
      t->metrics.failures = h->metric(
          h, "audit_failures_total", "Batches of rows that could not be written.", false);
      t->metrics.queue =
          h->metric(h, "audit_queue_rows", "Rows that wait for the disk.", true);
      *ret_self = t;
      return 0;
    }
    fini(t);
  }
  (void)snprintf(err, err_size, "%s", msg.text);
  return -1;
}

static int start(void *self, struct cgp_host *h, void **ret_w, char *err,
                 size_t err_size) {
  struct trail *t = self;
  struct worker *w = calloc(1, sizeof *w);
  if (!w || getrandom(&w->noise, sizeof w->noise, 0) != (ssize_t)sizeof w->noise ||
      !aud_inbox_open(&w->inbox, h, &t->metrics)) {
    (void)snprintf(err, err_size, "out of memory");
    free(w);
    return -1;
  }
  w->trail = t;
  w->node = h->node(h);
  (void)pthread_mutex_lock(&t->lock);
  w->next = t->workers;
  t->workers = w;
  (void)pthread_mutex_unlock(&t->lock);
  *ret_w = w;
  return 0;
}

static void stop(void *arg) {
  struct worker *w = arg;
  if (w->trail->writer) {
    aud_writer_go(w->trail->writer);
    aud_writer_drain(w->trail->writer, &w->inbox);
  }
  aud_inbox_deliver(&w->inbox);
}

/* ---- ops ---- */

static void finish_append(struct aud_reply *reply, struct cgp_host *h) {
  struct aud_group *g = (struct aud_group *)reply;
  const struct cgp_audit_appended result =
      CGP_INIT(cgp_audit_appended, g->rows[g->n - 1].seq);
  if (h && g->failed)
    h->fail(h, reply->call, CGP_E_UNAVAILABLE, "%s", g->why ? g->why : "out of memory");
  else if (h)
    h->done(h, reply->call, &result);
  aud_group_free(g);
}

/* The rows of turns that follow one another share one commit, which costs the same for
 * one row and for many. */
static void turn_over(void *arg) {
  struct worker *w = arg;
  struct cgp_host *h = w->inbox.host;
  bool more = w->rows > w->rows_before;
  w->rows_before = w->rows;
  if (more && h->mono_us(h) - w->bundling_since_us < BUNDLE_US &&
      h->post(h, turn_over, w))
    return;
  w->bundling = false;
  aud_writer_go(w->trail->writer);
}

static void pushed(struct worker *w, size_t n) {
  struct cgp_host *h = w->inbox.host;
  h->metric_add(h, w->inbox.metrics.queue, (int64_t)n);
  w->rows += (int64_t)n;
  if (w->bundling) return;
  w->bundling_since_us = h->mono_us(h);
  w->bundling = h->post(h, turn_over, w);
  if (!w->bundling) aud_writer_go(w->trail->writer);
}

static void append(void *arg, const struct cgp_audit_row *rows, size_t n,
                   struct cgp_call call) {
  struct worker *w = arg;
  struct cgp_host *h = w->inbox.host;
  if (!w->trail->writer) {
    h->fail(h, call, CGP_E_UNAVAILABLE, "the trail was opened read-only");
    return;
  }
  enum cgp_code code;
  struct aud_message msg;
  const struct aud_stamp stamp = {h->wall_us(h), w->node, &w->noise};
  struct aud_group *g = aud_group_copy(rows, n, &stamp, &code);
  if (!g) {
    h->fail(h, call, code, "%s",
            code == CGP_E_INVALID ? "an audit row over 256 KiB" : "out of memory");
    return;
  }
  g->reply =
      (struct aud_reply){.inbox = &w->inbox, .call = call, .finish = finish_append};
  code = aud_writer_push(w->trail->writer, g, &msg);
  if (code == CGP_OK) {
    pushed(w, n);
    return;
  }
  aud_group_free(g);
  h->fail(h, call, code, "%s", msg.text);
}

/* ---- health: a commit that went well of late, or one more ---- */

static void tell_health(struct worker *w, struct cgp_call call, enum aud_health is,
                        const char *text) {
  const struct cgp_health result = {
      .size = sizeof result, .ok = is != AUD_RED, .text = text};
  w->inbox.host->done(w->inbox.host, call, &result);
}

/* The writer's state comes to an end within 0.9 s: proved, or red. */
static void look(void *arg) {
  struct worker *w = arg;
  struct aud_message msg;
  enum aud_health is = aud_writer_health(w->trail->writer, &msg);
  if (is == AUD_UNPROVED && w->inbox.host->timer(w->inbox.host, LOOK_MS, look, w)) return;
  struct cgp_call waiting[WAITING_MAX];
  size_t n = w->n_waiting;
  memcpy(waiting, w->waiting, sizeof waiting);
  w->n_waiting = 0;
  for (size_t i = 0; i < n; i++) tell_health(w, waiting[i], is, msg.text);
}

static void finish_proof(struct aud_reply *reply, struct cgp_host *h) {
  (void)h;
  aud_group_free((struct aud_group *)reply);
}

/* false: no memory, or no row may come in. */
static bool prove(struct worker *w) {
  enum cgp_code code;
  struct aud_message msg;
  const struct aud_stamp stamp = {w->inbox.host->wall_us(w->inbox.host), w->node,
                                  &w->noise};
  struct aud_group *g = aud_group_copy(NULL, 0, &stamp, &code);
  if (!g) return false;
  g->reply = (struct aud_reply){.inbox = &w->inbox, .finish = finish_proof};
  if (aud_writer_push(w->trail->writer, g, &msg) == CGP_OK) {
    pushed(w, 0);
    return true;
  }
  aud_group_free(g);
  return false;
}

/* Whoever asks waits for the proof that is under way. */
static bool wait_for_proof(struct worker *w, struct cgp_call call) {
  struct cgp_host *h = w->inbox.host;
  if (w->n_waiting == WAITING_MAX) return false;
  if (w->n_waiting == 0 && (!prove(w) || !h->timer(h, LOOK_MS, look, w))) return false;
  w->waiting[w->n_waiting++] = call;
  return true;
}

static void health(void *arg, struct cgp_call call) {
  struct worker *w = arg;
  struct aud_message msg = {"read-only"};
  enum aud_health is =
      w->trail->writer ? aud_writer_health(w->trail->writer, &msg) : AUD_PROVED;
  if (is != AUD_UNPROVED || !wait_for_proof(w, call)) tell_health(w, call, is, msg.text);
}

static void query(void *arg, const struct cgp_audit_filter *f, struct cgp_call call) {
  struct worker *w = arg;
  aud_reader_ask(w->trail->reader, &w->inbox, AUD_ASK_PAGE, f, call);
}

static void live(void *arg, struct cgp_call call) {
  struct worker *w = arg;
  aud_reader_ask(w->trail->reader, &w->inbox, AUD_ASK_LIVE, NULL, call);
}

static void verify(void *arg, struct cgp_call call) {
  struct worker *w = arg;
  aud_reader_ask(w->trail->reader, &w->inbox, AUD_ASK_VERDICT, NULL, call);
}

static const struct cgp_audit_ops ops = {
    .size = sizeof ops,
    .append = append,
    .query = query,
    .live = live,
    .verify = verify,
};

static const struct cgp_library libraries[] = {
    CGP_INIT(cgp_library, "sqlite", sqlite3_libversion)};

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR,
    .name = "audit_sqlite",
    .version = CAMGATE_VERSION,
    .summary = "The audit trail in one SQLite file: durable, chained, open to auditors.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .init = init,
    .check = check,
    .fini = fini,
    .start = start,
    .stop = stop,
    .health = health,
    .audit = &ops,
    .libraries = libraries,
    .n_libraries = sizeof libraries / sizeof *libraries,
};
