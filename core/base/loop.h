/* loop.h - one thread's event loop, its mailbox and its timers.
 *
 * A loop wraps a libevent base (made with NOLOCK: nobody else touches it) and a mailbox:
 * cg_loop_send from any thread brings fn(arg) to the loop, in order of arrival.  Mail is
 * run at the end of each turn, after the sockets; only a loop that waits for its sockets
 * has to be woken, by an eventfd.  Mail and timers are run in slices of some
 * milliseconds, so that sockets never wait for all of them.  The mailbox is how workers,
 * plugins' threads and the main thread talk; there are no other shared structures.
 *
 * cg_loop_run returns after cg_loop_stop (any thread); mail left then is run, so that
 * nobody's completion is lost; cg_loop_free runs what came later still, on its caller.
 * Before the first run a loop belongs to the thread that made it.
 */
#ifndef CG_BASE_LOOP_H
#define CG_BASE_LOOP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/timers.h"

struct cg_loop;

struct cg_loop *cg_loop_new(struct cg_err *err);
/* Its timers ask this clock, which lives as long.  A fake one moves no timer by itself:
 * its owner moves it and calls cg_loop_turn. */
struct cg_loop *cg_loop_new_on(const struct cg_clock *clock, struct cg_err *err);
void cg_loop_free(struct cg_loop *loop);           /* drops timers; NULL is fine */
struct event_base *cg_loop_base(struct cg_loop *); /* the loop's own thread only */

void cg_loop_run(struct cg_loop *loop);  /* claims the calling thread */
void cg_loop_turn(struct cg_loop *loop); /* likewise; what is due now, without waiting */
void cg_loop_stop(struct cg_loop *loop);
int64_t cg_loop_now(const struct cg_loop *loop);  /* mono, of its clock; any thread */
bool cg_loop_is_mine(const struct cg_loop *loop); /* called on the loop's thread? */
int64_t cg_loop_now(const struct cg_loop *loop);  /* mono, of its clock; any thread */

/* Embedded in whatever its sender owns; zeroed = not on its way. */
struct cg_mail {
  struct cg_mail *next;
  void (*fn)(void *arg);
  void *arg;
};
/* Any thread; needs no memory, cannot be lost.  m is not on its way already, and is the
 * loop's until fn runs, which may free it or send it again. */
void cg_loop_send(struct cg_loop *loop, struct cg_mail *m, void (*fn)(void *arg),
                  void *arg);

/* Once, `us` from now; start again to move it.  Loop's thread. */
void cg_timer_start(struct cg_timer *t, struct cg_loop *loop, int64_t us,
                    void (*fn)(void *arg), void *arg);
void cg_timer_stop(struct cg_timer *t); /* not started is fine */

#endif
