#include "http/access.h"

#include <string.h>

#define HOPS_MAX 32

bool cg_access_admits(const struct cg_access *a, const struct cg_addr *client) {
  return !cg_nets_hold(&a->deny, client) &&
         (a->allow.n == 0 || cg_nets_hold(&a->allow, client));
}

bool cg_access_accepts(const struct cg_access *a, const struct cg_addr *peer) {
  return cg_nets_hold(&a->proxies, peer) || cg_access_admits(a, peer);
}

struct text {
  const char *at;
  size_t n;
};

/* Nothing, or a colon and a port. */
static bool is_port(struct text t) {
  if (t.n == 0) return true;
  for (size_t i = 1; i < t.n; i++)
    if (t.at[i] < '0' || t.at[i] > '9') return false;
  return t.at[0] == ':' && t.n >= 2 && t.n <= 6;
}

/* An address, "[address]", and either of the two forms that take a port with one. */
static bool read_hop(struct text t, struct cg_addr *ret) {
  if (cg_addr_parse(t.at, t.n, ret)) return true;
  bool bracket = t.n && t.at[0] == '[';
  const char *end = t.n ? memchr(t.at, bracket ? ']' : ':', t.n) : NULL;
  if (!end) return false;
  struct text host = {t.at + bracket, (size_t)(end - t.at) - bracket};
  struct text port = {end + bracket, t.n - (size_t)(end - t.at) - bracket};
  return is_port(port) && cg_addr_parse(host.at, host.n, ret);
}

struct walk {
  const struct cg_access *access;
  const char *bytes;
  struct cg_addr at;
  unsigned hops;
  enum { FURTHER, FOUND, ODD } state;
};

static void visit(struct walk *w, struct cg_span hop) {
  hop = cg_span_trim(w->bytes, hop);
  if (!read_hop((struct text){w->bytes + hop.at, hop.len}, &w->at) ||
      ++w->hops > HOPS_MAX)
    w->state = ODD;
  else if (!cg_nets_hold(&w->access->proxies, &w->at))
    w->state = FOUND;
}

/* One field's list, from its right end. */
static void visit_all(struct walk *w, struct cg_span list) {
  for (bool more = true; more && w->state == FURTHER;) {
    const char *text = w->bytes + list.at;
    const char *comma = list.len ? memrchr(text, ',', list.len) : NULL;
    uint32_t from = comma ? (uint32_t)(comma - text) + 1 : 0;
    visit(w, (struct cg_span){list.at + from, list.len - from});
    more = comma;
    if (comma) list.len = from - 1;
  }
}

struct cg_addr cg_access_client(const struct cg_access *a, const struct cg_addr *peer,
                                const struct cg_message *m, const char *bytes) {
  struct walk w = {.access = a, .bytes = bytes, .at = *peer};
  if (!cg_nets_hold(&a->proxies, peer)) return *peer;
  for (uint32_t i = m->n_fields; i-- > 0 && w.state == FURTHER;) {
    const struct cg_message_field *f = &m->fields[i];
    if (cg_span_is(bytes, f->name, "x-forwarded-for")) visit_all(&w, f->value);
  }
  return w.state == ODD ? *peer : w.at;
}
