#include "batch.h"

#include <string.h>

static void put_in(struct aud_batch *b, struct aud_reply *r, bool late) {
  struct aud_reply ***last = late ? &b->last_late : &b->last;
  int64_t *rows = late ? &b->late_rows : &b->rows;
  **last = r;
  *last = &r->next;
  *rows += (int64_t)((struct aud_group *)r)->n;
}

void aud_batch_cut(struct aud_reply **taken, int64_t now_us, struct aud_batch *b) {
  *b = (struct aud_batch){0};
  b->last = &b->first;
  b->last_late = &b->late;
  while (*taken && b->rows + (int64_t)((struct aud_group *)*taken)->n <= AUD_BATCH_ROWS) {
    struct aud_reply *r = *taken;
    *taken = r->next;
    put_in(b, r, now_us - ((struct aud_group *)r)->since_us > AUD_LATE_US);
  }
  *b->last = *b->last_late = NULL;
}

struct aud_inbox *aud_batch_stage(struct aud_reply *chain,
                                  const struct aud_message *why) {
  struct aud_inbox *inboxes = NULL;
  for (struct aud_reply *next; chain; chain = next) {
    next = chain->next;
    chain->next = NULL;
    struct aud_group *g = (struct aud_group *)chain;
    struct aud_inbox *inbox = chain->inbox;
    g->failed = why != NULL;
    if (why) g->why = strdup(why->text);
    if (!inbox->staged) {
      inbox->staged_last = &inbox->staged;
      inbox->staged_tally = (struct aud_tally){0};
      inbox->next_staged = inboxes;
      inboxes = inbox;
    }
    *inbox->staged_last = chain;
    inbox->staged_last = &chain->next;
    inbox->staged_tally.answered += (int64_t)g->n;
    if (!why) inbox->staged_tally.rows += (int64_t)g->n;
  }
  return inboxes;
}
