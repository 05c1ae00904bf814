#include "lease/presence.h"

#include "base/check.h"
#include "base/mem.h"
#include "lease/closing.h"
#include "lease/end.h"
#include "lease/joins.h"
#include "lease/lists.h"
#include "lease/row.h"

struct cg_presence {
  struct cg_service *g;
  struct cg_lists *lists;
  uint32_t strangers; /* events about leases of nobody here, not logged yet */
  bool counting;      /* them, until strangers_told */
  struct cg_timer strangers_told;
};

#define TELL_STRANGERS_US (60 * INT64_C(1000000))

/* ---- a lease that is not in memory ---- */

static void tell_strangers(void *arg) {
  struct cg_presence *p = arg;
  if (p->strangers)
    CG_LOG(p->g->log, CG_INFO, "room events about leases that no worker here knows",
           {"count", NULL, p->strangers});
  p->strangers = 0;
  p->counting = false;
}

/* One line a minute; the first at once. */
static void note_stranger(struct cg_presence *p, const struct cg_news *n) {
  struct cg_service *g = p->g;
  cg_metric_add(g->metrics, g->worker, g->metric->stranger_events, 1);
  if (p->counting) {
    p->strangers++;
    return;
  }
  p->counting = true;
  cg_timer_start(&p->strangers_told, g->loop, TELL_STRANGERS_US, tell_strangers, p);
  CG_LOG(g->log, CG_INFO, "a room event about a lease that no worker here knows",
         {"lease_id", n->call.lease_id}, {"room", n->room});
}

static void over(struct cg_news *n, enum cgp_code code) {
  cg_news_leaves(n);
  cg_news_over(n, code);
}

static void looked_up(void *arg, enum cgp_code code, const void *result,
                      const char *text) {
  struct cg_news *n = arg;
  const struct cgp_audit_rows *rows = result;
  if (code != CGP_OK)
    CG_LOG(n->home->log, CG_ERROR, "cannot tell whose participant joined",
           {"lease_id", n->call.lease_id}, {"error", text});
  else if (rows->n > 0)
    cg_put_out(n->home, n->room, n->call.lease_id);
  over(n, code == CGP_OK ? CGP_OK : CGP_E_UNAVAILABLE);
}

static void about_nobody(struct cg_service *home, struct cg_news *n) {
  note_stranger(home->presence, n);
  if (n->type != CGP_ROOM_JOINED) {
    over(n, CGP_OK);
    return;
  }
  struct cgp_audit_filter f = cg_row_end_of(n->call.lease_id);
  cg_audit_query(home->drivers, &f, looked_up, n);
}

static void about_lease(struct cg_service *home, struct cg_lease *l, void *arg) {
  struct cg_news *n = arg;
  if (!cg_news_arrives(n, home)) return;
  if (l)
    cg_joins_queue(l, n);
  else
    about_nobody(home, n);
}

/* ---- on its way ---- */

static void tell_home(struct cg_service *g, const struct cgp_room_event *ev,
                      cg_told_fn *told, void *arg) {
  struct cg_news *n = cg_news_new(g, ev, told, arg);
  if (n) cg_home_do(g, &n->call, ev->identity, about_lease, n);
}

static void nothing_to_keep(cg_told_fn *told, void *arg) {
  if (told) told(arg, CGP_OK);
}

void cg_presence_event(struct cg_service *g, const struct cgp_room_event *ev,
                       cg_told_fn *told, void *arg) {
  switch (ev->type) {
  case CGP_ROOM_JOINED:
  case CGP_ROOM_LEFT:
    if (cg_id_valid(ev->identity))
      tell_home(g, ev, told, arg);
    else
      nothing_to_keep(told, arg);
    break;
  case CGP_ROOM_CLOSED: cg_closing_begin(g, ev, told, arg); break;
  case CGP_ROOM_EVENTS_LOST:
    CG_LOG(g->log, CG_WARN, "the SFU dropped events: every room is listed now");
    cg_lists_hurry_everywhere(g);
    nothing_to_keep(told, arg);
    break;
  case CGP_ROOM_OPENED:
  case CGP_ROOM_TRACK_PUBLISHED:
  case CGP_ROOM_TRACK_UNPUBLISHED: nothing_to_keep(told, arg); break;
  }
}

/* ---- made and freed ---- */

struct cg_presence *cg_presence_new(struct cg_service *g) {
  struct cg_presence *p = cg_alloc(sizeof *p);
  if (!p) return NULL;
  p->g = g;
  p->lists = cg_lists_new(g);
  if (p->lists) return p;
  cg_free(p);
  return NULL;
}

/* What waits for a row's answer has it by now, but for the ends of a closing. */
static void give_up(struct cg_service *g) {
  while (g->news.first) {
    struct cg_news *n = CG_CONTAINER(g->news.first, struct cg_news, in_open);
    if (n->lease)
      cg_joins_finish(n, CGP_E_UNAVAILABLE);
    else
      cg_closing_give_up(n);
  }
}

void cg_presence_free(struct cg_presence *p) {
  if (!p) return;
  give_up(p->g);
  cg_timer_stop(&p->strangers_told);
  tell_strangers(p);
  cg_lists_free(p->lists);
  cg_free(p);
}
