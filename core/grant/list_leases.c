/* Live leases, gathered from every worker that may have some. */
#include <string.h>

#include "base/mem.h"
#include "grant/listing.h"

#define LIST_MAX ((size_t)8 * 1024 * 1024)

struct gather;

struct part {
  struct cg_mail mail;
  struct gather *all;
  struct cg_service *home;
  struct cg_buf text;
};

struct gather {
  struct cg_service *origin;
  struct cg_lease_filter filter;
  cg_list_fn *fn;
  void *arg;
  uint32_t n, open;
  struct part parts[];
};

/* It may be overdue, while a worker stands still: then it ends from now on. */
static int64_t expires(const struct cg_service *h, const struct cg_lease *l) {
  int64_t now = cg_service_mono(h);
  bool overdue = l->state == CG_LEASE_ACTIVE && l->expires_mono_us < now;
  return overdue ? now : l->expires_mono_us;
}

static void write_lease(struct cg_buf *b, const struct cg_service *h,
                        const struct cg_lease *l) {
  static const char *const states[] = {"pending", "active", "ended"};
  cg_json_open(b, NULL, '{');
  cg_json_str(b, "lease_id", l->id);
  cg_json_str(b, "state", states[l->state]);
  cg_json_str(b, "subject", l->subject);
  cg_json_str(b, "camera_id", l->camera);
  cg_json_str(b, "quality", cg_tier_name(&h->conf->tiers, l->tier));
  cg_json_str(b, "room", l->room);
  cg_json_time(b, "granted_at", cg_service_tell(h, l->granted_mono_us));
  if (l->joined.wall_us) cg_json_time(b, "joined_at", l->joined.wall_us);
  cg_json_time(b, "expires_at", cg_service_tell(h, expires(h, l)));
  cg_json_time(b, "ends_at", cg_service_tell(h, l->ends_mono_us));
  cg_json_close(b, '}');
}

static bool matches(const char *wanted, const char *is) {
  return !*wanted || strcmp(wanted, is) == 0;
}

static bool list_one(struct cg_lease *l, void *arg) {
  struct part *p = arg;
  const struct cg_lease_filter *f = &p->all->filter;
  if (l->state == CG_LEASE_ACTIVE && matches(f->subject, l->subject) &&
      matches(f->camera, l->camera) && matches(f->lease_id, l->id))
    write_lease(&p->text, p->home, l);
  return cg_buf_ok(&p->text);
}

static void gathered(struct gather *all) {
  struct cg_buf b;
  struct cg_err err = {0};
  cg_buf_init(&b, LIST_MAX);
  cg_buf_puts(&b, "{\"leases\":[");
  bool first = true;
  for (uint32_t i = 0; i < all->n; i++) {
    struct cg_buf *t = &all->parts[i].text;
    b.failed = b.failed || !cg_buf_ok(t);
    if (t->len == 0) continue;
    cg_buf_puts(&b, first ? "" : ",");
    cg_buf_add(&b, t->data, t->len);
    first = false;
  }
  cg_buf_puts(&b, "]}");
  if (!cg_buf_ok(&b))
    cg_fail(&err, CG_E_BUSY, "more leases than fit one answer: name a subject or camera");
  all->fn(all->arg, err.code == CG_OK ? NULL : &err, cg_buf_text(&b), b.len);
  cg_buf_done(&b);
  for (uint32_t i = 0; i < all->n; i++) cg_buf_done(&all->parts[i].text);
  cg_free(all);
}

static void part_over(void *arg) {
  struct gather *all = arg;
  if (--all->open == 0) gathered(all);
}

static bool list_of_subject(struct cg_lease *l, void *arg) {
  return !list_one(l, arg);
}

static void list_part(void *arg) {
  struct part *p = arg;
  struct gather *all = p->all;
  cg_buf_init(&p->text, LIST_MAX);
  if (cg_service_closed(p->home))
    p->text.failed = true;
  else if (*all->filter.subject)
    cg_lease_of(p->home->leases, all->filter.subject, list_of_subject, p);
  else
    cg_leases_each(p->home->leases, list_one, p);
  cg_loop_send(all->origin->loop, &p->mail, part_over, all);
}

void cg_list_leases(struct cg_service *g, const struct cg_lease_filter *filter,
                    cg_list_fn *fn, void *arg) {
  struct cg_err err;
  bool one = *filter->subject || *filter->lease_id;
  uint32_t n = one ? 1 : g->n_workers;
  struct gather *all = cg_alloc(sizeof *all + n * sizeof all->parts[0]);
  if (!all) {
    cg_fail(&err, CG_E_MEMORY, "no memory to list leases");
    fn(arg, &err, NULL, 0);
    return;
  }
  *all = (struct gather){
      .origin = g, .filter = *filter, .fn = fn, .arg = arg, .n = n, .open = n};
  for (uint32_t i = 0; i < n; i++) {
    struct part *p = &all->parts[i];
    p->all = all;
    p->home = *filter->lease_id  ? cg_service_home_of_lease(g, filter->lease_id)
              : *filter->subject ? cg_service_home_of_subject(g, filter->subject)
                                 : g->peers[i];
    cg_loop_send(p->home->loop, &p->mail, list_part, p);
  }
}
