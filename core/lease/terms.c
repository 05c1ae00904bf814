#include "lease/terms.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "lease/lease.h"

#define LONGEST_S        (INT64_C(366) * 86400)
#define SCOPE_LIMIT_MAX  (INT64_C(1) << 53)
#define LEVELS_TO_CLAIMS 3 /* facts, terms, identity */
#define CLOSING_BRACES   2

struct reader {
  const struct cg_tiers *tiers;
  struct cg_arena *arena;
  struct cg_err *err;
};

/* One line of the table.  value is NULL when the member is absent. */
struct member {
  const char *name;
  size_t at; /* in struct cg_lease_terms */
  void (*write)(struct cg_buf *b, const struct member *m, const struct cg_lease_terms *t,
                const struct cg_tiers *tiers);
  bool (*read)(struct reader *r, const struct member *m, json_t *value,
               struct cg_lease_terms *t);
  size_t min, max; /* bytes of a text */
  bool column;     /* a row of the trail says it in a column */
};

static const void *field_of(const struct cg_lease_terms *t, const struct member *m) {
  return (const char *)t + m->at;
}

static void *field_to(struct cg_lease_terms *t, const struct member *m) {
  return (char *)t + m->at;
}

static bool wrong(struct reader *r, const struct member *m) {
  return cg_fail(r->err, CG_E_MALFORMED, "terms: %s is missing, or not of its form",
                 m->name);
}

static bool no_memory(struct reader *r) {
  return cg_fail(r->err, CG_E_MEMORY, "no memory to read the terms of a lease");
}

/* ---- texts ---- */

static void write_text(struct cg_buf *b, const struct member *m,
                       const struct cg_lease_terms *t, const struct cg_tiers *tiers) {
  (void)tiers;
  const char *const *text = field_of(t, m);
  if (**text || m->min > 0) cg_json_str(b, m->name, *text);
}

static bool is_plain(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f) return false;
  return true;
}

static bool copy_text(struct reader *r, const char *text, const char **ret) {
  *ret = cg_arena_strdup(r->arena, text);
  return *ret || no_memory(r);
}

static bool read_text(struct reader *r, const struct member *m, json_t *value,
                      struct cg_lease_terms *t) {
  const char *text = value ? json_string_value(value) : "";
  size_t n = text ? strlen(text) : 0;
  if (!text || n < m->min || n > m->max || !is_plain(text)) return wrong(r, m);
  return copy_text(r, text, field_to(t, m));
}

static bool read_id(struct reader *r, const struct member *m, json_t *value,
                    struct cg_lease_terms *t) {
  const char *text = json_string_value(value);
  if (!text || !cg_id_valid(text)) return wrong(r, m);
  return copy_text(r, text, field_to(t, m));
}

/* Its own id, unless it took the place of another in the quota. */
static void write_holding(struct cg_buf *b, const struct member *m,
                          const struct cg_lease_terms *t, const struct cg_tiers *tiers) {
  if (strcmp(t->holding, t->id) != 0) write_text(b, m, t, tiers);
}

static bool read_holding(struct reader *r, const struct member *m, json_t *value,
                         struct cg_lease_terms *t) {
  t->holding = t->id;
  return !value || read_id(r, m, value, t);
}

static bool read_camera(struct reader *r, const struct member *m, json_t *value,
                        struct cg_lease_terms *t) {
  const char *text = json_string_value(value);
  if (!text || !cg_camera_id_valid(text)) return wrong(r, m);
  return copy_text(r, text, field_to(t, m));
}

/* ---- tiers, numbers, times ---- */

static void write_tier(struct cg_buf *b, const struct member *m,
                       const struct cg_lease_terms *t, const struct cg_tiers *tiers) {
  const int *tier = field_of(t, m);
  if (*tier != CG_TIER_NONE) cg_json_str(b, m->name, cg_tier_name(tiers, *tier));
}

static bool read_tier(struct reader *r, const struct member *m, json_t *value,
                      struct cg_lease_terms *t) {
  int *tier = field_to(t, m);
  const char *name = json_string_value(value);
  *tier = name ? cg_tier_find(r->tiers, name) : CG_TIER_NONE;
  return *tier != CG_TIER_NONE || wrong(r, m);
}

