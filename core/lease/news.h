/* news.h - one room event on its way: to a lease's home, through its queue, and back.
 *
 * What an event makes is written before it is acknowledged, so an event lives until its
 * row is durable or cannot be: cg_news_over then tells who waits, on the worker that the
 * event came to.  At home it is in that service's list, so that a stop finds it.
 */
#ifndef CG_LEASE_NEWS_H
#define CG_LEASE_NEWS_H

#include "lease/home.h"
#include "plugin/telling.h"

#define CG_NEWS_MAX 4096 /* open at one home */

struct cg_news {
  struct cg_home_call call;
  struct cg_mail mail;          /* to a home, or back */
  struct cg_link in_open, link; /* link: of its lease's queue */
  struct cg_service *origin, *home;
  struct cg_lease *lease; /* with a reference; NULL: none yet, or none at all */
  cg_told_fn *told;       /* NULL: nobody waits */
  void *told_arg;
  enum cgp_code code;

  enum cgp_room_event_type type;
  bool listed; /* a list said so, not an event */
  char room[CG_ROOM_MAX], sid[CG_SID_MAX], room_sid[CG_SID_MAX];
  struct cg_moment at; /* never in the future; mono as of when it came */

  /* When its lease's turn has come, of what is no join and no leave.  true: it waits. */
  bool (*in_turn)(struct cg_lease *l, struct cg_news *n);
  const char *kind, *reason; /* of the row it makes; NULL: none */
  bool there;                /* of a join: it is the lease's connection now */

  size_t part;   /* of a room that closed: how far the table has been looked through */
  bool given_up; /* the home that it is at has stopped */
  uint32_t open, ends; /* and what it waits for on this worker; of that, rows of ends */
};

/* A copy.  From the reserve when memory is short; NULL: none, and told has heard it. */
struct cg_news *cg_news_new(struct cg_service *g, const struct cgp_room_event *ev,
                            cg_told_fn *told, void *arg);
/* It has come to this home.  false: too many are there, and it is over. */
bool cg_news_arrives(struct cg_news *n, struct cg_service *home);
/* From this home to another, or to be over. */
void cg_news_leaves(struct cg_news *n);
/* Its end: who waits is told.  Home's thread. */
void cg_news_over(struct cg_news *n, enum cgp_code code);

#endif
