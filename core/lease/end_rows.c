#include "lease/end_rows.h"

#include "base/backoff.h"
#include "base/check.h"
#include "base/deferred.h"
#include "base/mem.h"
#include "lease/holding.h"
#include "lease/row.h"

#define GROUP_ROWS  128
#define FACTS_BYTES 256
#define GROUPS_MAX  16 /* under way; as many again of ends that somebody waits for */
#define LATE_MAX    64 /* and so many whose answer has not come in time */
#define LOST_US     (5 * INT64_C(1000000))

/* The rows of one append. */
struct group {
  struct cg_link link;
  struct cg_end_rows *rows;
  struct cg_list leases; /* empty: it is settled */
  size_t *place;         /* which count of groups it is in; NULL: its append is over */
  uint32_t refs;         /* append not over, not settled, question under way */
  bool asking;           /* the trail whether it has them */
  bool ask_again;        /* the append ended meanwhile */
  struct cg_timer timer;
};

struct cg_end_rows {
  struct cg_service *g;
  struct cg_retries *quota;
  struct cg_list asked, others; /* leases that wait */
  struct cg_list groups;
  size_t n;                         /* leases not recorded yet */
  size_t n_asked, n_others, n_late; /* groups under way */
  struct cg_backoff backoff;
  struct cg_deferred *next_turn;
  struct cgp_audit_row row[GROUP_ROWS];
  char facts[GROUP_ROWS][FACTS_BYTES];
};

static void take_turn(void *arg);

struct cg_end_rows *cg_end_rows_new(struct cg_service *g, struct cg_retries *quota) {
  struct cg_end_rows *r = cg_alloc(sizeof *r);
  if (!r) return NULL;
  r->g = g;
  r->quota = quota;
  r->next_turn = cg_deferred_new(g->loop, take_turn, r);
  if (r->next_turn) return r;
  cg_free(r);
  return NULL;
}

size_t cg_end_rows_open(const struct cg_end_rows *r) {
  return r->n;
}

static struct cg_lease *take_first(struct cg_list *list) {
  struct cg_lease *l = CG_CONTAINER(list->first, struct cg_lease, in_rows);
  cg_list_remove(list, &l->in_rows);
  return l;
}

/* ---- the turn ---- */

/* Those that somebody waits for; the others. */
static bool may_ask(const struct cg_end_rows *r) {
  return r->asked.first && r->n_asked < GROUPS_MAX;
}

static bool may_send(const struct cg_end_rows *r) {
  return r->others.first && r->n_others < GROUPS_MAX && !r->backoff.pausing;
}

static void soon(struct cg_end_rows *r) {
  if (may_ask(r) || may_send(r)) cg_deferred_soon(r->next_turn);
}

static void pause_over(void *arg) {
  struct cg_end_rows *r = arg;
  cg_backoff_over(&r->backoff);
  soon(r);
}

static void trouble(struct cg_end_rows *r, const char *text) {
  if (!cg_backoff_pause(&r->backoff, r->g->loop, pause_over, r)) return;
  CG_LOG(r->g->log, CG_ERROR, "ends of leases are not recorded yet",
         {"count", NULL, (int64_t)r->n}, {"error", text});
}

/* ---- what becomes of a group ---- */

static void tell(struct cg_lease *l, bool recorded) {
  void (*fn)(void *, bool) = l->told;
  l->told = NULL;
  if (fn) fn(l->told_arg, recorded);
}

static void tell_all(struct group *p, bool recorded) {
  for (struct cg_link *at = p->leases.first; at; at = at->next)
    tell(CG_CONTAINER(at, struct cg_lease, in_rows), recorded);
}

static void put_into(struct group *p, size_t *place) {
  if (p->place) (*p->place)--;
  p->place = place;
  if (place) (*place)++;
}

static void unref(struct group *p) {
  if (--p->refs > 0) return;
  cg_list_remove(&p->rows->groups, &p->link);
  cg_free(p);
}

static void settled(struct group *p) {
  cg_timer_stop(&p->timer);
  soon(p->rows);
  unref(p);
}

static void are_recorded(struct group *p) {
  struct cg_end_rows *r = p->rows;
  cg_backoff_reset(&r->backoff);
  while (p->leases.first) {
    struct cg_lease *l = take_first(&p->leases);
    r->n--;
    l->unrecorded = false;
    cg_metric_add(r->g->metrics, r->g->worker, r->g->metric->unrecorded, -1);
    tell(l, true);
    cg_lease_unref(l);
  }
  settled(p);
}

static void are_not_there(struct group *p) {
  tell_all(p, false);
  while (p->leases.first) cg_list_add(&p->rows->others, &take_first(&p->leases)->in_rows);
  settled(p);
}

/* ---- an append that was not answered, or not readably ---- */

static void look_into(void *arg);
static void looked_up(void *arg, enum cgp_code code, const void *result,
                      const char *text);

static void ask_trail(struct group *p) {
  struct cg_lease *any = CG_CONTAINER(p->leases.first, struct cg_lease, in_rows);
  struct cgp_audit_filter f = cg_row_end_of(any->id);
  p->asking = true;
  p->refs++;
  cg_audit_query(p->rows->g->drivers, &f, looked_up, p);
}

static void looked_up(void *arg, enum cgp_code code, const void *result,
                      const char *text) {
  struct group *p = arg;
  const struct cgp_audit_rows *found = result;
  bool stale = p->ask_again;
  p->asking = p->ask_again = false;
  if (p->leases.first && stale) {
    ask_trail(p);
  } else if (p->leases.first && code != CGP_OK) {
    trouble(p->rows, text);
    cg_timer_start(&p->timer, p->rows->g->loop, LOST_US, look_into, p);
  } else if (p->leases.first && found->n > 0) {
    are_recorded(p);
  } else if (p->leases.first) {
    are_not_there(p);
  }
  unref(p);
}