/* One that the configuration no longer has is as if none had been asked for. */
static bool read_wish(struct reader *r, const struct member *m, json_t *value,
                      struct cg_lease_terms *t) {
  int *tier = field_to(t, m);
  const char *name = json_string_value(value);
  *tier = name ? cg_tier_find(r->tiers, name) : CG_TIER_NONE;
  return !value || name || wrong(r, m);
}

static void write_seconds(struct cg_buf *b, const struct member *m,
                          const struct cg_lease_terms *t, const struct cg_tiers *tiers) {
  (void)tiers;
  const int64_t *seconds = field_of(t, m);
  if (*seconds > 0) cg_json_int(b, m->name, *seconds);
}

static bool read_seconds(struct reader *r, const struct member *m, json_t *value,
                         struct cg_lease_terms *t) {
  int64_t *seconds = field_to(t, m);
  *seconds = json_integer_value(value);
  if (!value) return true;
  return (json_is_integer(value) && *seconds >= 1 && *seconds <= LONGEST_S) ||
         wrong(r, m);
}

static void write_time(struct cg_buf *b, const struct member *m,
                       const struct cg_lease_terms *t, const struct cg_tiers *tiers) {
  (void)tiers;
  const int64_t *wall_us = field_of(t, m);
  cg_json_time(b, m->name, *wall_us);
}

static bool read_time(struct reader *r, const struct member *m, json_t *value,
                      struct cg_lease_terms *t) {
  const char *text = json_string_value(value);
  return (text && cg_time_parse(text, field_to(t, m))) || wrong(r, m);
}

/* The last time of the table: a lease ends after it began, and not in the far future. */
static bool read_end(struct reader *r, const struct member *m, json_t *value,
                     struct cg_lease_terms *t) {
  if (!read_time(r, m, value, t)) return false;
  int64_t length_us = t->ends_us - t->granted_us;
  return (length_us >= 0 && length_us <= LONGEST_S * 1000000) || wrong(r, m);
}

/* ---- scopes ---- */

static void write_scopes(struct cg_buf *b, const struct member *m,
                         const struct cg_lease_terms *t, const struct cg_tiers *tiers) {
  (void)tiers;
  cg_json_open(b, m->name, '[');
  for (size_t i = 0; i < t->n_scopes; i++) {
    cg_json_open(b, NULL, '{');
    cg_json_str(b, "name", t->scopes[i].name);
    cg_json_int(b, "limit", (int64_t)t->scopes[i].limit);
    if (t->scopes[i].weighted) cg_json_bool(b, "kbps", true);
    cg_json_close(b, '}');
  }
  cg_json_close(b, ']');
}

static bool read_scope(struct reader *r, const struct member *m, json_t *value,
                       struct cg_scope_ask *ret) {
  const char *name = json_string_value(json_object_get(value, "name"));
  const json_t *limit = json_object_get(value, "limit");
  const json_t *kbps = json_object_get(value, "kbps");
  int64_t number = json_integer_value(limit);
  if (!name || !*name || strlen(name) > CG_SCOPE_NAME_MAX || !is_plain(name) ||
      !json_is_integer(limit) || number < 0 || number > SCOPE_LIMIT_MAX ||
      (kbps && !json_is_boolean(kbps)))
    return wrong(r, m);
  ret->limit = (uint64_t)number;
  ret->weighted = json_is_true(kbps);
  return copy_text(r, name, &ret->name);
}

static bool read_scopes(struct reader *r, const struct member *m, json_t *value,
                        struct cg_lease_terms *t) {
  size_t n = json_array_size(value);
  if (!json_is_array(value) || n > CG_SCOPES_MAX) return wrong(r, m);
  struct cg_scope_ask *scopes = cg_arena_zalloc(r->arena, (n + 1) * sizeof *scopes);
  if (!scopes) return no_memory(r);
  for (size_t i = 0; i < n; i++) {
    if (!read_scope(r, m, json_array_get(value, i), &scopes[i])) return false;
    for (size_t k = 0; k < i; k++)
      if (strcmp(scopes[k].name, scopes[i].name) == 0) return wrong(r, m);
  }
  t->scopes = scopes;
  t->n_scopes = n;
  return true;
}

