#include "gate/reload.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "lease/row.h"

#define FACTS_MAX 4096
#define WORDS_MAX ((size_t)1 << 20)

struct cg_reload {
  struct cg_mail mail; /* asker -> main thread -> worker 0 -> asker */
  struct cg_reloads *all;
  struct cg_service *asker; /* NULL: a signal */
  char who[64];
  cg_reloaded_fn *fn;
  void *arg;
  struct cg_files files;
  uint32_t n_answers;
  struct cg_err err;
  char revision[65];
  struct cg_camera_changes cameras;
};

/* One reload's way, step by step. */
static void asked(void *arg);
static void start(struct cg_reload *r);
static void compiled(void *arg, struct cg_worker *w, const struct cg_err *err);
static void swapped(void *arg, struct cg_worker *w, const struct cg_err *err);
static void finish(struct cg_reload *r);
static void refuse(struct cg_reload *r, const char *text);
static void record(void *arg);
static void recorded(void *arg, enum cgp_code code, const void *result, const char *text);
static void answer(struct cg_reload *r);
static void tell(void *arg);

static void drop_files(struct cg_files *f) {
  cg_bundle_unref(f->bundle);
  cg_zones_unref(f->zones);
  cg_credentials_free(&f->credentials);
  *f = (struct cg_files){0};
}

static bool read_zones(const struct cg_conf *conf, const struct cg_zones **ret,
                       struct cg_err *err) {
  struct cg_field_errors errs = {.n = 0};
  uint64_t failures = cg_mem_failures();
  struct cg_arena *arena = cg_arena_new(NULL, WORDS_MAX);
  *ret = arena ? cg_zone_files_read(&conf->zones, arena, &errs) : NULL;
  if (!*ret && (!errs.n || cg_mem_failures() != failures))
    cg_fail(err, CG_E_MEMORY, "no memory to read time zones");
  else if (!*ret)
    cg_fail(err, CG_E_INVALID, "%s: %s", errs.items[0].pointer + 1, errs.items[0].text);
  cg_arena_free(arena, NULL);
  return *ret;
}

static bool read_files(const struct cg_conf *conf, struct cg_files *f,
                       struct cg_err *err) {
  const char *option;
  f->bundle = cg_bundle_read_some(conf->policies, err);
  return f->bundle && read_zones(conf, &f->zones, err) &&
         cg_credentials_read(&conf->tls, conf->jwks_file, &f->credentials, &option, err);
}

bool cg_reloads_read(struct cg_reloads *all, struct cg_err *err) {
  return read_files(all->workers->conf, &all->files, err);
}

/* ---- asked for ---- */

static struct cg_reload *reload_new(struct cg_reloads *all, const char *who) {
  struct cg_reload *r = cg_alloc(sizeof *r);
  if (!r) return NULL;
  r->all = all;
  snprintf(r->who, sizeof r->who, "%s", who);
  return r;
}

void cg_reload_now(struct cg_reloads *all, const char *who) {
  struct cg_reload *r = reload_new(all, who);
  if (r)
    asked(r);
  else
    CG_LOG(all->workers->log, CG_ERROR, "reload refused", {"by", who},
           {"error", "no memory"});
}

void cg_reload_ask(struct cg_reloads *all, struct cg_service *asker, const char *who,
                   cg_reloaded_fn *fn, void *arg) {
  struct cg_reload *r = reload_new(all, who);
  if (!r) {
    struct cg_err err;
    cg_fail(&err, CG_E_MEMORY, "no memory to reload");
    fn(arg, &err, "");
    return;
  }
  r->asker = asker;
  r->fn = fn;
  r->arg = arg;
  cg_loop_send(all->workers->main, &r->mail, asked, r);
}

/* ---- all or none ---- */

static void asked(void *arg) {
  struct cg_reload *r = arg;
  if (r->all->under_way)
    refuse(r, "a reload is under way");
  else if (!r->all->allowed)
    refuse(r, "the gate is starting or draining");
  else
    start(r);
}

static void start(struct cg_reload *r) {
  struct cg_workers *workers = r->all->workers;
  r->all->under_way = r;
  if (!read_files(workers->conf, &r->files, &r->err)) {
    finish(r);
    return;
  }
  for (uint32_t i = 0; i < workers->n; i++)
    cg_worker_compile(workers->all[i], &r->files, compiled, r);
}

