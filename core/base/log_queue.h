/* log_queue.h - lines of the log on their way to whoever writes them, within a bound.
 *
 * What is logged again within a second is held: a line of the same kind replaces the one
 * before and is counted, and what is held goes out a second after the kind's last line,
 * with "repeated":N when it stands for N of them.  So of each kind come at most `most`
 * lines in the first second and one in each further one, however many there are; the
 * first comes at once.  A first line that finds the queue full is held, too.  What is
 * neither queued nor held (the queue is full of lines that are not held, or there are
 * more than CG_LOG_KINDS kinds in a second) is dropped, and a line of the queue's own
 * says where the first of them would have been how many there were.
 *
 * 2.1 MiB, taken at once and touched as it fills.  Times are mono.  No thread, no lock:
 * the caller's (log_writer.h).
 */
#ifndef CG_BASE_LOG_QUEUE_H
#define CG_BASE_LOG_QUEUE_H

#include "base/buf.h"

#define CG_LOG_KINDS       256
#define CG_LOG_KINDS_GIVEN 192  /* of them, at most for words of plugins and policies */
#define CG_LOG_LINE_MAX    4096 /* PIPE_BUF: nobody else's words come in between */
#define CG_LOG_QUEUE_BYTES (1024 * 1024)

/* Room that a line leaves for ,"repeated":N */
#define CG_LOG_REPEATED_MAX 32

struct cg_log_line {
  uint64_t kind; /* never 0 */
  uint32_t most; /* of the kind in its first second; 0: nothing is held back */
  uint32_t n;
  const char *text; /* to its "}\n" */
  bool given;       /* a plugin or a policy makes the kinds, so there may be many */
};

enum cg_log_queued { CG_LOG_QUEUED, CG_LOG_HELD, CG_LOG_DROPPED };

/* The next to write. */
struct cg_log_taken {
  size_t n;         /* 0: nothing is due */
  uint64_t dropped; /* it is the queue's own, and says so of that many; else 0 */
  char text[CG_LOG_LINE_MAX];
};

struct cg_log_queue;

struct cg_log_queue *cg_log_queue_new(void);
void cg_log_queue_free(struct cg_log_queue *q);

enum cg_log_queued cg_log_queue_put(struct cg_log_queue *q,
                                    const struct cg_log_line *line, int64_t now_us);

/* all: what is held is due now.  wall_us: for the line about dropped ones. */
void cg_log_queue_take(struct cg_log_queue *q, int64_t now_us, int64_t wall_us, bool all,
                       struct cg_log_taken *ret);
/* When something is due that is not now; INT64_MAX: nothing will be by itself. */
int64_t cg_log_queue_due_us(const struct cg_log_queue *q, int64_t now_us);

/* What was taken is written, or lost; -> lines that are dropped by that. */
uint64_t cg_log_queue_settle(struct cg_log_queue *q, const struct cg_log_taken *taken,
                             bool written);

/* The beginning of every line. */
void cg_log_head(struct cg_buf *b, int64_t wall_us, const char *level);

#endif