/* ---- leases it replaces ---- */

static void write_replaces(struct cg_buf *b, const struct member *m,
                           const struct cg_lease_terms *t, const struct cg_tiers *tiers) {
  (void)tiers;
  if (t->replaces.n == 0) return;
  cg_json_open(b, m->name, '[');
  for (size_t i = 0; i < t->replaces.n; i++) cg_json_str(b, NULL, t->replaces.items[i]);
  cg_json_close(b, ']');
}

static bool read_replaces(struct reader *r, const struct member *m, json_t *value,
                          struct cg_lease_terms *t) {
  size_t n = json_array_size(value);
  if (value && (!json_is_array(value) || n > CG_REPLACE_MAX)) return wrong(r, m);
  const char **ids = cg_arena_zalloc(r->arena, (n + 1) * sizeof *ids);
  if (!ids) return no_memory(r);
  for (size_t i = 0; i < n; i++) {
    const char *id = json_string_value(json_array_get(value, i));
    if (!id || !cg_id_valid(id)) return wrong(r, m);
    if (!copy_text(r, id, &ids[i])) return false;
  }
  t->replaces = (struct cg_strings){.items = ids, .n = n};
  return true;
}

/* ---- the identity ---- */

static void write_identity(struct cg_buf *b, const struct member *m,
                           const struct cg_lease_terms *t, const struct cg_tiers *tiers) {
  (void)tiers;
  struct cg_buf before = *b;
  if (!t->identity) return;
  bool fits = cg_identity_write(b, m->name, t->identity);
  if (!fits || b->max - b->len < CLOSING_BRACES) cg_buf_back(b, &before);
}

static bool read_identity(struct reader *r, const struct member *m, json_t *value,
                          struct cg_lease_terms *t) {
  struct cg_err why = {0};
  if (!value) return true;
  struct cg_identity *id = cg_identity_read(value, &why);
  if (!id) return why.code == CG_E_MEMORY ? no_memory(r) : wrong(r, m);
  const struct cg_subject *s = cg_identity_subject(id);
  if (strcmp(s->id, t->subject) == 0 && strcmp(s->name, t->name) == 0) {
    t->identity = id;
    return true;
  }
  cg_identity_unref(id);
  return wrong(r, m);
}

/* ---- the table ---- */

#define AT(field) offsetof(struct cg_lease_terms, field)

/* In the order of writing; the identity last, for it takes what room there is. */
static const struct member members[] = {
    {"lease_id", AT(id), write_text, read_id, 1, 0, true},
    {"holding", AT(holding), write_holding, read_holding, 1, 0, false},
    {"subject", AT(subject), write_text, read_text, 1, CG_SUBJECT_MAX, true},
    {"name", AT(name), write_text, read_text, 0, CG_PERSON_NAME_MAX, false},
    {"camera", AT(camera), write_text, read_camera, 1, 0, true},
    {"room", AT(room), write_text, read_text, 1, CG_ROOM_MAX - 1, false},
    {"quality", AT(tier), write_tier, read_tier, 0, 0, true},
    {"quality_requested", AT(requested), write_tier, read_wish, 0, 0, true},
    {"purpose", AT(purpose), write_text, read_text, 0, CG_PURPOSE_MAX, false},
    {"ttl_s", AT(ttl_s), write_seconds, read_seconds, 0, 0, false},
    {"granted_at", AT(granted_us), write_time, read_time, 0, 0, false},
    {"ends_at", AT(ends_us), write_time, read_end, 0, 0, false},
    {"scopes", AT(scopes), write_scopes, read_scopes, 0, 0, false},
    {"replaces", AT(replaces), write_replaces, read_replaces, 0, 0, false},
    {"identity", AT(identity), write_identity, read_identity, 0, 0, false},
};

