#include "worker.h"

static void begin_in(struct wire *wire, const struct gate *g, const char *function,
                     size_t arguments) {
  wire_begin(wire, 3 + KEYS + arguments);
  wire_text(wire, "FCALL");
  wire_text(wire, function);
  wire_number(wire, KEYS);
  for (size_t i = 0; i < KEYS; i++) wire_text(wire, g->keys[i]);
}

struct wire *worker_begin(struct worker *w, const char *function, size_t arguments) {
  begin_in(&w->wire, w->gate, function, arguments);
  return &w->wire;
}

void worker_begin_shift(void *arg, struct wire *wire) {
  const struct worker *w = arg;
  begin_in(wire, w->gate, "camgate_shift", 2);
}

void worker_begin_probe(void *arg, struct wire *wire) {
  const struct worker *w = arg;
  begin_in(wire, w->gate, "camgate_probe", 0);
}

void worker_ask(struct worker *w, struct wire *wire, link_fn *fn, void *arg,
                struct cgp_call call) {
  wire_moment(wire);
  ask(&w->asker, wire, fn, arg, call);
}

void worker_add_hold(struct wire *wire, const struct cgp_quota_hold *hold) {
  wire_text(wire, hold->lease_id);
  wire_number(wire, hold->ttl_ms);
  wire_number(wire, hold->n_scopes);
  for (size_t i = 0; i < hold->n_scopes; i++) {
    const struct cgp_scope *s = CGP_AT(hold->scopes, i);
    wire_text(wire, s->name);
    wire_number(wire, s->weighted ? hold->kbps : 1);
  }
}
