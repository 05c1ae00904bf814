#include "base/timers.h"

#include <stdbool.h>
#include <stddef.h>

static bool is_before(const struct cg_timer *a, const struct cg_timer *b) {
  return a->due_us != b->due_us ? a->due_us < b->due_us : a->nth < b->nth;
}

/* Of two trees one: the root that is due later becomes the other's first child. */
static struct cg_timer *meld(struct cg_timer *a, struct cg_timer *b) {
  if (!a || !b) return a ? a : b;
  struct cg_timer *root = is_before(a, b) ? a : b, *under = root == a ? b : a;
  under->next = root->child;
  if (under->next) under->next->link = &under->next;
  under->link = &root->child;
  root->child = under;
  return root;
}

static struct cg_timer *pop(struct cg_timer **list) {
  struct cg_timer *t = *list;
  if (!t) return NULL;
  *list = t->next;
  t->next = NULL;
  return t;
}

/* Of siblings one tree: pair by pair, and then the pairs from the last to the first. */
static struct cg_timer *meld_all(struct cg_timer *siblings) {
  struct cg_timer *pairs = NULL, *root = NULL, *t;
  while ((t = pop(&siblings))) {
    t = meld(t, pop(&siblings));
    t->next = pairs;
    pairs = t;
  }
  while ((t = pop(&pairs))) root = meld(t, root);
  return root;
}

static void put(struct cg_timers *heap, struct cg_timer *tree) {
  heap->first = meld(tree, heap->first);
  if (heap->first) heap->first->link = &heap->first;
}

void cg_timers_set(struct cg_timers *heap, struct cg_timer *t, int64_t due_us) {
  cg_timers_drop(t);
  t->heap = heap;
  t->due_us = due_us;
  t->nth = heap->n_set++;
  put(heap, t);
}

void cg_timers_drop(struct cg_timer *t) {
  struct cg_timers *heap = t->heap;
  if (!heap) return;
  *t->link = t->next;
  if (t->next) t->next->link = t->link;
  struct cg_timer *children = meld_all(t->child);
  t->heap = NULL;
  t->child = t->next = NULL;
  put(heap, children);
}
