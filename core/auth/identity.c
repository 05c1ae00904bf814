#include "auth/identity.h"

#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"

struct cg_identity {
  atomic_uint refs;
  struct cg_subject subject;
  struct cg_buf claims; /* as JSON; failed: longer than CG_CLAIMS_MAX */
  const char *roles_path, *sites_path;
  const char *items[]; /* roles, then sites, the claims' own texts; then own ones */
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

/* Bytes of the control character at s: C0, DEL or C1; 0: it is another. */
static size_t control(const char *s) {
  unsigned char c = (unsigned char)s[0];
  if (c < 0x20 || c == 0x7f) return 1;
  return c == 0xc2 && (unsigned char)s[1] < 0xa0 ? 2 : 0;
}

static bool text_ok(const json_t *v) {
  const char *s = json_string_value(v);
  size_t n = json_string_length(v);
  if (!s || n < 1 || n > CG_SUBJECT_MAX) return false;
  for (size_t i = 0; i < n; i++)
    if (control(s + i)) return false;
  return true;
}

/* The name as it can be shown.  -> its length */
static size_t read_name(const json_t *v, char out[CG_PERSON_NAME_MAX + 1]) {
  const char *s = json_string_value(v);
  size_t left = json_string_length(v), n = 0;
  while (left) {
    size_t odd = control(s), len = odd ? odd : cg_utf8_len(s, left);
    size_t put = odd ? 1 : len;
    if (!len || n + put > CG_PERSON_NAME_MAX) break;
    memcpy(out + n, odd ? " " : s, put);
    n += put, s += len, left -= len;
  }
  out[n] = '\0';
  return n;
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
  if (ret->n > CG_ROLES_MAX) return refuse(err, path, form);
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

static int add_text(const char *text, size_t n, void *arg) {
  cg_buf_add(arg, text, n);
  return 0;
}

/* false: no memory. */
static bool render_claims(struct cg_buf *to, const json_t *claims) {
  uint64_t failures = cg_mem_failures();
  cg_buf_init(to, CG_CLAIMS_MAX);
  int rc = json_dump_callback(claims, add_text, to, JSON_COMPACT);
  return rc == 0 && cg_mem_failures() == failures;
}

struct read {
  const json_t *sub, *name;
  struct list roles, sites;
  char shown[CG_PERSON_NAME_MAX + 1];
  size_t shown_n;
};

static bool read_claims(struct read *r, const json_t *claims, const char *roles_path,
                        const char *sites_path, struct cg_err *err) {
  r->sub = json_object_get(claims, "sub");
  r->name = json_object_get(claims, "name");
  r->shown_n = read_name(r->name, r->shown);
  return (text_ok(r->sub) ||
          refuse(err, "sub", "1 to 256 bytes of text without control characters")) &&
         find_list(claims, roles_path, &r->roles, err) &&
         find_list(claims, sites_path, &r->sites, err);
}

/* The claim's own text where that can be shown as it is. */
static const char *name_of(const struct read *r, char *room) {
  const char *own = json_string_value(r->name);
  if (!own) return "";
  if (json_string_length(r->name) == r->shown_n && !memcmp(own, r->shown, r->shown_n))
    return own;
  return memcpy(room, r->shown, r->shown_n + 1);
}

static struct cg_identity *identity_alloc(const struct read *r, json_t *claims) {
  size_t n = r->roles.n + r->sites.n, roles_len = strlen(r->roles.path) + 1,
         sites_len = strlen(r->sites.path) + 1;
  struct cg_identity *id = cg_alloc(sizeof *id + n * sizeof id->items[0] + roles_len +
                                    sites_len + r->shown_n + 1);
  if (!id) return NULL;
  char *at = (char *)(id->items + n);
  id->roles_path = memcpy(at, r->roles.path, roles_len);
  id->sites_path = memcpy(at + roles_len, r->sites.path, sites_len);
  id->subject = (struct cg_subject){
      .id = json_string_value(r->sub),
      .name = name_of(r, at + roles_len + sites_len),
      .roles = fill(id->items, &r->roles),
      .sites = fill(id->items + r->roles.n, &r->sites),
      .claims = json_incref(claims),
  };
  atomic_init(&id->refs, 1);
  return id;
}

struct cg_identity *cg_identity_new(json_t *claims, const char *roles_path,
                                    const char *sites_path, struct cg_err *err) {
  struct read r;
  struct cg_buf text;
  if (!read_claims(&r, claims, roles_path, sites_path, err)) return NULL;
  struct cg_identity *id =
      render_claims(&text, claims) ? identity_alloc(&r, claims) : NULL;
  if (!id) cg_fail(err, CG_E_MEMORY, "no memory for an identity");
  if (id)
    id->claims = text;
  else
    cg_buf_done(&text);
  return id;
}

struct cg_identity *cg_identity_ref(struct cg_identity *id) {
  atomic_fetch_add_explicit(&id->refs, 1, memory_order_relaxed);
  return id;
}

void cg_identity_unref(struct cg_identity *id) {
  if (!id || atomic_fetch_sub_explicit(&id->refs, 1, memory_order_acq_rel) != 1) return;
  json_decref(id->subject.claims);
  cg_buf_done(&id->claims);
  cg_free(id);
}

const struct cg_subject *cg_identity_subject(const struct cg_identity *id) {
  return &id->subject;
}

static bool any_blurred(const struct cg_strings *list) {
  for (size_t i = 0; i < list->n; i++)
    if (strstr(list->items[i], CG_UTF8_REPLACEMENT)) return true;
  return false;
}

bool cg_identity_blurred(const struct cg_identity *id) {
  const struct cg_subject *s = &id->subject;
  return strstr(s->id, CG_UTF8_REPLACEMENT) || any_blurred(&s->roles) ||
         any_blurred(&s->sites);
}

/* ---- the same subject still? ---- */

/* RFC 7519, section 4.1: what a renewed token has anew. */
static bool of_the_token(const char *claim) {
  static const char *const names[] = {"exp", "nbf", "iat", "jti"};
  for (size_t i = 0; i < CG_COUNT(names); i++)
    if (strcmp(claim, names[i]) == 0) return true;
  return false;
}

static bool says_all_of(json_t *a, json_t *b) {
  const char *claim;
  json_t *value;
  json_object_foreach(b, claim, value) {
    if (!of_the_token(claim) && !json_equal(json_object_get(a, claim), value))
      return false;
  }
  return true;
}

bool cg_identity_same(const struct cg_identity *a, const struct cg_identity *b) {
  if (a == b || !a || !b) return a == b;
  return strcmp(a->roles_path, b->roles_path) == 0 &&
         strcmp(a->sites_path, b->sites_path) == 0 &&
         says_all_of(a->subject.claims, b->subject.claims) &&
         says_all_of(b->subject.claims, a->subject.claims);
}

/* ---- as JSON ---- */

bool cg_identity_write(struct cg_buf *b, const char *key, const struct cg_identity *id) {
  if (!cg_buf_ok(&id->claims)) return false;
  cg_json_open(b, key, '{');
  cg_json_str(b, "roles_claim", id->roles_path);
  cg_json_str(b, "sites_claim", id->sites_path);
  cg_json_raw(b, "claims", cg_buf_text(&id->claims));
  cg_json_close(b, '}');
  return cg_buf_ok(b);
}

struct cg_identity *cg_identity_read(json_t *object, struct cg_err *err) {
  const char *roles = json_string_value(json_object_get(object, "roles_claim"));
  const char *sites = json_string_value(json_object_get(object, "sites_claim"));
  json_t *claims = json_object_get(object, "claims");
  if (roles && sites && json_is_object(claims))
    return cg_identity_new(claims, roles, sites, err);
  cg_fail(err, CG_E_MALFORMED, "an identity has claims, roles_claim and sites_claim");
  return NULL;
}
