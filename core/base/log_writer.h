/* log_writer.h - the one thread that writes the log; who logs does not wait for it.
 *
 * A line costs its thread a copy into the queue (log_queue.h).  The writer waits for a
 * pipe or terminal that takes nothing, and tries a full disk again twice a second, while
 * the queue fills and then drops; what no waiting helps (a pipe without a reader) is
 * dropped at once.  A line that was begun is ended before the next one.  The file is
 * appended to, so that one which is cut under the gate (copytruncate) begins anew.  The
 * descriptor may be shared with anybody: none of its flags is changed, and O_NONBLOCK
 * that somebody else has set is borne.
 */
#ifndef CG_BASE_LOG_WRITER_H
#define CG_BASE_LOG_WRITER_H

#include "base/clock.h"
#include "base/log_queue.h"
#include "base/metrics.h"

struct cg_log_writer;

/* Counts dropped lines in metrics, which must outlive it. */
struct cg_log_writer *cg_log_writer_start(int fd, const struct cg_clock *clock,
                                          struct cg_metrics *metrics, struct cg_err *err);

/* Any thread. */
void cg_log_writer_put(struct cg_log_writer *w, const struct cg_log_line *line);

/* In a signal handler, before the process dies: waits until all is written, at most
 * 500 ms. */
void cg_log_writer_hurry(struct cg_log_writer *w);

/* Nobody may log any more.  What is queued is written within 2 s; else it is left where
 * it is, with a thread that sleeps in write(2), for the end of the process. */
void cg_log_writer_stop(struct cg_log_writer *w);

/* All of it now, as far as the descriptor takes it: for commands, which have no writer.
 */
void cg_log_write_now(int fd, const char *text, size_t n);

#endif
