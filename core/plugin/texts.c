#include "plugin/texts.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "plugin/columns.h"

#define ARENA_MAX ((size_t)256 << 20)

/* Where texts lie in a struct; `n` is where their number, or the body's length, lies. */
enum place { END, ONE, LIST, STRUCTS, COLUMNS, BODY };

struct field {
  enum place place;
  size_t at, n;
  const struct cg_texts *of; /* STRUCTS */
};

struct cg_texts {
  uint32_t size; /* of this gate's struct */
  const struct field *fields;
};

#define AT(type, name) offsetof(struct type, name)
#define TEXT(type, name)                                                                 \
  { ONE, AT(type, name), 0, NULL }
#define TEXTS(type, name, n)                                                             \
  { LIST, AT(type, name), AT(type, n), NULL }
#define SUB(type, name, n, of)                                                           \
  { STRUCTS, AT(type, name), AT(type, n), of }
#define TABLE(name, type, ...)                                                           \
  const struct cg_texts cg_texts_##name = {                                              \
      sizeof(struct type), (const struct field[]){__VA_ARGS__, {END, 0, 0, NULL}}}

TABLE(verdict, cgp_quota_verdict, TEXT(cgp_quota_verdict, scope),
      TEXTS(cgp_quota_verdict, holders, n_holders));
TABLE(token, cgp_room_token, TEXT(cgp_room_token, token), TEXT(cgp_room_token, url));
TABLE(audit_verdict, cgp_audit_verdict, TEXT(cgp_audit_verdict, text));
TABLE(health, cgp_health, TEXT(cgp_health, text), TEXT(cgp_health, server),
      TEXT(cgp_health, server_version));

static TABLE(participant, cgp_participant, TEXT(cgp_participant, identity),
             TEXT(cgp_participant, sid));
TABLE(participants, cgp_participants, TEXT(cgp_participants, room_sid),
      SUB(cgp_participants, participants, n, &cg_texts_participant));

static TABLE(server, cgp_ice_server, TEXTS(cgp_ice_server, urls, n_urls),
             TEXT(cgp_ice_server, username), TEXT(cgp_ice_server, credential));
TABLE(servers, cgp_ice_servers, SUB(cgp_ice_servers, servers, n, &cg_texts_server));

static TABLE(row, cgp_audit_row, {COLUMNS, 0, 0, NULL});
TABLE(rows, cgp_audit_rows, SUB(cgp_audit_rows, rows, n, &cg_texts_row));

static TABLE(header, cgp_header, TEXT(cgp_header, name), TEXT(cgp_header, value));
TABLE(reply, cgp_http_reply, TEXT(cgp_http_reply, content_type),
      SUB(cgp_http_reply, headers, n_headers, &cg_texts_header),
      {BODY, AT(cgp_http_reply, body), AT(cgp_http_reply, body_len), NULL});

/* ---- reading a field ---- */

static const void *pointer_at(const void *of, size_t at) {
  const void *p;
  memcpy(&p, (const char *)of + at, sizeof p);
  return p;
}

static size_t number_at(const void *of, size_t at) {
  size_t n;
  memcpy(&n, (const char *)of + at, sizeof n);
  return n;
}

static uint32_t size_of(const void *of) {
  uint32_t size;
  memcpy(&size, of, sizeof size);
  return size;
}

/* Of an array of structs, each as long as the first says. */
static const void *nth(const void *array, size_t i) {
  return (const char *)array + i * size_of(array);
}

/* Is its body text, and in UTF-8 unless it is said to be in another encoding? */
static bool has_text_body(const struct cgp_http_reply *r) {
  static const char *const kinds[] = {"text/", "application/json", "application/xml",
                                      "application/javascript"};
  const char *type = r->content_type;
  if (!type) return r->status >= 400;
  const char *charset = strcasestr(type, "charset=");
  if (charset && !strcasestr(charset, "utf-8")) return false;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strncasecmp(type, kinds[i], strlen(kinds[i])) == 0) return true;
  return strcasestr(type, "+json") || strcasestr(type, "+xml");
}

/* ---- is all of it UTF-8? ---- */

static bool is_fine(const char *text) {
  return !text || cg_utf8_is(text, strlen(text));
}

static bool all_fine(const struct cg_texts *texts, const void *from);

static bool list_fine(const char *const *items, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!is_fine(items[i])) return false;
  return true;
}

static bool structs_fine(const struct cg_texts *of, const void *array, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!all_fine(of, nth(array, i))) return false;
  return true;
}

static bool columns_fine(const void *row) {
  for (const struct cg_column *c = cg_row_columns; c->name; c++)
    if (!is_fine(cg_column_text(row, c))) return false;
  return true;
}

static bool field_fine(const struct field *f, const void *from) {
  if (f->place == COLUMNS) return columns_fine(from);
  const void *p = pointer_at(from, f->at);
  if (f->place == ONE) return is_fine(p);
  size_t n = number_at(from, f->n);
  if (f->place == LIST) return list_fine(p, n);
  if (f->place == STRUCTS) return structs_fine(f->of, p, n);
  return !p || !has_text_body(from) || cg_utf8_is(p, n);
}

