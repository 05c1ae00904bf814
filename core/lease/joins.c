#include "lease/joins.h"

#include <string.h>

#include "lease/end.h"
#include "lease/look_back.h"
#include "lease/rooms.h"
#include "lease/row.h"

static void go_on(struct cg_lease *l);

void cg_joins_finish(struct cg_news *n, enum cgp_code code) {
  cg_list_remove(&n->lease->news, &n->link);
  cg_news_leaves(n);
  cg_news_over(n, code);
}

/* ---- what an event makes ---- */

static void join_of_nobody(struct cg_lease *l, struct cg_news *n) {
  cg_put_out(n->home, n->room, l->id);
  if (cg_connection_find(&l->connections, n->sid)) return;
  n->kind = "join";
  n->reason = "without a live lease on this room: put out";
}

static void join(struct cg_lease *l, struct cg_news *n) {
  struct cg_connection *c = cg_connection_find(&l->connections, n->sid);
  if (l->state != CG_LEASE_ACTIVE || strcmp(l->room, n->room) != 0) {
    join_of_nobody(l, n);
    return;
  }
  if (c && !*c->room_sid) memcpy(c->room_sid, n->room_sid, sizeof c->room_sid);
  if (c && !(n->listed && cg_connection_may_be_there(&l->connections, c))) return;
  n->there = n->listed || !cg_connection_is_late(&l->connections, n->at);
  n->kind = "join";
  n->reason = n->there ? "" : "told after the one that took its place";
}

/* Without a sid it is who is there. */
static void leave(struct cg_lease *l, struct cg_news *n) {
  struct cg_connection *c = cg_connection_find(&l->connections, n->sid);
  if (!*n->sid && l->connections.now)
    memcpy(n->sid, l->connections.now->sid, sizeof n->sid);
  else if (!*n->sid || (c && c->left))
    return;
  n->kind = "leave";
  n->reason = "";
}

static void decide(struct cg_lease *l, struct cg_news *n) {
  n->kind = NULL;
  n->there = false;
  if (n->type == CGP_ROOM_JOINED) join(l, n);
  if (n->type == CGP_ROOM_LEFT) leave(l, n);
}

/* ---- its row is durable ---- */

static void apply(struct cg_lease *l, const struct cg_news *n) {
  struct cg_service *g = n->home;
  struct cg_connection *c = cg_connection_known(&l->connections, n->sid, n->room_sid);
  if (n->there) {
    cg_connection_there(&l->connections, c, n->room, n->at, cg_loop_now(g->loop));
    if (strcmp(l->room, n->room) == 0) l->joined = n->at;
    cg_metric_add(g->metrics, g->worker, g->metric->joins, 1);
  } else if (n->type == CGP_ROOM_LEFT) {
    if (l->connections.now == c) l->left_us = n->at.wall_us;
    cg_connection_left(&l->connections, c);
    c->missed = n->listed;
  }
  if (n->listed) cg_metric_add(g->metrics, g->worker, g->metric->missed_events, 1);
  cg_rooms_place(g->rooms, l);
}

/* ---- its way into the trail ---- */

static void fail_those_behind(struct cg_lease *l) {
  while (l->news.first)
    cg_joins_finish(CG_CONTAINER(l->news.first, struct cg_news, link), CGP_E_UNAVAILABLE);
}

static void appended(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct cg_news *n = arg;
  struct cg_lease *l = cg_lease_ref(n->lease);
  (void)result;
  if (code == CGP_OK) {
    apply(l, n);
  } else {
    CG_LOG(n->home->log, CG_ERROR, "a join or leave is not recorded", {"error", text});
    l->look_back = l->doubted = code == CGP_E_TIMEOUT || code == CGP_E_INTERNAL;
  }
  l->news_busy = false;
  cg_joins_finish(n, code == CGP_OK ? CGP_OK : CGP_E_UNAVAILABLE);
  if (code != CGP_OK) fail_those_behind(l);
  go_on(l);
  cg_lease_unref(l);
}

static void record(struct cg_lease *l, struct cg_news *n) {
  struct cg_service *g = n->home;
  struct cg_buf facts;
  cg_buf_init(&facts, CG_FACTS_MAX);
  struct cgp_audit_row row = cg_row_of_lease(g, n->kind, l, &facts);
  cg_buf_reset(&facts);
  cg_json_open(&facts, NULL, '{');
  cg_json_str(&facts, "room", n->room);
  cg_json_str(&facts, "room_sid", n->room_sid);
  cg_json_str(&facts, "participant", n->sid);
  cg_json_time(&facts, "at", n->at.wall_us);
  if (n->listed) cg_json_bool(&facts, "listed", true);
  cg_json_close(&facts, '}');
  row.outcome = "";
  row.reason = n->reason;
  l->news_busy = true;
  if (cg_buf_ok(&facts)) {
    row.facts = cg_buf_text(&facts);
    cg_audit_append(g->drivers, &row, 1, appended, n);
  } else {
    appended(n, CGP_E_BUSY, NULL, "no memory");
  }
  cg_buf_done(&facts);
}

/* ---- the queue of a lease ---- */

static void looked_back(void *arg, bool ok) {
  struct cg_lease *l = arg;
  l->news_busy = false;
  if (!ok) fail_those_behind(l);
  go_on(l);
  cg_lease_unref(l);
}

static void take_first(struct cg_lease *l) {
  struct cg_news *n = CG_CONTAINER(l->news.first, struct cg_news, link);
  if (l->look_back) {
    l->news_busy = true;
    cg_look_back(n->home, cg_lease_ref(l), looked_back);
    return;
  }
  if (n->in_turn)
    l->news_busy = n->in_turn(l, n);
  else
    decide(l, n);
  if (n->kind)
    record(l, n);
  else if (!l->news_busy)
    cg_joins_finish(n, CGP_OK);
}

/* One at a time; what is over at once is not deeper in the stack than what is not. */
static void go_on(struct cg_lease *l) {
  if (l->news_turning) return;
  l->news_turning = true;
  cg_lease_ref(l);
  while (l->news.first && !l->news_busy) take_first(l);
  l->news_turning = false;
  cg_lease_unref(l);
}

void cg_joins_queue(struct cg_lease *l, struct cg_news *n) {
  n->lease = cg_lease_ref(l);
  cg_list_add(&l->news, &n->link);
  go_on(l);
}

void cg_joins_waited(struct cg_news *n, bool kept) {
  struct cg_lease *l = cg_lease_ref(n->lease);
  l->news_busy = false;
  cg_joins_finish(n, kept ? CGP_OK : CGP_E_UNAVAILABLE);
  go_on(l);
  cg_lease_unref(l);
}
