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

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static struct text trim(struct text t) {
  while (t.n && is_blank(t.at[0])) t = (struct text){t.at + 1, t.n - 1};
  while (t.n && is_blank(t.at[t.n - 1])) t.n--;
  return t;
}

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
  struct cg_addr at;
  unsigned hops;
  enum { FURTHER, FOUND, ODD } state;
};

static void visit(struct walk *w, struct text hop) {
  if (!read_hop(trim(hop), &w->at) || ++w->hops > HOPS_MAX)
    w->state = ODD;
  else if (!cg_nets_hold(&w->access->proxies, &w->at))
    w->state = FOUND;
}

/* One field's list, from its right end. */
static void visit_all(struct walk *w, struct text list) {
  for (bool more = true; more && w->state == FURTHER;) {
    const char *comma = list.n ? memrchr(list.at, ',', list.n) : NULL;
    size_t from = comma ? (size_t)(comma - list.at) + 1 : 0;
    visit(w, (struct text){list.at + from, list.n - from});
    more = comma;
    if (comma) list.n = from - 1;
  }
}

struct cg_addr cg_access_client(const struct cg_access *a, const struct cg_addr *peer,
                                const struct cg_message *m, const char *bytes) {
  struct walk w = {.access = a, .at = *peer};
  if (!cg_nets_hold(&a->proxies, peer)) return *peer;
  for (uint32_t i = m->n_fields; i-- > 0 && w.state == FURTHER;) {
    const struct cg_message_field *f = &m->fields[i];
    if (cg_span_is(bytes, f->name, "x-forwarded-for"))
      visit_all(&w, (struct text){bytes + f->value.at, f->value.len});
  }
  return w.state == ODD ? *peer : w.at;
}
