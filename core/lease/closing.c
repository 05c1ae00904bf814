#include "lease/closing.h"

#include <string.h>

#include "lease/end.h"
#include "lease/joins.h"

static void visit_worker(void *arg);

/* ---- one lease ---- */

static bool another_room(const struct cg_lease *l, const struct cg_news *n,
                         const struct cg_connection *c) {
  bool by_sid = c && *c->room_sid && *n->room_sid;
  if (by_sid) return strcmp(c->room_sid, n->room_sid) != 0;
  const struct cg_moment granted = {l->granted_us, l->granted_mono_us};
  return cg_moment_before(n->at, l->joined.wall_us ? l->joined : granted);
}

/* The newest that joined the room that the lease is on. */
static const struct cg_connection *newest(const struct cg_lease *l) {
  const struct cg_connection *found = l->connections.now;
  for (int i = 0; !found && i < CG_CONNECTIONS_MAX; i++) {
    const struct cg_connection *c = &l->connections.items[i];
    if (c->used && c->joined.wall_us && c->joined.wall_us == l->joined.wall_us) found = c;
  }
  return found;
}

/* The room was opened again: who was in the old one is to join the new one. */
static bool opened_since(const struct cg_lease *l, const struct cg_news *n) {
  return cg_moment_before(n->at, l->ensured);
}

static bool is_over(struct cg_lease *l, const struct cg_news *n) {
  if (l->state == CG_LEASE_ENDED || strcmp(l->room, n->room) != 0) return false;
  if (another_room(l, n, newest(l))) return false;
  if (l->state == CG_LEASE_ACTIVE && l->joined.wall_us && !opened_since(l, n))
    return true;
  l->room_gone = true;
  return false;
}

static void end(struct cg_lease *l, struct cg_news *n,
                void (*fn)(void *arg, bool recorded)) {
  cg_lease_end(n->home, l, CG_ENDED_ROOM_CLOSED, "the room was closed", fn, n);
}

static void recorded_in_turn(void *arg, bool recorded) {
  cg_joins_waited(arg, recorded);
}

static bool in_turn(struct cg_lease *l, struct cg_news *n) {
  if (!is_over(l, n)) return false;
  end(l, n, recorded_in_turn);
  return true;
}

/* ---- one worker ---- */

static void worker_over(struct cg_news *n) {
  uint32_t next = n->home->worker + 1;
  cg_news_leaves(n);
  if (next < n->origin->n_workers && n->code == CGP_OK) {
    n->home = n->origin->peers[next];
    cg_loop_send(n->home->loop, &n->mail, visit_worker, n);
  } else {
    cg_news_over(n, n->code);
  }
}

static void one_over(struct cg_news *n, bool kept) {
  if (!kept) n->code = CGP_E_UNAVAILABLE;
  if (--n->open == 0) worker_over(n);
}

static void recorded(void *arg, bool ok) {
  struct cg_news *n = arg;
  n->ends--;
  one_over(n, ok);
}

void cg_closing_give_up(struct cg_news *n) {
  cg_news_leaves(n);
  n->given_up = true;
  n->code = CGP_E_UNAVAILABLE;
  n->open -= n->ends;
  n->ends = 0;
  if (n->open == 0) cg_news_over(n, n->code);
}

static void told_in_turn(void *arg, enum cgp_code code) {
  one_over(arg, code == CGP_OK);
}

/* Other news of the lease come first. */
static void wait_for_turn(struct cg_lease *l, struct cg_news *n) {
  const struct cgp_room_event ev =
      CGP_INIT(cgp_room_event, .type = n->type, .room = n->room, .identity = "",
               .sid = n->sid, .at_us = n->at.wall_us, .room_sid = n->room_sid);
  struct cg_news *of_lease = cg_news_new(n->home, &ev, told_in_turn, n);
  if (!of_lease || !cg_news_arrives(of_lease, n->home)) return;
  of_lease->in_turn = in_turn;
  cg_joins_queue(l, of_lease);
}

static void visit(struct cg_lease *l, struct cg_news *n) {
  bool waits = l->look_back || l->news_busy;
  if (!waits && !is_over(l, n)) return;
  n->open++;
  if (waits) {
    wait_for_turn(l, n);
    return;
  }
  n->ends++;
  end(l, n, recorded);
}

struct part {
  struct cg_news *news;
  struct cg_list on_it; /* leases, by in_rows: free as long as they have not ended */
};

static bool note(struct cg_lease *l, void *arg) {
  struct part *p = arg;
  struct cg_news *n = p->news;
  if (strcmp(l->room, n->room) != 0) return true;
  if (l->state != CG_LEASE_ENDED)
    cg_list_add(&p->on_it, &l->in_rows);
  else if (l->unrecorded && l->ended_by == CG_ENDED_ROOM_CLOSED)
    n->code = CGP_E_UNAVAILABLE;
  return true;
}

/* A part of the table a turn, so that requests have theirs. */
static void visit_part(void *arg) {
  struct cg_news *n = arg;
  struct part p = {.news = n};
  bool closed = cg_service_closed(n->home);
  bool more = !closed && cg_leases_part(n->home->leases, &n->part, note, &p);
  if (closed) n->code = CGP_E_UNAVAILABLE;
  while (p.on_it.first) {
    struct cg_lease *l = CG_CONTAINER(p.on_it.first, struct cg_lease, in_rows);
    cg_list_remove(&p.on_it, &l->in_rows);
    visit(l, n);
  }
  if (more)
    cg_loop_send(n->home->loop, &n->mail, visit_part, n);
  else
    one_over(n, true);
}

static void visit_worker(void *arg) {
  struct cg_news *n = arg;
  if (!cg_news_arrives(n, n->home)) return;
  n->part = 0;
  n->open = 1; /* this visit */
  visit_part(n);
}

void cg_closing_begin(struct cg_service *g, const struct cgp_room_event *ev,
                      cg_told_fn *told, void *arg) {
  struct cg_news *n = cg_news_new(g, ev, told, arg);
  if (!n) return;
  n->home = g->peers[0];
  cg_loop_send(n->home->loop, &n->mail, visit_worker, n);
}
