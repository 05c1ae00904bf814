/* log.h - JSON lines on stderr, one write each, secrets masked, repetitions counted.
 *
 * A line is {"ts","level","msg", fields...}.  Field names come from the fixed set in the
 * design (request_id, decision_id, lease_id, subject, camera, tier, decision, rule,
 * policy_rev, dur_ms) or say what they are.  Values registered as secrets never appear:
 * any occurrence in message or fields is written as ***.  Control characters are escaped
 * or become '?'; values are cut at 1 KiB and lines at 4 KiB, by leaving whole fields out
 * ("cut":true).
 *
 * In a gate (cg_log_start) one thread writes, and nobody else waits for stderr
 * (log_writer.h).  There, warnings and errors of one kind are one line at once and one a
 * second from then on, which has the last one's fields and time, and "repeated":N when it
 * stands for N; infos likewise after 32 in a second; debug lines are all there, as far as
 * stderr takes them.  A kind is the level, the message without its words that hold
 * digits, and the fields "plugin" and "rule".  Lines that were dropped are counted and
 * told of (log_queue.h).  In a command, who logs writes.
 *
 * Any thread; secrets are registered before the threads start.  Lower layers do not log:
 * they fail with cg_err and whoever handles it logs once.
 */
#ifndef CG_BASE_LOG_H
#define CG_BASE_LOG_H

#include <stdint.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"

enum cg_level { CG_DEBUG, CG_INFO, CG_WARN, CG_ERROR };
enum cg_level cg_level_named(const char *name); /* CG_INFO: there is none */

struct cg_log;

struct cg_kv {
  const char *key;
  const char *text; /* NULL: number holds the value; "" fields are left out */
  int64_t number;
};

struct cg_log *cg_log_new(int fd, enum cg_level least, const struct cg_clock *clock);
/* From now on a thread of its own writes.  metrics outlive the log. */
bool cg_log_start(struct cg_log *log, struct cg_metrics *metrics,
                  struct cg_err *err) CG_MUST_USE;
/* What is queued is written, within 2 s if stderr takes it. */
void cg_log_free(struct cg_log *log);
/* In a signal handler, before the process dies: at most 500 ms for what is queued. */
void cg_log_hurry(struct cg_log *log);

/* Copies value; shorter than 6 bytes is too common to mask and is ignored. */
void cg_log_secret(struct cg_log *log, const char *value);
/* Replaces secrets in place (text never grows). */
void cg_log_mask(const struct cg_log *log, char *text);

void cg_log_write(struct cg_log *log, enum cg_level level, const char *msg,
                  const struct cg_kv *kv, size_t n);

/* kind, instead of msg: the words by which lines are the same. */
void cg_log_write_kind(struct cg_log *log, enum cg_level level, const char *kind,
                       const char *msg, const struct cg_kv *kv, size_t n);
/* A plain line for people, of whatever level, as commands write them. */
void cg_log_say(struct cg_log *log, const char *fmt, ...) CG_PRINTF(2, 3);

/* A statement: CG_LOG(log, CG_WARN, "quota away", {"lease_id", id}, {"n", NULL, 12}); */
#define CG_LOG(log, level, msg, ...)                                                     \
  do {                                                                                   \
    _Pragma("GCC diagnostic push")                                                       \
        _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")               \
            const struct cg_kv cg_log_kv[] = {{0}, __VA_ARGS__};                         \
    _Pragma("GCC diagnostic pop")                                                        \
        cg_log_write((log), (level), (msg), cg_log_kv + 1,                               \
                     sizeof cg_log_kv / sizeof cg_log_kv[0] - 1);                        \
  } while (0)

#endif
