/* worker.h - what this plugin's files share: the process's half and a worker's half.
 *
 * `struct plugin` is made in init and only read after, but for its list of workers, which
 * the lock guards: it exists so that a webhook that landed on one worker can make the
 * others forget a room.  `struct worker` belongs to its thread.
 */
#ifndef ROOM_LIVEKIT_WORKER_H
#define ROOM_LIVEKIT_WORKER_H

#include <pthread.h>
#include <sys/queue.h>

#include "camgate_plugin.h"
#include "health.h"
#include "people.h"
#include "rooms.h"
#include "settings.h"
#include "webhook_ids.h"

struct counts {
  int requests, failures;                                    /* calls to the SFU */
  int events, refused, repeated, unknown, nonsense, put_off; /* webhooks */
};

struct plugin {
  struct settings settings;
  struct counts counts;
  struct webhook_ids *webhook_ids;
  pthread_mutex_t lock;
  LIST_HEAD(, worker) workers;
};

/* twirp, rooms, people, health: NULL without an SFU.  hooks: NULL when webhooks are not
 * taken; hooks_open: how many wait to be kept. */
struct worker {
  LIST_ENTRY(worker) next;
  struct plugin *self;
  struct cgp_host *host;
  struct signer *signer, *hooks;
  struct twirp *twirp;
  struct rooms *rooms;
  struct people *people;
  struct health *health;
  uint32_t hooks_open;
};

#endif
