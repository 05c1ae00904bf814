#include "auth/identity.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

struct cg_identity {
  atomic_uint refs;
  struct cg_subject subject;
  const char *items[]; /* roles, then sites; the texts are the claims' own */
};

struct list {
  const char *path;
  json_t *value; /* NULL: absent */
  size_t n;
};

static bool refuse(struct cg_err *err, const char *claim, const char *what) {
  return cg_fail(err, CG_E_UNAUTHENTICATED, "the token's claim %s must be %s", claim,
                 what);
}

static bool text_ok(const json_t *v) {
  const char *s = json_string_value(v);
  size_t n = json_string_length(v);
  if (!s || n < 1 || n > CG_IDENTITY_TEXT_MAX) return false;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i], next = (unsigned char)s[i + 1];
    if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0)) return false;
  }
  return true;
}

static json_t *walk(const json_t *claims, const char *path) {
  json_t *v = json_object_get(claims, path);
  if (v) return v;
  const json_t *at = claims;
  for (const char *dot = strchr(path, '.'); dot; dot = strchr(path, '.')) {
    at = json_object_getn(at, path, (size_t)(dot - path));
    path = dot + 1;
  }
  return json_object_get(at, path);
}

static bool find_list(const json_t *claims, const char *path, struct list *ret,
                      struct cg_err *err) {
  static const char form[] = "a list of at most 256 plain strings";
  json_t *v = walk(claims, path);
  *ret = (struct list){path, v, 0};
  if (!v || json_is_null(v)) return true;
  if (!json_is_array(v)) {
    ret->n = 1;
    return text_ok(v) || refuse(err, path, form);
  }
  ret->n = json_array_size(v);
  if (ret->n > CG_IDENTITY_LIST_MAX) return refuse(err, path, form);
  for (size_t i = 0; i < ret->n; i++)
    if (!text_ok(json_array_get(v, i))) return refuse(err, path, form);
  return true;
}

static struct cg_strings fill(const char **items, const struct list *list) {
  for (size_t i = 0; i < list->n; i++) {
    const json_t *v =
        json_is_array(list->value) ? json_array_get(list->value, i) : list->value;
    items[i] = json_string_value(v);
  }
  return (struct cg_strings){items, list->n};
}

struct cg_identity *cg_identity_new(json_t *claims, const char *roles_path,
                                    const char *sites_path, struct cg_err *err) {
  static const char form[] = "1 to 256 bytes of text without control characters";
  struct list roles, sites;
  const json_t *sub = json_object_get(claims, "sub");
  const json_t *name = json_object_get(claims, "name");
  if (json_is_null(name) || (name && !json_string_length(name) && json_is_string(name)))
    name = NULL;
  bool ok = text_ok(sub) || refuse(err, "sub", form);
  ok = ok && (!name || text_ok(name) || refuse(err, "name", form));
  ok = ok && find_list(claims, roles_path, &roles, err);
  ok = ok && find_list(claims, sites_path, &sites, err);
  if (!ok) return NULL;
  struct cg_identity *id =
      cg_alloc(sizeof *id + (roles.n + sites.n) * sizeof id->items[0]);
  if (!id) {
    cg_fail(err, CG_E_MEMORY, "no memory for an identity");
    return NULL;
  }
  atomic_init(&id->refs, 1);
  id->subject = (struct cg_subject){
      .id = json_string_value(sub),
      .name = name ? json_string_value(name) : "",
      .roles = fill(id->items, &roles),
      .sites = fill(id->items + roles.n, &sites),
      .claims = json_incref(claims),
  };
  return id;
}

struct cg_identity *cg_identity_ref(struct cg_identity *id) {
  atomic_fetch_add_explicit(&id->refs, 1, memory_order_relaxed);
  return id;
}

void cg_identity_unref(struct cg_identity *id) {
  if (!id || atomic_fetch_sub_explicit(&id->refs, 1, memory_order_acq_rel) != 1) return;
  json_decref(id->subject.claims);
  cg_free(id);
}

const struct cg_subject *cg_identity_subject(const struct cg_identity *id) {
  return &id->subject;
}
