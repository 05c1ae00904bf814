#include "http/in_flight.h"

#include "base/check.h"
#include "base/mem.h"

struct cg_in_flight *cg_in_flight_new(void) {
  return cg_alloc(sizeof(struct cg_in_flight));
}

static void free_when_over(struct cg_in_flight *f) {
  if (f->dropped && f->n == 0) cg_free(f);
}

void cg_in_flight_drop(struct cg_in_flight *f) {
  f->dropped = true;
  free_when_over(f);
}

void cg_in_flight_begin(struct cg_in_flight *f) {
  f->n++;
}

void cg_in_flight_end(struct cg_in_flight *f) {
  CG_CHECK(f->n > 0);
  f->n--;
  free_when_over(f);
}
