#include "lease/lists.h"

#include <stdio.h>
#include <string.h>

#include "base/backoff.h"
#include "base/check.h"
#include "base/mem.h"
#include "lease/end.h"
#include "lease/joins.h"
#include "lease/rooms.h"

#define LOOK_AGAIN_US INT64_C(1000000) /* after an absence */
#define HURRY_US      INT64_C(1000000)
#define LOOK_BACKS    64 /* questions to the trail; requests have theirs */

struct cg_lists {
  struct cg_service *g;
  size_t in_flight;
  int64_t every_us;
  struct cg_timer tick;
  bool ticking;
  int64_t tick_us; /* when it is due, mono */
  bool none;       /* the driver has no lists */
  struct cg_backoff backoff;
  struct cg_timer hurry; /* again, when events are lost all the time */
  int64_t hurried_us;    /* mono */
};

/* One question under way. */
struct asked {
  struct cg_lists *lists;
  int64_t at_us; /* mono */
  char room[CG_ROOM_MAX];
};

static void go_on(void *arg);

struct cg_lists *cg_lists_new(struct cg_service *g) {
  struct cg_lists *lists = cg_alloc(sizeof *lists);
  if (!lists) return NULL;
  lists->g = g;
  lists->every_us = CG_LISTS_FIRST_US;
  g->rooms->woken = go_on;
  g->rooms->arg = lists;
  return lists;
}

void cg_lists_free(struct cg_lists *lists) {
  if (!lists) return;
  cg_timer_stop(&lists->tick);
  cg_timer_stop(&lists->hurry);
  cg_timer_stop(&lists->backoff.timer);
  cg_free(lists);
}

/* ---- what a list says ---- */

static struct cg_news *news(struct cg_lists *lists, enum cgp_room_event_type type,
                            const char *room, const char *sid, const char *room_sid,
                            int64_t at_us) {
  const struct cgp_room_event ev =
      CGP_INIT(cgp_room_event, .type = type, .room = room, .identity = "", .sid = sid,
               .at_us = at_us, .room_sid = room_sid);
  struct cg_news *n = cg_news_new(lists->g, &ev, NULL, NULL);
  if (n) n->listed = true;
  return n && cg_news_arrives(n, lists->g) ? n : NULL;
}

/* The trail is to be asked first, and others are asking it. */
static bool must_wait(const struct asked *a, const struct cg_lease *l) {
  return l->look_back && a->lists->g->n_news >= LOOK_BACKS;
}

/* It is in the room; was it told? */
static void see(struct cg_lease *l, const struct asked *a,
                const struct cgp_participant *p, const char *room_sid) {
  struct cg_connections *all = &l->connections;
  struct cg_connection *c = cg_connection_find(all, p->sid);
  int64_t now_us = cg_service_wall(a->lists->g);
  if (c && c == all->now && !l->look_back) {
    all->listed_us = a->at_us;
    all->absences = 0;
    if (!*c->room_sid) snprintf(c->room_sid, sizeof c->room_sid, "%s", room_sid);
  } else if (!c || l->look_back ||
             (cg_connection_may_be_there(all, c) && all->since_us < a->at_us)) {
    struct cg_news *n = news(a->lists, CGP_ROOM_JOINED, a->room, p->sid, room_sid,
                             p->joined_us ? p->joined_us : now_us);
    if (n) cg_joins_queue(l, n);
  } else if (l->state == CG_LEASE_ENDED) {
    cg_put_out(a->lists->g, a->room, l->id);
  }
}

static void see_all(const struct asked *a, const struct cgp_participants *all) {
  struct cg_service *g = a->lists->g;
  for (size_t i = 0; i < all->n; i++) {
    const struct cgp_participant *p = CGP_AT(all->participants, i);
    struct cg_lease *l =
        cg_id_valid(p->identity) ? cg_lease_find(g->leases, p->identity) : NULL;
    if (l && !must_wait(a, l)) see(l, a, p, all->room_sid);
  }
}

/* true: the room is to be looked at again soon. */
static bool miss(struct cg_lease *l, const struct asked *a) {
  struct cg_connections *all = &l->connections;
  struct cg_news *n = NULL;
  if (must_wait(a, l)) return true;
  if (l->look_back) { /* no event, but its turn asks the trail */
    n = news(a->lists, CGP_ROOM_OPENED, a->room, "", "", 0);
    if (n) cg_joins_queue(l, n);
    return true;
  }
  if (!all->now || all->since_us >= a->at_us || all->listed_us == a->at_us ||
      strcmp(all->room, a->room) != 0)
    return false;
  if (++all->absences < 2) return true;
  n = news(a->lists, CGP_ROOM_LEFT, a->room, all->now->sid, all->now->room_sid,
           cg_service_wall(a->lists->g));
  if (n) cg_joins_queue(l, n);
  return false;
}

static void look_again(void *arg) {
  struct cg_room *r = arg;
  cg_room_to_line(r, true);
  r->rooms->woken(r->rooms->arg);
}

