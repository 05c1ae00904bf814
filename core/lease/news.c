#include "lease/news.h"

#include <stdio.h>

#include "base/mem.h"

_Static_assert(sizeof(struct cg_news) <= CG_FIRM_BYTES, "the reserve has such pieces");

/* Before 2.1 a room that closed had its sid where others have the participant's. */
static const char *room_sid_of(const struct cgp_room_event *ev) {
  return ev->type == CGP_ROOM_CLOSED && !*ev->room_sid ? ev->sid : ev->room_sid;
}

static struct cg_moment moment_of(const struct cg_service *g, int64_t at_us) {
  int64_t now_us = cg_service_wall(g), wall_us = at_us < now_us ? at_us : now_us;
  return (struct cg_moment){wall_us, cg_teller_mono(g->teller, wall_us)};
}

static void copy(struct cg_news *n, const struct cgp_room_event *ev) {
  n->type = ev->type;
  snprintf(n->room, sizeof n->room, "%s", ev->room);
  snprintf(n->sid, sizeof n->sid, "%s", ev->sid);
  snprintf(n->room_sid, sizeof n->room_sid, "%s", room_sid_of(ev));
}

struct cg_news *cg_news_new(struct cg_service *g, const struct cgp_room_event *ev,
                            cg_told_fn *told, void *arg) {
  struct cg_news *n = cg_firm_alloc(sizeof *n);
  if (n) {
    *n = (struct cg_news){.origin = g, .told = told, .told_arg = arg};
    n->at = moment_of(g, ev->at_us);
    copy(n, ev);
    return n;
  }
  CG_LOG(g->log, CG_ERROR, "a room event was dropped: no memory");
  if (told) told(arg, CGP_E_BUSY);
  return NULL;
}

bool cg_news_arrives(struct cg_news *n, struct cg_service *home) {
  bool closed = cg_service_closed(home);
  n->home = home;
  if (closed || home->n_news >= CG_NEWS_MAX) {
    cg_news_over(n, closed ? CGP_E_UNAVAILABLE : CGP_E_BUSY);
    return false;
  }
  cg_list_add(&home->news, &n->in_open);
  home->n_news++;
  return true;
}

void cg_news_leaves(struct cg_news *n) {
  if (!n->given_up) {
    cg_list_remove(&n->home->news, &n->in_open);
    n->home->n_news--;
  }
  cg_lease_unref(n->lease);
  n->lease = NULL;
}

static void tell(void *arg) {
  struct cg_news *n = arg;
  n->told(n->told_arg, n->code);
  cg_free(n);
}

/* A home that has closed hears of news only when every worker has stopped: then the loop
 * of the origin may be gone, and this is the only thread. */
void cg_news_over(struct cg_news *n, enum cgp_code code) {
  n->code = code;
  if (!n->told)
    cg_free(n);
  else if (cg_service_closed(n->home))
    tell(n);
  else
    cg_loop_send(n->origin->loop, &n->mail, tell, n);
}
