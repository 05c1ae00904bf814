/* What of a plugin's description the host refuses before it runs any of it. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "plugin/load.h"
#include "plugin/options.h"

#define OPS_MAX 6

/* A kind: where its ops struct hangs, how long its first version was, and what must be in
 * it. */
struct kind {
  const char *name;
  size_t offset, size;
  struct {
    const char *name;
    size_t offset;
  } ops[OPS_MAX + 1];
};

#define OP(type, op)                                                                     \
  { #op, offsetof(struct type, op) }
#define SIZED(name, size) #name, offsetof(struct cgp_plugin, name), size
#define KIND(name, type)  SIZED(name, sizeof(struct type))
/* What begins with `op` was appended later, and may be absent. */
#define KIND_UP_TO(name, type, op) SIZED(name, offsetof(struct type, op))

static const struct kind kinds[] = {
    {KIND(cameras, cgp_cameras_ops),
     {OP(cgp_cameras_ops, get), OP(cgp_cameras_ops, list)}},
    {KIND(quota, cgp_quota_ops),
     {OP(cgp_quota_ops, reserve), OP(cgp_quota_ops, renew), OP(cgp_quota_ops, release),
      OP(cgp_quota_ops, usage), OP(cgp_quota_ops, sweep), OP(cgp_quota_ops, restore)}},
    {KIND_UP_TO(room, cgp_room_ops, participants),
     {OP(cgp_room_ops, ensure), OP(cgp_room_ops, token), OP(cgp_room_ops, remove)}},
    {KIND(ice, cgp_ice_ops), {OP(cgp_ice_ops, issue)}},
    {KIND(audit, cgp_audit_ops),
     {OP(cgp_audit_ops, append), OP(cgp_audit_ops, query), OP(cgp_audit_ops, live),
      OP(cgp_audit_ops, verify)}},
};

static const void *pointer_at(const void *base, size_t offset) {
  const void *p;
  memcpy(&p, (const char *)base + offset, sizeof p);
  return p;
}

static bool kind_ok(const struct kind *k, const struct cgp_plugin *abi,
                    struct cg_buf *b) {
  const void *ops = pointer_at(abi, k->offset);
  if (!ops) return true;
  uint32_t size;
  memcpy(&size, ops, sizeof size);
  if (size < k->size) {
    cg_buf_printf(b, "its %s ops are %u bytes, the ABI's are %zu", k->name, size,
                  k->size);
    return false;
  }
  const char *sep = "";
  for (size_t i = 0; k->ops[i].name; i++) {
    if (pointer_at(ops, k->ops[i].offset)) continue;
    if (!*sep) cg_buf_printf(b, "its kind %s lacks ", k->name);
    cg_buf_printf(b, "%s%s", sep, k->ops[i].name);
    sep = ", ";
  }
  return !*sep;
}

static const char *route_odd(const struct cgp_plugin *abi) {
  if (abi->n_routes && !abi->routes) return "n_routes without routes";
  for (size_t i = 0; i < abi->n_routes; i++) {
    const struct cgp_route *r = CGP_AT(abi->routes, i);
    if (r->size < sizeof *r) return "a route is shorter than the ABI's";
    if (!r->method || !r->path || r->path[0] != '/' || !r->handle)
      return "a route without method, path or handler";
    const char *star = strchr(r->path, '*');
    if (star && (star[1] || star[-1] != '/'))
      return "a route with a * that is not at its end, behind a /";
  }
  return NULL;
}

/* What begins with `check` was appended in 2.1. */
#define FIRST_SIZE offsetof(struct cgp_plugin, check)

bool cg_plugin_checks(const struct cgp_plugin *abi) {
  return abi->size >= FIRST_SIZE + sizeof abi->check && abi->check;
}

static const char *version_odd(const struct cgp_plugin *abi, struct cg_buf *b) {
  if (abi->abi_major != CGP_ABI_MAJOR)
    cg_buf_printf(b, "it is made for plugin ABI %u.x, this gate has %d.%d",
                  abi->abi_major, CGP_ABI_MAJOR, CGP_ABI_MINOR);
  else if (abi->abi_minor > CGP_ABI_MINOR)
    cg_buf_printf(b, "it needs plugin ABI %u.%u, this gate has %d.%d", abi->abi_major,
                  abi->abi_minor, CGP_ABI_MAJOR, CGP_ABI_MINOR);
  else if (abi->size < FIRST_SIZE)
    cg_buf_printf(b, "its description is %u bytes, the ABI's is %zu", abi->size,
                  FIRST_SIZE);
  return b->len ? cg_buf_text(b) : NULL;
}

static const char *library_odd(const struct cgp_plugin *abi) {
  if (abi->n_libraries && !abi->libraries) return "n_libraries without libraries";
  for (size_t i = 0; i < abi->n_libraries; i++) {
    const struct cgp_library *l = CGP_AT(abi->libraries, i);
    if (l->size < sizeof *l) return "a library is shorter than the ABI's";
    if (!l->name || !l->version) return "a library without name or version";
  }
  return NULL;
}

static const char *fields_odd(const struct cgp_plugin *abi) {
  if (!abi->name || !abi->name[0]) return "it has no name";
  if (!abi->version || !abi->summary) return "it has no version or no summary";
  if (!abi->init || !abi->start) return "it lacks init or start";
  const char *why = cg_options_odd(abi->options, abi->n_options);
  if (!why) why = route_odd(abi);
  return why ? why : library_odd(abi);
}

const char *cg_plugin_refusal(const struct cgp_plugin *abi, char *buf, size_t n) {
  struct cg_buf b;
  cg_buf_wrap(&b, buf, n);
  const char *why = version_odd(abi, &b);
  if (!why) why = fields_odd(abi);
  if (why) return why;
  for (size_t i = 0; i < CG_COUNT(kinds); i++)
    if (!kind_ok(&kinds[i], abi, &b)) return cg_buf_text(&b);
  return NULL;
}
