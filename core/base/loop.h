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
 *
 * A loop turns twice a second at least.  When it could not for over a second (the process
 * was stopped, the machine suspended, a callback did not return) there was a gap: the
 * loop's own time stood still meanwhile, so that none of its timers is overdue for it,
 * and who asked for it hears of the gap before any request, mail or timer is served.  A
 * loop on a fake clock has no gaps.
 */
#ifndef CG_BASE_LOOP_H
#define CG_BASE_LOOP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
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
bool cg_loop_is_mine(const struct cg_loop *loop); /* called on the loop's thread? */
/* The loop's own time: mono of its clock, less all gaps.  Any thread. */
int64_t cg_loop_now(const struct cg_loop *loop);
int64_t cg_loop_stood_us(const struct cg_loop *loop); /* all gaps so far; any thread */
/* When it last turned, mono: a loop that works or waits did so within a second.  Any
 * thread. */
int64_t cg_loop_beat_us(const struct cg_loop *loop);

/* Embedded in its owner.  fn hears of each gap; loop's thread. */
struct cg_on_gap {
  struct cg_link link;
  void (*fn)(void *arg, int64_t gap_us);
  void *arg;
};
void cg_loop_on_gap(struct cg_loop *loop, struct cg_on_gap *on,
                    void (*fn)(void *arg, int64_t gap_us), void *arg);
void cg_loop_off_gap(struct cg_loop *loop, struct cg_on_gap *on); /* not on is fine */
/* The same as cg_loop_now, and looks for a gap: for who begins to serve what a socket
 * brought.  Loop's thread. */
int64_t cg_loop_look(struct cg_loop *loop);

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

/* Once, `us` of the loop's time from now; start again to move it.  Loop's thread. */
void cg_timer_start(struct cg_timer *t, struct cg_loop *loop, int64_t us,
                    void (*fn)(void *arg), void *arg);
void cg_timer_stop(struct cg_timer *t); /* not started is fine */

#endif
