#include "plugin/telling.h"

#include "base/check.h"
#include "base/mem.h"

struct cg_telling {
  struct cg_link link;
  struct cg_list *open; /* NULL: given up */
  cg_told_fn *fn;
  void *arg;
};

struct cg_telling *cg_telling_new(struct cg_list *open, cg_told_fn *fn, void *arg) {
  struct cg_telling *t = cg_alloc(sizeof *t);
  if (!t) return NULL;
  *t = (struct cg_telling){.open = open, .fn = fn, .arg = arg};
  cg_list_add(open, &t->link);
  return t;
}

static void tell(struct cg_telling *t, enum cgp_code code) {
  cg_list_remove(t->open, &t->link);
  t->open = NULL;
  t->fn(t->arg, code);
}

void cg_telling_over(void *telling, enum cgp_code code) {
  struct cg_telling *t = telling;
  if (t->open) tell(t, code);
  cg_free(t);
}

void cg_tellings_give_up(struct cg_list *open) {
  while (open->first)
    tell(CG_CONTAINER(open->first, struct cg_telling, link), CGP_E_UNAVAILABLE);
}
