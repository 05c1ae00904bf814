#include "lease/look_back.h"

#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "lease/rooms.h"
#include "lease/row.h"

struct looking {
  struct cg_service *home;
  struct cg_lease *lease;
  void (*fn)(void *l, bool ok);
};

static void over(struct looking *k, bool ok, const char *text) {
  struct looking was = *k;
  cg_free(k);
  if (!ok)
    CG_LOG(was.home->log, CG_ERROR, "the trail does not say who is in a room",
           {"lease_id", was.lease->id}, {"error", text});
  was.fn(was.lease, ok);
}

/* ---- rows, newest first ---- */

/* "" when it has none. */
static const char *text_of(const json_t *facts, const char *name) {
  const char *text = json_string_value(json_object_get(facts, name));
  return text ? text : "";
}

static struct cg_connection *known(struct cg_lease *l, const json_t *facts) {
  return cg_connection_known(&l->connections, text_of(facts, "participant"),
                             text_of(facts, "room_sid"));
}

/* The wall clock may have been set back since. */
static struct cg_moment passed(const struct cg_service *g, int64_t at_us) {
  int64_t mono = cg_teller_mono(g->teller, at_us), now = cg_service_mono(g);
  return (struct cg_moment){at_us, mono < now ? mono : now};
}

static void joined(struct looking *k, const json_t *facts, const char *reason) {
  struct cg_lease *l = k->lease;
  const char *room = text_of(facts, "room");
  int64_t at_us;
  struct cg_connection *c = known(l, facts);
  if (*reason || !cg_time_parse(text_of(facts, "at"), &at_us)) return;
  const struct cg_moment at = passed(k->home, at_us);
  cg_connection_there(&l->connections, c, room, at, cg_loop_now(k->home->loop));
  if (strcmp(room, l->room) == 0) l->joined = at;
}

static void left(struct looking *k, const json_t *facts, const char *reason) {
  struct cg_lease *l = k->lease;
  struct cg_connection *c = known(l, facts);
  (void)reason;
  if (l->connections.now == c && !cg_time_parse(text_of(facts, "at"), &l->left_us))
    l->left_us = 0;
  cg_connection_left(&l->connections, c);
}

static void read_rows(struct looking *k, const struct cgp_audit_rows *rows,
                      void (*read)(struct looking *k, const json_t *facts,
                                   const char *reason)) {
  for (size_t i = rows->n; i-- > 0;) {
    const struct cgp_audit_row *row = CGP_AT(rows->rows, i);
    json_t *facts = json_loads(row->facts, JSON_REJECT_DUPLICATES, NULL);
    if (facts) read(k, facts, row->reason);
    json_decref(facts);
  }
}

/* ---- the questions ---- */

static void ask(struct looking *k, const char *kind, cg_call_fn *fn) {
  struct cgp_audit_filter f = cg_filter_blank();
  f.kind = kind;
  f.lease_id = k->lease->id;
  f.limit = CG_CONNECTIONS_MAX;
  f.newest_first = true;
  cg_audit_query(k->home->drivers, &f, fn, k);
}

static void leaves_told(void *arg, enum cgp_code code, const void *result,
                        const char *text) {
  struct looking *k = arg;
  if (code == CGP_OK) {
    read_rows(k, result, left);
    k->lease->look_back = k->lease->doubted = false;
    cg_rooms_place(k->home->rooms, k->lease);
  }
  over(k, code == CGP_OK, text);
}

static void joins_told(void *arg, enum cgp_code code, const void *result,
                       const char *text) {
  struct looking *k = arg;
  if (code != CGP_OK) {
    over(k, false, text);
    return;
  }
  k->lease->connections = (struct cg_connections){0};
  read_rows(k, result, joined);
  ask(k, "leave", leaves_told);
}

static void felt(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct looking *k = arg;
  const struct cgp_health *health = result;
  if (code == CGP_OK && health->ok)
    ask(k, "join", joins_told);
  else
    over(k, false, code == CGP_OK ? health->text : text);
}

void cg_look_back(struct cg_service *home, struct cg_lease *l,
                  void (*fn)(void *l, bool ok)) {
  struct looking *k = cg_alloc(sizeof *k);
  if (!k) {
    fn(l, false);
    return;
  }
  *k = (struct looking){.home = home, .lease = l, .fn = fn};
  if (l->doubted)
    cg_audit_health(home->drivers, felt, k);
  else
    ask(k, "join", joins_told);
}