static bool is_there(const struct field *f, const void *from) {
  return f->place == COLUMNS || f->at + sizeof(void *) <= size_of(from);
}

static bool all_fine(const struct cg_texts *texts, const void *from) {
  for (const struct field *f = texts->fields; f->place != END; f++)
    if (is_there(f, from) && !field_fine(f, from)) return false;
  return true;
}

/* ---- a copy ---- */

static bool set(void *to, size_t at, const void *value) {
  memcpy((char *)to + at, &value, sizeof value);
  return value != NULL;
}

static bool copy_text(void *to, size_t at, const char *text, struct cg_arena *a) {
  return is_fine(text) || set(to, at, cg_arena_utf8(a, text));
}

static bool copy_list(void *to, const struct field *f, struct cg_arena *a) {
  size_t n = number_at(to, f->n);
  const char *const *from = pointer_at(to, f->at);
  const char **items = cg_arena_alloc(a, n * sizeof *items + 1);
  if (!items) return false;
  for (size_t i = 0; i < n; i++)
    if (!(items[i] = is_fine(from[i]) ? from[i] : cg_arena_utf8(a, from[i])))
      return false;
  return set(to, f->at, items);
}

static bool copy_body(void *to, const struct field *f, struct cg_arena *a) {
  size_t n = number_at(to, f->n);
  const char *body = pointer_at(to, f->at);
  if (!body || !has_text_body(to)) return true;
  char *text = cg_arena_alloc(a, CG_UTF8_ROOM(n));
  if (!text) return false;
  n = cg_utf8_put(text, CG_UTF8_ROOM(n), body, n);
  memcpy((char *)to + f->n, &n, sizeof n);
  return set(to, f->at, text);
}

/* Those that an older minor's row lacks are empty. */
static bool copy_columns(void *to, const void *from, struct cg_arena *a) {
  for (const struct cg_column *c = cg_row_columns; c->name; c++) {
    const char *text = cg_column_text(from, c);
    if (!set(to, c->offset, is_fine(text) ? text : cg_arena_utf8(a, text))) return false;
  }
  return true;
}

static bool copy_into(const struct cg_texts *texts, void *to, const void *from,
                      struct cg_arena *a);

static bool copy_structs(void *to, const struct field *f, struct cg_arena *a) {
  size_t n = number_at(to, f->n), size = f->of->size;
  const void *from = pointer_at(to, f->at);
  char *items = cg_arena_zalloc(a, n * size + 1);
  if (!items) return false;
  for (size_t i = 0; i < n; i++)
    if (!copy_into(f->of, items + i * size, nth(from, i), a)) return false;
  return set(to, f->at, items);
}

static bool copy_field(const struct field *f, void *to, const void *from,
                       struct cg_arena *a) {
  switch (f->place) {
  case ONE: return copy_text(to, f->at, pointer_at(to, f->at), a);
  case LIST: return copy_list(to, f, a);
  case STRUCTS: return copy_structs(to, f, a);
  case COLUMNS: return copy_columns(to, from, a);
  case BODY: return copy_body(to, f, a);
  case END: break;
  }
  return true;
}

/* What an older minor's lacks is zero. */
static bool copy_into(const struct cg_texts *texts, void *to, const void *from,
                      struct cg_arena *a) {
  uint32_t had = size_of(from);
  memcpy(to, from, had < texts->size ? had : texts->size);
  memcpy(to, &texts->size, sizeof texts->size);
  for (const struct field *f = texts->fields; f->place != END; f++)
    if (is_there(f, from) && !copy_field(f, to, from, a)) return false;
  return true;
}

const void *cg_texts_mend(const struct cg_texts *texts, const void *result,
                          struct cg_arena **ret_arena) {
  *ret_arena = NULL;
  if (all_fine(texts, result)) return result;
  struct cg_arena *a = cg_arena_new(NULL, ARENA_MAX);
  void *copy = a ? cg_arena_zalloc(a, texts->size) : NULL;
  if (copy && copy_into(texts, copy, result, a)) {
    *ret_arena = a;
    return copy;
  }
  cg_arena_free(a, NULL);
  return NULL;
}

struct cg_arena *cg_texts_mend_rows(struct cgp_audit_row *rows, size_t n) {
  struct cg_arena *a = NULL;
  for (size_t i = 0; i < n; i++)
    for (const struct cg_column *c = cg_row_columns; c->name; c++) {
      const char *text = cg_column_text(&rows[i], c);
      if (is_fine(text)) continue;
      if (!a) a = cg_arena_new(NULL, ARENA_MAX);
      const char *copy = a ? cg_arena_utf8(a, text) : NULL;
      cg_column_set(&rows[i], c, copy ? copy : c->json ? "{}" : CG_UTF8_REPLACEMENT);
    }
  return a;
}
