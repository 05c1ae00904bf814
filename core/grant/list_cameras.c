/* A page of the cameras, each decided as if it were asked for now. */
#include <string.h>

#include "base/mem.h"
#include "grant/camera.h"
#include "grant/listing.h"

#define PAGE_BYTES ((size_t)4 * 1024 * 1024)
#define SLICE      16 /* decisions between two turns of the loop */

struct page {
  struct cg_mail mail; /* for the next slice */
  struct cg_service *g;
  const struct cg_subject *who;
  const char *after;
  cg_list_fn *fn;
  void *arg;
  struct cg_arena *arena;    /* the cameras of this page */
  struct cg_arena *decision; /* of the one being decided */
  const struct cg_camera **cameras;
  size_t n, at, in_slice;
  bool more, looping, decided_now;
  enum cg_code outage; /* why the last one could not be decided; CG_OK */
  struct cg_policy *policy;
  struct cg_ask ask;
  struct cg_buf text;
};

static void page_over(struct page *p, const struct cg_err *err) {
  p->fn(p->arg, err, cg_buf_text(&p->text), p->text.len);
  cg_buf_done(&p->text);
  cg_policy_unref(p->policy);
  cg_arena_free(p->arena, p->g->pool);
  cg_free(p);
}

static void page_failed(struct page *p, enum cg_code code, const char *text) {
  struct cg_err err;
  cg_fail(&err, code, "%s", text);
  page_over(p, &err);
}

static void write_camera(struct page *p, const struct cg_camera *c,
                         const struct cg_verdict *v) {
  struct cg_buf *b = &p->text;
  cg_json_open(b, NULL, '{');
  cg_json_str(b, "id", c->id);
  cg_json_str(b, "name", c->name);
  cg_json_str(b, "site", c->site);
  cg_json_open(b, "tags", '[');
  for (size_t i = 0; i < c->tags.n; i++) cg_json_str(b, NULL, c->tags.items[i]);
  cg_json_close(b, ']');
  cg_json_int(b, "level", c->level);
  cg_json_str(b, "quality", cg_tier_name(&p->g->conf->tiers, v->max));
  cg_json_close(b, '}');
}

static void decide_on(struct page *p);

static void go_on(void *arg) {
  struct page *p = arg;
  p->in_slice = 0;
  decide_on(p);
}

static void decided(void *arg, const struct cg_verdict *v) {
  struct page *p = arg;
  if (v->allow) write_camera(p, p->cameras[p->at], v);
  p->outage = v->outage;
  cg_arena_free(p->decision, p->g->pool);
  p->decision = NULL;
  p->at++;
  p->decided_now = true;
  if (!p->looping) decide_on(p);
}

static void last_of_page(struct page *p) {
  cg_json_close(&p->text, ']');
  cg_json_str(&p->text, "next", p->more ? p->cameras[p->n - 1]->id : NULL);
  cg_json_close(&p->text, '}');
  if (cg_buf_ok(&p->text))
    page_over(p, NULL);
  else
    page_failed(p, CG_E_MEMORY, "no memory to list cameras");
}

/* One after another; a verdict may come at once or later. */
static void decide_on(struct page *p) {
  p->looping = true;
  do {
    if (p->outage != CG_OK) {
      page_failed(p, p->outage, "the policies cannot decide now");
      return;
    }
    if (p->at == p->n) {
      last_of_page(p);
      return;
    }
    if (p->in_slice++ == SLICE) {
      cg_loop_send(p->g->loop, &p->mail, go_on, p);
      break;
    }
    p->decision = cg_arena_new(p->g->pool, (size_t)p->g->conf->arena_bytes);
    if (!p->decision) {
      page_failed(p, CG_E_MEMORY, "no memory to list cameras");
      return;
    }
    p->ask.camera = p->cameras[p->at];
    p->decided_now = false;
    cg_policy_decide(p->policy, &p->ask, p->decision, decided, p);
  } while (p->decided_now);
  p->looping = false;
}

static size_t first_behind(const struct cgp_camera_list *list, const char *after) {
  size_t low = 0, high = list->n;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (strcmp(list->cameras[mid]->id, after) <= 0)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

static void got_list(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct page *p = arg;
  const struct cgp_camera_list *list = result;
  if (code != CGP_OK) {
    page_failed(p, cg_trouble_of(code), text);
    return;
  }
  size_t from = *p->after ? first_behind(list, p->after) : 0;
  p->n = list->n - from < CG_CAMERAS_PAGE ? list->n - from : CG_CAMERAS_PAGE;
  p->more = from + p->n < list->n;
  p->cameras = cg_arena_alloc(p->arena, (p->n + 1) * sizeof *p->cameras);
  bool ok = p->cameras;
  for (size_t i = 0; ok && i < p->n; i++)
    ok = (p->cameras[i] = cg_camera_copy(p->arena, list->cameras[from + i]));
  if (!ok) {
    page_failed(p, CG_E_MEMORY, "no memory to list cameras");
    return;
  }
  cg_json_open(&p->text, NULL, '{');
  cg_json_open(&p->text, "cameras", '[');
  decide_on(p);
}

void cg_list_cameras(struct cg_service *g, const struct cg_subject *who,
                     const char *after, cg_list_fn *fn, void *arg) {
  struct cg_err err;
  struct page *p = cg_alloc(sizeof *p);
  struct cg_arena *arena = p ? cg_arena_new(g->pool, PAGE_BYTES) : NULL;
  if (!arena) {
    cg_free(p);
    cg_fail(&err, CG_E_MEMORY, "no memory to list cameras");
    fn(arg, &err, NULL, 0);
    return;
  }
  *p = (struct page){.g = g, .who = who, .after = after, .fn = fn, .arg = arg};
  p->arena = arena;
  p->policy = cg_policy_ref(g->policy);
  p->ask = (struct cg_ask){.subject = who,
                           .quality = CG_TIER_NONE,
                           .purpose = "",
                           .now_us = cg_service_wall(g)};
  cg_buf_init(&p->text, PAGE_BYTES);
  cg_cameras_list(g->drivers, got_list, p);
}
