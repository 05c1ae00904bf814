#include "gate/reload.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "gate/worker.h"

struct cg_reload {
  struct cg_gate *gate;
  struct cg_service *asker; /* NULL: a signal */
  char who[64];
  cg_reloaded_fn *fn;
  void *arg;
  const struct cg_bundle *bundle;
  struct cg_credentials credentials;
  uint32_t n_answers;
  struct cg_err err;
  char revision[65];
};

const struct cg_bundle *cg_reload_bundle(const struct cg_reload *r) {
  return r->bundle;
}

const struct cg_credentials *cg_reload_credentials(const struct cg_reload *r) {
  return &r->credentials;
}

/* ---- the last act: worker 0 records, the asker hears ---- */

static void tell(void *arg) {
  struct cg_reload *r = arg;
  r->fn(r->arg, r->err.code == CG_OK ? NULL : &r->err, r->revision);
  cg_free(r);
}

static void recorded(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct cg_reload *r = arg;
  (void)result;
  if (code != CGP_OK && r->err.code == CG_OK)
    cg_fail(&r->err, cg_code_of(code), "reloaded, but the trail cannot record it: %s",
            text);
  if (!r->fn || !cg_loop_post(r->asker->loop, tell, r)) cg_free(r);
}

static void record(void *arg) {
  struct cg_reload *r = arg;
  bool ok = r->err.code == CG_OK;
  snprintf(r->gate->last_refusal, sizeof r->gate->last_refusal, "%s",
           ok ? "" : r->err.text);
  cg_gate_record(r->gate->workers[0], "reload", ok ? "allow" : "error",
                 ok ? r->who : r->err.text, r->revision, recorded, r);
}

static void finish(struct cg_reload *r) {
  struct cg_gate *gate = r->gate;
  bool ok = r->err.code == CG_OK;
  snprintf(r->revision, sizeof r->revision, "%s", gate->bundle->revision);
  cg_bundle_unref(r->bundle);
  cg_credentials_free(&r->credentials);
  r->bundle = NULL;
  gate->reload = NULL;
  CG_LOG(gate->log, ok ? CG_INFO : CG_ERROR, ok ? "reloaded" : "reload refused",
         {"policy_rev", r->revision}, {"by", r->who}, {"error", r->err.text});
  if (!cg_loop_post(gate->workers[0]->loop, record, r)) cg_free(r);
  cg_gate_reload_over(gate);
}

/* ---- all or none ---- */

static void swapped(void *arg) {
  struct cg_reload *r = ((struct cg_worker *)arg)->gate->reload;
  if (++r->n_answers == r->gate->n_workers) finish(r);
}

static void compiled(void *arg) {
  struct cg_worker *w = arg;
  struct cg_gate *gate = w->gate;
  struct cg_reload *r = gate->reload;
  if (w->err.code != CG_OK && r->err.code == CG_OK) r->err = w->err;
  if (++r->n_answers < gate->n_workers) return;
  bool keep = r->err.code == CG_OK && cg_plugins_reload(gate->plugins, &r->err);
  if (keep) {
    cg_bundle_unref(gate->bundle);
    gate->bundle = cg_bundle_ref(r->bundle);
    cg_credentials_free(&gate->credentials);
    gate->credentials = r->credentials;
    r->credentials = (struct cg_credentials){0};
  }
  r->n_answers = 0;
  for (uint32_t i = 0; i < gate->n_workers; i++)
    cg_worker_swap(gate->workers[i], keep, swapped);
}

static void start(struct cg_reload *r) {
  struct cg_gate *gate = r->gate;
  gate->reload = r;
  const char *option;
  r->bundle = cg_bundle_read(gate->conf->policies, &r->err);
  const struct cg_conf *conf = gate->conf;
  if (!r->bundle || !cg_credentials_read(&conf->tls, conf->jwks_file, &r->credentials,
                                         &option, &r->err)) {
    finish(r);
    return;
  }
  for (uint32_t i = 0; i < gate->n_workers; i++)
    cg_worker_compile(gate->workers[i], compiled);
}

static void refuse(struct cg_reload *r, const char *text) {
  cg_fail(&r->err, CG_E_CONFLICT, "%s", text);
  if (!r->fn || !cg_loop_post(r->asker->loop, tell, r)) cg_free(r);
}

static void asked(void *arg) {
  struct cg_reload *r = arg;
  if (r->gate->reload)
    refuse(r, "a reload is under way");
  else if (!atomic_load(&r->gate->serving))
    refuse(r, "the gate is starting or draining");
  else
    start(r);
}

static struct cg_reload *reload_new(struct cg_gate *gate, const char *who) {
  struct cg_reload *r = cg_alloc(sizeof *r);
  if (r) {
    r->gate = gate;
    snprintf(r->who, sizeof r->who, "%s", who);
  }
  return r;
}

void cg_reload_now(struct cg_gate *gate, const char *who) {
  struct cg_reload *r = reload_new(gate, who);
  if (r) asked(r);
}

void cg_reload_ask(void *gate, struct cg_service *asker, const char *who,
                   cg_reloaded_fn *fn, void *arg) {
  struct cg_reload *r = reload_new(gate, who);
  if (r) {
    r->asker = asker;
    r->fn = fn;
    r->arg = arg;
    if (cg_loop_post(r->gate->loop, asked, r)) return;
  }
  cg_free(r);
  struct cg_err err;
  cg_fail(&err, CG_E_BUSY, "the gate is too busy to reload");
  fn(arg, &err, "");
}
