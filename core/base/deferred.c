#include "base/deferred.h"

#include "base/mem.h"

struct cg_deferred {
  struct cg_mail mail; /* fn set: it is on its way */
  struct cg_loop *loop;
  void (*fn)(void *arg); /* NULL: given up */
  void *arg;
};

struct cg_deferred *cg_deferred_new(struct cg_loop *loop, void (*fn)(void *arg),
                                    void *arg) {
  struct cg_deferred *t = cg_alloc(sizeof *t);
  if (t) *t = (struct cg_deferred){.loop = loop, .fn = fn, .arg = arg};
  return t;
}

static void come(void *arg) {
  struct cg_deferred *t = arg;
  if (t->fn)
    t->fn(t->arg);
  else
    cg_free(t);
}

void cg_deferred_soon(struct cg_deferred *t) {
  if (!t->mail.fn) cg_loop_send(t->loop, &t->mail, come, t);
}

void cg_deferred_free(struct cg_deferred *t) {
  if (t && t->mail.fn)
    t->fn = NULL;
  else
    cg_free(t);
}