static void compiled(void *arg, struct cg_worker *w, const struct cg_err *err) {
  struct cg_reload *r = arg;
  struct cg_reloads *all = r->all;
  struct cg_workers *workers = w->workers;
  if (err && r->err.code == CG_OK) r->err = *err;
  if (++r->n_answers < workers->n) return;
  bool whole = r->err.code == CG_OK;
  bool keep = whole && cg_plugins_reload(workers->plugins, &r->err);
  if (whole) r->cameras = workers->plugins->changes;
  if (keep) {
    drop_files(&all->files);
    all->files = r->files;
    r->files = (struct cg_files){0};
  }
  r->n_answers = 0;
  for (uint32_t i = 0; i < workers->n; i++)
    cg_worker_swap(workers->all[i], keep ? &all->files : NULL, swapped, r);
}

static void swapped(void *arg, struct cg_worker *w, const struct cg_err *err) {
  struct cg_reload *r = arg;
  (void)err;
  if (++r->n_answers == w->workers->n) finish(r);
}

static void finish(struct cg_reload *r) {
  struct cg_reloads *all = r->all;
  struct cg_workers *workers = all->workers;
  bool ok = r->err.code == CG_OK;
  snprintf(r->revision, sizeof r->revision, "%s", all->files.bundle->revision);
  drop_files(&r->files);
  all->under_way = NULL;
  CG_LOG(workers->log, ok ? CG_INFO : CG_ERROR, ok ? "reloaded" : "reload refused",
         {"policy_rev", r->revision}, {"by", r->who}, {"error", r->err.text},
         {"zone", all->files.zones->gate->name},
         {"cameras_added", NULL, r->cameras.n[CGP_CAMERA_ADDED]},
         {"cameras_changed", NULL, r->cameras.n[CGP_CAMERA_CHANGED]},
         {"cameras_removed", NULL, r->cameras.n[CGP_CAMERA_REMOVED]});
  cg_loop_send(workers->all[0]->loop, &r->mail, record, r);
  all->over(all->arg);
}

static void refuse(struct cg_reload *r, const char *text) {
  cg_fail(&r->err, CG_E_CONFLICT, "%s", text);
  answer(r);
}

/* ---- the last act: worker 0 records, the asker hears ---- */

static void record(void *arg) {
  struct cg_reload *r = arg;
  bool ok = r->err.code == CG_OK;
  cg_utf8_copy(r->all->last_refusal, sizeof r->all->last_refusal, ok ? "" : r->err.text);
  struct cg_buf facts;
  cg_buf_init(&facts, FACTS_MAX);
  cg_json_open(&facts, NULL, '{');
  cg_camera_changes_json(&facts, &r->cameras);
  cg_json_close(&facts, '}');
  struct cgp_audit_row row = cg_row_blank("reload");
  row.outcome = ok ? "allow" : "error";
  row.reason = ok ? r->who : r->err.text;
  row.policy_revision = r->revision;
  if (cg_buf_ok(&facts)) row.facts = cg_buf_text(&facts);
  cg_audit_append(r->all->workers->all[0]->service.drivers, &row, 1, recorded, r);
  cg_buf_done(&facts);
}

static void recorded(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct cg_reload *r = arg;
  (void)result;
  if (code != CGP_OK && r->err.code == CG_OK)
    cg_fail(&r->err, cg_code_of(code), "reloaded, but the trail cannot record it: %s",
            text);
  answer(r);
}

static void answer(struct cg_reload *r) {
  if (r->fn)
    cg_loop_send(r->asker->loop, &r->mail, tell, r);
  else
    cg_free(r);
}

static void tell(void *arg) {
  struct cg_reload *r = arg;
  r->fn(r->arg, r->err.code == CG_OK ? NULL : &r->err, r->revision);
  cg_free(r);
}

void cg_reloads_free(struct cg_reloads *all) {
  if (all->under_way) {
    drop_files(&all->under_way->files);
    cg_free(all->under_way);
  }
  drop_files(&all->files);
}
