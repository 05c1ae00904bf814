#include "expiry.h"

#include <stdlib.h>

bool expiry_init(struct expiry *x, size_t max) {
  *x = (struct expiry){.heap = calloc(max, sizeof(struct expiry_entry *))};
  return x->heap != NULL;
}

void expiry_clear(struct expiry *x) {
  free(x->heap);
  x->heap = NULL;
}

static void put(struct expiry *x, struct expiry_entry *e, size_t slot) {
  x->heap[slot] = e;
  e->slot = slot;
}

static void sift_up(struct expiry *x, struct expiry_entry *e) {
  size_t slot = e->slot;
  while (slot > 0 && x->heap[(slot - 1) / 2]->at_us > e->at_us) {
    put(x, x->heap[(slot - 1) / 2], slot);
    slot = (slot - 1) / 2;
  }
  put(x, e, slot);
}

static void sift_down(struct expiry *x, struct expiry_entry *e) {
  size_t slot = e->slot, child;
  while ((child = 2 * slot + 1) < x->n) {
    if (child + 1 < x->n && x->heap[child + 1]->at_us < x->heap[child]->at_us) child++;
    if (x->heap[child]->at_us >= e->at_us) break;
    put(x, x->heap[child], slot);
    slot = child;
  }
  put(x, e, slot);
}

void expiry_add(struct expiry *x, struct expiry_entry *e, int64_t at_us) {
  e->at_us = at_us;
  put(x, e, x->n++);
  sift_up(x, e);
}

void expiry_move(struct expiry *x, struct expiry_entry *e, int64_t at_us) {
  e->at_us = at_us;
  sift_up(x, e);
  sift_down(x, e);
}

void expiry_remove(struct expiry *x, struct expiry_entry *e) {
  struct expiry_entry *last = x->heap[--x->n];
  if (last == e) return;
  put(x, last, e->slot);
  sift_up(x, last);
  sift_down(x, last);
}

struct expiry_entry *expiry_due(const struct expiry *x, int64_t now_us) {
  return x->n > 0 && x->heap[0]->at_us <= now_us ? x->heap[0] : NULL;
}