static void felt(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct group *p = arg;
  const struct cgp_health *health = result;
  bool well = code == CGP_OK && health->ok;
  p->asking = false;
  if (p->leases.first && (well || !p->place))
    ask_trail(p);
  else if (p->leases.first)
    cg_timer_start(&p->timer, p->rows->g->loop, LOST_US, look_into, p);
  (void)text;
  unref(p);
}

static void look_into(void *arg) {
  struct group *p = arg;
  if (!p->place) {
    ask_trail(p);
    return;
  }
  p->asking = true;
  p->refs++;
  cg_audit_health(p->rows->g->drivers, felt, p);
}

/* The trail does not answer for long: whoever waits is told. */
static void put_off(struct cg_end_rows *r) {
  while (r->asked.first) {
    struct cg_lease *l = take_first(&r->asked);
    cg_list_add(&r->others, &l->in_rows);
    tell(l, false);
  }
}

static void is_late(void *arg) {
  struct group *p = arg;
  put_into(p, &p->rows->n_late);
  trouble(p->rows, "the audit trail did not answer in time");
  tell_all(p, false);
  put_off(p->rows);
  cg_timer_start(&p->timer, p->rows->g->loop, LOST_US, look_into, p);
}

static void ask_after_all(struct group *p) {
  cg_timer_stop(&p->timer);
  tell_all(p, false);
  ask_trail(p);
}

static void answered(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct group *p = arg;
  struct cg_end_rows *r = p->rows;
  bool unreadable = code == CGP_E_INTERNAL || code == CGP_E_TIMEOUT;
  (void)result;
  put_into(p, NULL);
  if (p->leases.first && code == CGP_OK) {
    are_recorded(p);
  } else if (p->leases.first) {
    trouble(r, text);
    if (!unreadable)
      are_not_there(p);
    else if (p->asking)
      p->ask_again = true;
    else
      ask_after_all(p);
  }
  unref(p);
}

/* ---- a group begins ---- */

/* What they hold is given back behind their rows. */
static void give_back_behind(struct cg_end_rows *r, struct cg_lease *l) {
  if (!l->holds) return;
  l->holds = false;
  cg_retries_add(r->quota, l, &l->giving_back, l->holding,
                 cg_service_mono(r->g) + cg_holding_s(r->g->conf) * 1000000);
}

static struct cgp_audit_row row_of(const struct cg_end_rows *r, const struct cg_lease *l,
                                   char facts[FACTS_BYTES]) {
  struct cg_buf text;
  cg_buf_wrap(&text, facts, FACTS_BYTES);
  struct cgp_audit_row row = cg_row_of_lease(r->g, "end", l, &text);
  if (!cg_buf_ok(&text)) row.facts = "{}";
  return row;
}

static struct group *group_new(struct cg_end_rows *r, size_t *place) {
  struct group *p = r->n_late < LATE_MAX ? cg_firm_alloc(sizeof *p) : NULL;
  if (!p) {
    trouble(r, "no memory, or too many rows wait for the audit trail");
    put_off(r);
    return NULL;
  }
  p->rows = r;
  p->refs = 2;
  cg_list_add(&r->groups, &p->link);
  put_into(p, place);
  return p;
}

static void hand_over(struct cg_end_rows *r, struct cg_list *from, size_t *place) {
  struct group *p = group_new(r, place);
  size_t n = 0;
  if (!p) return;
  for (; from->first && n < GROUP_ROWS; n++) {
    struct cg_lease *l = take_first(from);
    cg_list_add(&p->leases, &l->in_rows);
    r->row[n] = row_of(r, l, r->facts[n]);
    give_back_behind(r, l);
  }
  cg_timer_start(&p->timer, r->g->loop, cg_audit_deadline_us(r->g->drivers), is_late, p);
  cg_audit_append_patient(r->g->drivers, r->row, n, answered, p);
  cg_retries_send(r->quota);
}

static void take_turn(void *arg) {
  struct cg_end_rows *r = arg;
  if (may_ask(r)) hand_over(r, &r->asked, &r->n_asked);
  if (may_send(r)) hand_over(r, &r->others, &r->n_others);
  soon(r);
}

void cg_end_rows_add(struct cg_end_rows *r, struct cg_lease *l, bool holds,
                     void (*fn)(void *arg, bool recorded), void *arg) {
  cg_lease_ref(l);
  l->unrecorded = true;
  l->holds = holds;
  l->told = fn;
  l->told_arg = arg;
  cg_list_add(fn ? &r->asked : &r->others, &l->in_rows);
  r->n++;
  cg_metric_add(r->g->metrics, r->g->worker, r->g->metric->unrecorded, 1);
  soon(r);
}

void cg_end_rows_free(struct cg_end_rows *r) {
  if (!r) return;
  cg_timer_stop(&r->backoff.timer);
  cg_deferred_free(r->next_turn);
  while (r->groups.first) {
    struct group *p = CG_CONTAINER(r->groups.first, struct group, link);
    cg_timer_stop(&p->timer);
    while (p->leases.first) cg_lease_unref(take_first(&p->leases));
    cg_list_remove(&r->groups, &p->link);
    cg_free(p);
  }
  while (r->asked.first) cg_lease_unref(take_first(&r->asked));
  while (r->others.first) cg_lease_unref(take_first(&r->others));
  cg_free(r);
}
