/* writer.h - the thread that makes rows durable.
 *
 * Groups of rows are pushed by workers and wait in a bounded queue.  The thread takes
 * what gathered while the sync before ran, up to 4,096 rows, commits it as one
 * transaction, and wakes each worker once.  It waits for more rows only while the worker
 * that pushed the first ones still brings some, a millisecond or two, and never parts a
 * group.
 *
 * FAILING CLOSED.  Any error of a write, a commit, a sync or a changed file fails the
 * whole batch and everything queued, closes the connection and turns the state red: rows
 * are refused at once.  The file is opened anew after 250 ms, then at doubling pauses up
 * to 5 s, until the end of the trail is found whole and a write reached the disk.  A
 * trail that lacks an acknowledged row stays red, with words.
 *
 * HANGING.  What the disk does not answer within 0.9 s, be it for a batch or for the
 * housekeeping, cannot be ended from outside; meanwhile rows are refused and the health
 * is red, as it is when a group waits for so long because the thread stands still.
 *
 * LATE.  A group that still waits after 0.8 s is refused when its turn comes, and is not
 * written.  So what a caller was told stays true: "failed" means not there; and a group
 * whose caller gave up at the gate's deadline (0.9 s) becomes durable only if the disk
 * was at work on it by then. */
#ifndef AUD_WRITER_H
#define AUD_WRITER_H

#include "files.h"
#include "row.h"

struct aud_writer;

struct aud_writer_conf {
  struct aud_files *files; /* claimed; outlives the writer */
  int64_t queue;           /* rows that may wait; one group always may */
  struct cgp_host *host;   /* for log, from any thread */
};

/* Opens the trail and starts the thread.  NULL: msg says why. */
struct aud_writer *aud_writer_start(const struct aud_writer_conf *conf,
                                    struct aud_message *msg);
/* Everything pushed is answered, the last checkpoint made, the file closed. */
void aud_writer_stop(struct aud_writer *w); /* NULL is fine */

/* On the worker of g->reply.inbox.  CGP_OK: the group is the writer's, in the order of
 * these calls, and its inbox will answer; else the caller keeps it, and msg says why.
 * The worker calls go within a millisecond or two, when it has no more rows to push. */
enum cgp_code aud_writer_push(struct aud_writer *w, struct aud_group *g,
                              struct aud_message *msg);
void aud_writer_go(struct aud_writer *w);

/* Waits until every row of this inbox is answered into it. */
void aud_writer_drain(struct aud_writer *w, struct aud_inbox *inbox);

/* May a row be written?  Unproved: nothing is wrong that is known, and no commit went
 * well within 2 s.  A group without rows, once pushed, proves it: it is answered when a
 * commit has written a page without changing it, with all that a row's commit needs. */
enum aud_health { AUD_RED, AUD_UNPROVED, AUD_PROVED };
enum aud_health aud_writer_health(struct aud_writer *w, struct aud_message *msg);

#endif
