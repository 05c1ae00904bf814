#include "base/process_log.h"

#include <event2/event.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Signal handlers and libevent's callbacks have no argument: the one pointer of its kind.
 */
static _Atomic(struct cg_log *) of_process;

/* Its disposition is the default again: raised once more, it ends the process. */
static void on_crash(int number) {
  struct cg_log *log = atomic_exchange(&of_process, NULL);
  if (log) cg_log_hurry(log);
  raise(number);
}

static void libevent_says(int severity, const char *words) {
  struct cg_log *log = atomic_load(&of_process);
  if (log && severity >= EVENT_LOG_WARN)
    CG_LOG(log, severity == EVENT_LOG_ERR ? CG_ERROR : CG_WARN, "event loop",
           {"error", words, 0});
}

static void libevent_dies(int error) {
  (void)error;
  abort();
}

static void watch(int number) {
  struct sigaction before;
  const struct sigaction crash = {.sa_handler = on_crash,
                                  .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
  if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
    sigaction(number, &crash, NULL);
}

void cg_process_log(struct cg_log *log) {
  static const int crashes[] = {SIGSEGV, SIGBUS,  SIGILL, SIGFPE,
                                SIGABRT, SIGQUIT, SIGSYS, SIGXCPU};
  atomic_store(&of_process, log);
  event_set_log_callback(log ? libevent_says : NULL);
  event_set_fatal_callback(log ? libevent_dies : NULL);
  for (size_t i = 0; log && i < CG_COUNT(crashes); i++) watch(crashes[i]);
}
