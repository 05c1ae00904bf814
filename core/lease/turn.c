#include "lease/turn.h"

#include "base/mem.h"

struct cg_turn {
  struct cg_mail mail; /* fn set: it is on its way */
  struct cg_loop *loop;
  void (*fn)(void *arg); /* NULL: given up */
  void *arg;
};

struct cg_turn *cg_turn_new(struct cg_loop *loop, void (*fn)(void *arg), void *arg) {
  struct cg_turn *t = cg_alloc(sizeof *t);
  if (t) *t = (struct cg_turn){.loop = loop, .fn = fn, .arg = arg};
  return t;
}

static void come(void *arg) {
  struct cg_turn *t = arg;
  if (t->fn)
    t->fn(t->arg);
  else
    cg_free(t);
}

void cg_turn_soon(struct cg_turn *t) {
  if (!t->mail.fn) cg_loop_send(t->loop, &t->mail, come, t);
}

void cg_turn_free(struct cg_turn *t) {
  if (t && t->mail.fn)
    t->fn = NULL;
  else
    cg_free(t);
}
