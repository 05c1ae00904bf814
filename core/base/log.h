/* log.h - JSON lines on stderr, one write each, secrets masked.
 *
 * A line is {"ts","level","msg", fields...}.  Field names come from the fixed set in the
 * design (request_id, decision_id, lease_id, subject, camera, tier, decision, rule,
 * policy_rev, dur_ms) or say what they are.  Values registered as secrets never appear:
 * any occurrence in message or fields is written as ***.  Control characters are escaped;
 * values are cut at 1 KiB and lines at 4 KiB, by leaving whole fields out ("cut":true).
 * Any thread; secrets are registered before the threads start.  Lower layers do not log:
 * they fail with cg_err and whoever handles it logs once.
 */
#ifndef CG_BASE_LOG_H
#define CG_BASE_LOG_H

#include <stdint.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"

enum cg_level { CG_DEBUG, CG_INFO, CG_WARN, CG_ERROR };

struct cg_log;

struct cg_kv {
  const char *key;
  const char *text; /* NULL: number holds the value; "" fields are left out */
  int64_t number;
};

struct cg_log *cg_log_new(int fd, enum cg_level least, const struct cg_clock *clock);
void cg_log_free(struct cg_log *log);

/* Copies value; shorter than 6 bytes is too common to mask and is ignored. */
void cg_log_secret(struct cg_log *log, const char *value);
/* Replaces secrets in place (text never grows). */
void cg_log_mask(const struct cg_log *log, char *text);

void cg_log_write(struct cg_log *log, enum cg_level level, const char *msg,
                  const struct cg_kv *kv, size_t n);

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
