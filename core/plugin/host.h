/* host.h - the host's half of the ABI: what stands behind struct cgp_host.
 *
 * Main's host is made by the loader, one per plugin: options, names, log and metrics; no
 * loop, so that its timer, fetch, call and event_base functions abort, and post is
 * refused.  A worker's host is made when its plugin starts and hangs on main's: it
 * outlives the worker, because a plugin's own threads may post until fini, and is freed
 * with the set.  Posts run in order; those that came before cg_host_stop run, later ones
 * are refused; whoever waits then for an event to be kept is told that it is not.
 */
#ifndef CG_PLUGIN_HOST_H
#define CG_PLUGIN_HOST_H

#include <pthread.h>

#include "base/list.h"
#include "plugin/call.h"
#include "plugin/changes.h"
#include "plugin/fetch.h"
#include "plugin/options.h"
#include "plugin/plugins_env.h"
#include "plugin/telling.h"

struct cg_post {
  void (*fn)(void *arg);
  void *arg;
};

struct cg_posts {
  struct cg_post *items;
  size_t n, cap;
};

struct cg_host {
  struct cgp_host abi; /* first: the plugin sees this */
  const char *plugin;
  const struct cg_plugins_env *env;
  const struct cg_options *options;
  struct cg_host *next;              /* main's: its workers' hosts */
  struct cg_camera_changes *changes; /* main's: where those of a reload go */

  /* a worker's only */
  struct cg_loop *loop;
  struct cg_calls *calls;
  struct cg_fetcher *fetcher;
  struct cg_call_owner owner;
  struct cg_list timers;
  cg_room_event_fn *room_event;
  void *ctx;
  struct cg_list tellings;   /* events whose plugin is to hear whether they are kept */
  int64_t blocked_logged_us; /* when a blocking op was last told of */
  int blocked_metric;

  pthread_mutex_t lock;      /* guards what follows, and next of main's */
  struct cg_posts in, spare; /* in turns, so that a wake-up needs no memory */
  struct cg_mail mail;
  bool running, waking; /* waking: mail is on its way */
};

/* env and options outlive the host.  NULL: no memory. */
struct cg_host *cg_host_new(const char *plugin, const struct cg_plugins_env *env,
                            const struct cg_options *options) CG_MUST_USE;
/* A worker's host, hung on main's.  loop, calls and fetcher outlive cg_host_stop. */
struct cg_host *cg_host_worker(struct cg_host *main, uint32_t worker,
                               struct cg_loop *loop, struct cg_calls *calls,
                               struct cg_fetcher *fetcher) CG_MUST_USE;
/* Runs what was posted, refuses further posts.  Worker's thread, before the plugin's
 * stop. */
void cg_host_stop(struct cg_host *h);
/* After the plugin's stop: timers it left behind. */
void cg_host_drop_timers(struct cg_host *h);
void cg_host_free(struct cg_host *main); /* with its workers' hosts; NULL is fine */

#endif
