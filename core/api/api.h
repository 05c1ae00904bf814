/* api.h - what the handlers of one worker work with, and their route tables.
 *
 * cg_exchange.ctx points at a struct cg_api.  Handlers check the request's form, hand it
 * to the grant layer and render what comes back; they decide nothing.  `app` functions
 * reach up without an include: the application fills them in.  One per worker, its
 * thread.
 */
#ifndef CG_API_API_H
#define CG_API_API_H

#include "grant/walk.h"
#include "http/exchange.h"
#include "http/route.h"

/* What a reload came to; err NULL: every worker runs `revision` now. */
typedef void cg_reloaded_fn(void *arg, const struct cg_err *err, const char *revision);

struct cg_api {
  struct cg_service *service;
  const struct cg_plugins *plugins;
  const struct cg_metrics *metrics;
  const char *version, *node, *openapi; /* openapi: the document's text */
  struct cg_buf out;                    /* replies are rendered here, one at a time */

  /* any worker may ask; fn runs on this worker */
  void (*reload)(void *app, struct cg_service *asker, const char *who, cg_reloaded_fn *fn,
                 void *arg);
  /* the last reload that was refused, in words; "" = none since the last good one */
  void (*last_refusal)(void *app, char *out, size_t n);
  /* restored, listening and not draining */
  bool (*serving)(void *app);
  /* No worker is alive that does not turn: false, in words. */
  bool (*alive)(void *app, char *out, size_t n);
  /* Every worker turns and can check tokens: false, in words. */
  bool (*able)(void *app, char *out, size_t n);
  void *app;
  int64_t started_us; /* wall */
};

extern const struct cg_route cg_api_stream_routes[]; /* public: leases */
extern const struct cg_route
    cg_api_question_routes[]; /* public: cameras, explain, audit */
extern const struct cg_route
    cg_api_document_routes[];                       /* public: openapi.yaml, problems */
extern const struct cg_route cg_api_admin_routes[]; /* admin listener */
/* Routes of plugins; for cg_router_set_fallback of the public router. */
bool cg_api_plugin_route(struct cg_exchange *x);

/* ---- for the handler files ---- */

static inline struct cg_api *cg_api_of(const struct cg_exchange *x) {
  return x->ctx;
}

/* Empties and lends the worker's buffer. */
struct cg_buf *cg_api_out(struct cg_exchange *x);
void cg_api_send(struct cg_exchange *x, int status, struct cg_buf *json);
/* The failure of a grant as its problem. */
void cg_api_refuse(struct cg_exchange *x, const struct cg_grant *g);
/* A zeroed grant whose `in` says who asks; NULL: answered already. */
struct cg_grant *cg_api_grant(struct cg_exchange *x, enum cg_op op);

/* A caller that no grant stands for.  role NULL: any. */
struct cg_caller {
  struct cg_subject subject;
  struct cg_identity *identity; /* one reference */
};
bool cg_api_caller(struct cg_exchange *x, const char *role, struct cg_caller *out);

/* Forms.  The checks answer the request themselves when they are false. */
/* What a body's table cannot say; quality may be NULL, replace empty. */
bool cg_api_meaning(struct cg_exchange *x, const char *camera, const char *quality,
                    struct cg_strings replace, struct cg_field_errors *errs);
/* No parameter but these; those called camera and lease_id look like one. */
bool cg_api_known_query(struct cg_exchange *x, const char *const *known);

#endif
