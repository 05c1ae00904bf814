#include "lease/presence.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "lease/end.h"
#include "lease/home.h"
#include "lease/row.h"

#define SECOND_US INT64_C(1000000) /* the SFU's clock has whole seconds */

struct news {
  struct cg_home_call call; /* of a lease */
  struct cg_mail mail;      /* of a room */
  struct cg_service *home;
  enum cgp_room_event_type type;
  char room[CG_ROOM_MAX], sid[32];
  int64_t at_us;
  size_t at; /* of a room: how far the table has been looked through */
};

static void recorded(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct cg_service *g = arg;
  (void)result;
  if (code != CGP_OK)
    CG_LOG(g->log, CG_ERROR, "a join or leave is not recorded", {"error", text});
}

static void record(struct cg_service *g, const char *kind, const struct cg_lease *l,
                   const struct news *n, const char *reason) {
  struct cg_buf facts;
  cg_buf_init(&facts, CG_FACTS_MAX);
  struct cgp_audit_row row = cg_row_of_lease(g, kind, l, &facts);
  cg_buf_reset(&facts);
  cg_json_open(&facts, NULL, '{');
  cg_json_str(&facts, "room", n->room);
  cg_json_str(&facts, "participant", n->sid);
  cg_json_time(&facts, "at", n->at_us);
  cg_json_close(&facts, '}');
  row.outcome = "";
  row.reason = reason;
  row.facts = cg_buf_ok(&facts) ? cg_buf_text(&facts) : "{}";
  cg_audit_append(g->drivers, &row, 1, recorded, g);
  cg_buf_done(&facts);
}

static struct cg_sid *sid_of(struct cg_lease *l, const char *sid) {
  for (size_t i = 0; i < CG_SIDS_MAX; i++)
    if (*l->sids[i].text && strcmp(l->sids[i].text, sid) == 0) return &l->sids[i];
  return NULL;
}

static void note_sid(struct cg_lease *l, const char *sid, bool left) {
  struct cg_sid *s = &l->sids[l->next_sid++ % CG_SIDS_MAX];
  snprintf(s->text, sizeof s->text, "%s", sid);
  s->left = left;
}

static void joined(struct cg_service *g, struct cg_lease *l, const struct news *n) {
  if (l->state != CG_LEASE_ACTIVE || strcmp(l->room, n->room) != 0) {
    record(g, "join", l, n, "without a live lease on this room: put out");
    cg_put_out(g, n->room, l->id);
    return;
  }
  if (sid_of(l, n->sid)) return;
  note_sid(l, n->sid, false);
  l->joined_us = n->at_us;
  cg_metric_add(g->metrics, g->worker, g->metric->joins, 1);
  record(g, "join", l, n, "");
}

static void left(struct cg_service *g, struct cg_lease *l, const struct news *n) {
  struct cg_sid *s = sid_of(l, n->sid);
  if (s && s->left) return;
  if (s)
    s->left = true;
  else
    note_sid(l, n->sid, true);
  l->left_us = n->at_us;
  record(g, "leave", l, n, "");
}

/* ---- a lease that is not in memory ---- */

static void looked_up(void *arg, enum cgp_code code, const void *result,
                      const char *text) {
  struct news *n = arg;
  const struct cgp_audit_rows *rows = result;
  if (code != CGP_OK)
    CG_LOG(n->home->log, CG_ERROR, "cannot tell whose participant joined",
           {"lease_id", n->call.lease_id}, {"error", text});
  else if (rows->n > 0)
    cg_put_out(n->home, n->room, n->call.lease_id);
  cg_free(n);
}

static bool look_up(struct news *n) {
  if (n->type != CGP_ROOM_JOINED || cg_service_closed(n->home)) return false;
  struct cgp_audit_filter f = cg_row_end_of(n->call.lease_id);
  cg_audit_query(n->home->drivers, &f, looked_up, n);
  return true;
}

static void about_lease(struct cg_service *home, struct cg_lease *l, void *arg) {
  struct news *n = arg;
  n->home = home;
  if (!l && look_up(n)) return;
  if (l && n->type == CGP_ROOM_JOINED)
    joined(home, l, n);
  else if (l)
    left(home, l, n);
  cg_free(n);
}

/* ---- a room that closed ---- */

struct closing {
  const struct news *news;
  struct cg_list over; /* leases, by in_rows */
};

static bool note_closed(struct cg_lease *l, void *arg) {
  struct closing *c = arg;
  int64_t at_us = c->news->at_us + SECOND_US;
  if (l->state == CG_LEASE_ENDED || strcmp(l->room, c->news->room) != 0 ||
      at_us < l->granted_us)
    return true;
  if (l->state == CG_LEASE_ACTIVE && l->joined_us && l->joined_us <= at_us)
    cg_list_add(&c->over, &l->in_rows);
  else
    l->room_gone = true;
  return true;
}

/* A part of the table a turn, so that requests have theirs. */
static void about_room(void *arg) {
  struct news *n = arg;
  struct closing c = {.news = n};
  bool more = !cg_service_closed(n->home) &&
              cg_leases_part(n->home->leases, &n->at, note_closed, &c);
  while (c.over.first) {
    struct cg_lease *l = CG_CONTAINER(c.over.first, struct cg_lease, in_rows);
    cg_list_remove(&c.over, &l->in_rows);
    cg_lease_end(n->home, l, CG_ENDED_ROOM_CLOSED, "the room was closed", NULL, NULL);
  }
  if (more)
    cg_loop_send(n->home->loop, &n->mail, about_room, n);
  else
    cg_free(n);
}

/* ---- on its way ---- */

/* From the reserve when memory is short: a missed leave is one that nobody sees again. */
static struct news *news_of(struct cg_service *g, const struct cgp_room_event *ev) {
  struct news *n = cg_firm_alloc(sizeof *n);
  if (!n) {
    CG_LOG(g->log, CG_ERROR, "a room event was dropped: no memory");
    return NULL;
  }
  n->type = ev->type;
  n->at_us = ev->at_us;
  snprintf(n->room, sizeof n->room, "%s", ev->room);
  snprintf(n->sid, sizeof n->sid, "%s", ev->sid);
  return n;
}

static void tell_home(struct cg_service *g, const struct cgp_room_event *ev) {
  struct news *n = cg_id_valid(ev->identity) ? news_of(g, ev) : NULL;
  if (n) cg_home_do(g, &n->call, ev->identity, about_lease, n);
}

static void tell_all(struct cg_service *g, const struct cgp_room_event *ev) {
  for (uint32_t i = 0; i < g->n_workers; i++) {
    struct news *n = news_of(g, ev);
    if (!n) return;
    n->home = g->peers[i];
    cg_loop_send(n->home->loop, &n->mail, about_room, n);
  }
}

void cg_presence_event(struct cg_service *g, const struct cgp_room_event *ev,
                       cg_told_fn *told, void *arg) {
  switch (ev->type) {
  case CGP_ROOM_JOINED:
  case CGP_ROOM_LEFT: tell_home(g, ev); break;
  case CGP_ROOM_CLOSED: tell_all(g, ev); break;
  case CGP_ROOM_EVENTS_LOST:
    CG_LOG(g->log, CG_WARN, "the SFU dropped events; joins and leaves may be missing");
    break;
  case CGP_ROOM_OPENED:
  case CGP_ROOM_TRACK_PUBLISHED:
  case CGP_ROOM_TRACK_UNPUBLISHED: break;
  }
  if (told) told(arg, CGP_OK);
}