/* A lease may leave the room while it is looked at, and the room may go with the last. */
static void miss_all(const struct asked *a) {
  struct cg_room *r = cg_rooms_find(a->lists->g->rooms, a->room);
  bool again = false;
  for (struct cg_link *at = r ? r->leases.first : NULL, *next; at; at = next) {
    next = at->next;
    again |= miss(CG_CONTAINER(at, struct cg_lease, in_room), a);
  }
  r = cg_rooms_find(a->lists->g->rooms, a->room);
  if (r && again)
    cg_timer_start(&r->again, a->lists->g->loop, LOOK_AGAIN_US, look_again, r);
}

/* ---- when ---- */

static void pause_over(void *arg) {
  struct cg_lists *lists = arg;
  cg_backoff_over(&lists->backoff);
  go_on(lists);
}

static void failed(struct cg_lists *lists, enum cgp_code code, const char *text) {
  if (code == CGP_E_INVALID) {
    lists->none = true;
    return;
  }
  if (cg_backoff_pause(&lists->backoff, lists->g->loop, pause_over, lists))
    CG_LOG(lists->g->log, CG_WARN,
           "rooms are not listed: joins and leaves may be missing", {"error", text});
}

static void listed(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct asked a = *(struct asked *)arg;
  const struct cgp_participants *all = result;
  struct cg_lists *lists = a.lists;
  cg_free(arg);
  lists->in_flight--;
  if (code == CGP_OK) {
    cg_backoff_reset(&lists->backoff);
    lists->every_us = all->again_ms ? (int64_t)all->again_ms * 1000 : CG_LISTS_EVERY_US;
    see_all(&a, all);
    miss_all(&a);
  } else {
    failed(lists, code, text);
  }
  go_on(lists);
}

/* Its next turn is behind all the others, whatever comes of it. */
static void ask(struct cg_lists *lists, struct cg_room *r) {
  struct cg_service *g = lists->g;
  struct asked *a = cg_alloc(sizeof *a);
  cg_room_to_line(r, false);
  if (!a) return;
  *a = (struct asked){.lists = lists, .at_us = cg_loop_now(g->loop)};
  memcpy(a->room, r->name, sizeof a->room);
  lists->in_flight++;
  cg_metric_add(g->metrics, g->worker, g->metric->lists, 1);
  cg_room_participants(g->drivers, a->room, listed, a);
}

static bool may_ask(const struct cg_lists *lists) {
  return !lists->none && !lists->backoff.pausing && lists->in_flight < CG_LISTS_IN_FLIGHT;
}

static void tick(void *arg) {
  struct cg_lists *lists = arg;
  struct cg_room *r = cg_rooms_first(&lists->g->rooms->turn);
  lists->ticking = false;
  if (r && may_ask(lists)) ask(lists, r);
  go_on(lists);
}

/* A tick that is due later than it would be with the rooms of now is moved. */
static void go_on(void *arg) {
  struct cg_lists *lists = arg;
  struct cg_rooms *rooms = lists->g->rooms;
  struct cg_room *r;
  while (may_ask(lists) && (r = cg_rooms_first(&rooms->hurried))) ask(lists, r);
  if (lists->none || !rooms->n) return;
  int64_t pause = lists->every_us / (int64_t)rooms->n;
  if (pause < CG_LISTS_PAUSE_US) pause = CG_LISTS_PAUSE_US;
  if (lists->ticking && lists->tick_us - cg_loop_now(lists->g->loop) <= pause) return;
  lists->ticking = true;
  lists->tick_us = cg_loop_now(lists->g->loop) + pause;
  cg_timer_start(&lists->tick, lists->g->loop, pause, tick, lists);
}

/* ---- all at once ---- */

static void hurry(void *arg) {
  struct cg_lists *lists = arg;
  struct cg_rooms *rooms = lists->g->rooms;
  lists->hurried_us = cg_loop_now(lists->g->loop);
  for (struct cg_room *r; (r = cg_rooms_first(&rooms->turn));) cg_room_to_line(r, true);
  go_on(lists);
}

/* Once a second at most. */
static void events_lost(void *arg) {
  struct cg_news *n = arg;
  struct cg_lists *lists = n->home->rooms ? n->home->rooms->arg : NULL;
  int64_t since = lists ? cg_loop_now(n->home->loop) - lists->hurried_us : 0;
  if (lists && (!lists->hurried_us || since >= HURRY_US))
    hurry(lists);
  else if (lists)
    cg_timer_start(&lists->hurry, n->home->loop, HURRY_US - since, hurry, lists);
  cg_news_over(n, CGP_OK);
}

void cg_lists_hurry_everywhere(struct cg_service *g) {
  const struct cgp_room_event ev =
      CGP_INIT(cgp_room_event, .type = CGP_ROOM_EVENTS_LOST, .room = "", .identity = "",
               .sid = "", .room_sid = "");
  for (uint32_t i = 0; i < g->n_workers; i++) {
    struct cg_news *n = cg_news_new(g, &ev, NULL, NULL);
    if (!n) return;
    n->home = g->peers[i];
    cg_loop_send(n->home->loop, &n->mail, events_lost, n);
  }
}
