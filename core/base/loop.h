/* loop.h - one thread's event loop and its mailbox.
 *
 * A loop wraps a libevent base (made with NOLOCK: nobody else touches it) and a mailbox:
 * cg_loop_post from any thread queues fn(arg) to run on the loop, in order of arrival,
 * and wakes it with one eventfd write per burst.  They run in slices of some
 * milliseconds: sockets and timers never wait for the whole queue.  The mailbox is how
 * workers, the audit writer and the main thread talk; there are no other shared
 * structures.  Bound: 65536 messages, beyond that post returns false and the sender
 * answers busy. cg_loop_run returns after cg_loop_stop (any thread); messages left then
 * are run, so that nobody's completion is lost; cg_loop_free runs what came later still,
 * on its caller. Before the first run a loop belongs to the thread that made it.
 */
#ifndef CG_BASE_LOOP_H
#define CG_BASE_LOOP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct cg_loop;

struct cg_loop *cg_loop_new(struct cg_err *err);
void cg_loop_free(struct cg_loop *loop);
struct event_base *cg_loop_base(struct cg_loop *loop); /* the loop's own thread only */

void cg_loop_run(struct cg_loop *loop); /* claims the calling thread */
void cg_loop_stop(struct cg_loop *loop);
bool cg_loop_is_mine(const struct cg_loop *loop); /* called on the loop's thread? */

bool cg_loop_post(struct cg_loop *loop, void (*fn)(void *arg), void *arg) CG_MUST_USE;

/* One-shot timer, embedded in its owner; start again to move it.  Loop's thread. */
struct cg_timer {
  struct event *ev;
  void (*fn)(void *arg);
  void *arg;
};
bool cg_timer_start(struct cg_timer *t, struct cg_loop *loop, int64_t us,
                    void (*fn)(void *), void *arg) CG_MUST_USE;
void cg_timer_stop(struct cg_timer *t); /* also before first start (zeroed) */

#endif