struct cg_lease_terms cg_terms_of_lease(const struct cg_lease *l, struct cg_teller *t) {
  return (struct cg_lease_terms){
      .id = l->id,
      .holding = l->holding,
      .subject = l->subject,
      .name = l->name,
      .camera = l->camera,
      .room = l->room,
      .purpose = l->purpose ? l->purpose : "",
      .tier = l->tier,
      .requested = l->requested,
      .ttl_s = l->asked_ttl_s,
      .granted_us = cg_tell_trail(t, l->granted_mono_us),
      .ends_us = cg_tell_trail(t, l->ends_mono_us),
      .scopes = l->scopes,
      .n_scopes = l->n_scopes,
      .identity = l->identity,
  };
}

static void write_members(struct cg_buf *b, const char *key,
                          const struct cg_lease_terms *t, const struct cg_tiers *tiers,
                          bool columns) {
  cg_json_open(b, key, '{');
  cg_json_int(b, "version", CG_TERMS_VERSION);
  for (size_t i = 0; i < CG_COUNT(members); i++)
    if (columns || !members[i].column) members[i].write(b, &members[i], t, tiers);
  cg_json_close(b, '}');
}

void cg_terms_write(struct cg_buf *b, const struct cg_lease_terms *t,
                    const struct cg_tiers *tiers) {
  write_members(b, NULL, t, tiers, true);
}

void cg_terms_write_for_row(struct cg_buf *b, const struct cg_lease_terms *t,
                            const struct cg_tiers *tiers) {
  write_members(b, "terms", t, tiers, false);
}

static bool read_members(json_t *object, struct reader *r, struct cg_lease_terms *t) {
  *t = (struct cg_lease_terms){.id = ""};
  for (size_t i = 0; i < CG_COUNT(members); i++) {
    const struct member *m = &members[i];
    if (!m->read(r, m, json_object_get(object, m->name), t)) return false;
  }
  return true;
}

bool cg_terms_read(json_t *object, const struct cg_tiers *tiers, struct cg_arena *arena,
                   struct cg_lease_terms *ret, struct cg_err *err) {
  struct reader r = {.tiers = tiers, .arena = arena, .err = err};
  const json_t *version = json_object_get(object, "version");
  if (!json_is_integer(version) || json_integer_value(version) != CG_TERMS_VERSION)
    return cg_fail(err, CG_E_MALFORMED, "terms of another version than %d",
                   CG_TERMS_VERSION);
  return read_members(object, &r, ret);
}

/* ---- a row of the trail ---- */

static bool put_column(json_t *facts, const char *name, const char *text) {
  if (!*text) return true;
  return json_object_set_new(facts, name, json_string_nocheck(text)) == 0;
}

/* What the columns say is theirs to say, whatever the object holds. */
static bool put_columns(json_t *object, const struct cgp_audit_row *row) {
  return put_column(object, "lease_id", row->lease_id) &&
         put_column(object, "subject", row->subject) &&
         put_column(object, "camera", row->camera) &&
         put_column(object, "quality", row->quality) &&
         put_column(object, "quality_requested", row->quality_requested);
}

/* Before terms had a version their members stood among the facts. */
static bool read_row(const struct cgp_audit_row *row, json_t *facts, struct reader *r,
                     struct cg_lease_terms *ret) {
  json_t *terms = json_object_get(facts, "terms");
  json_t *object = terms ? terms : facts;
  if (!json_is_object(object))
    return cg_fail(r->err, CG_E_MALFORMED, "the terms of the row are not an object");
  if (!put_columns(object, row)) return no_memory(r);
  return terms ? cg_terms_read(terms, r->tiers, r->arena, ret, r->err)
               : read_members(facts, r, ret);
}

bool cg_terms_of_row(const struct cgp_audit_row *row, const struct cg_tiers *tiers,
                     struct cg_arena *arena, struct cg_lease_terms *ret,
                     struct cg_err *err) {
  struct reader r = {.tiers = tiers, .arena = arena, .err = err};
  json_t *facts = cg_json_parse_deep(row->facts, strlen(row->facts),
                                     CG_JSON_DEPTH + LEVELS_TO_CLAIMS, err);
  if (!facts) return false;
  bool ok = read_row(row, facts, &r, ret);
  json_decref(facts);
  return ok;
}
