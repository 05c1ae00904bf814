/* Plain JSON objects against a table of fields, straight from their bytes. */
#include <string.h>

#include "base/check.h"
#include "base/schema.h"

#define DIGITS_MAX 18 /* an int64_t holds them */
#define FIELDS_MAX 64 /* a bit each */

/* What is left of the text.  All who take from it leave it anywhere when they fail. */
struct rest {
  const char *at, *end;
};

static void skip_space(struct rest *r) {
  while (r->at < r->end &&
         (*r->at == ' ' || *r->at == '\t' || *r->at == '\r' || *r->at == '\n'))
    r->at++;
}

static bool take(struct rest *r, char c) {
  if (r->at == r->end || *r->at != c) return false;
  r->at++;
  return true;
}

/* One that may have space before and behind it. */
static bool take_mark(struct rest *r, char c) {
  skip_space(r);
  bool there = take(r, c);
  skip_space(r);
  return there;
}

static bool take_word(struct rest *r, const char *word) {
  size_t n = strlen(word);
  if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) return false;
  r->at += n;
  return true;
}

/* Printable ASCII in quotes, without escapes. */
static bool take_text(struct rest *r, const char **ret, size_t *ret_n) {
  if (!take(r, '"')) return false;
  *ret = r->at;
  while (r->at < r->end && *r->at >= 0x20 && *r->at < 0x7f && *r->at != '"' &&
         *r->at != '\\')
    r->at++;
  *ret_n = (size_t)(r->at - *ret);
  return take(r, '"');
}

static bool allowed(const struct cg_field *f, const char *text) {
  const char *const *one = f->one_of;
  if (!one) return true;
  while (*one && strcmp(*one, text) != 0) one++;
  return *one;
}

/* ---- one member's value ---- */

static bool read_string(struct rest *r, const struct cg_field *f, void *to,
                        struct cg_arena *arena) {
  const char *text;
  size_t n;
  if (!take_text(r, &text, &n) || !cg_field_holds(f, (int64_t)n)) return false;
  const char *copy = cg_arena_strndup(arena, text, n);
  if (!copy || !allowed(f, copy)) return false;
  *(const char **)to = copy;
  return true;
}

static bool read_int(struct rest *r, const struct cg_field *f, void *to,
                     struct cg_arena *arena) {
  (void)arena;
  const char *from = r->at;
  int64_t n = 0;
  for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
    if (r->at - from == DIGITS_MAX) return false;
    n = n * 10 + (*r->at - '0');
  }
  bool leading_zero = r->at - from > 1 && *from == '0';
  if (r->at == from || leading_zero || !cg_field_holds(f, n)) return false;
  *(int64_t *)to = n;
  return true;
}

static bool read_bool(struct rest *r, const struct cg_field *f, void *to,
                      struct cg_arena *arena) {
  (void)f, (void)arena;
  bool yes = take_word(r, "true");
  if (!yes && !take_word(r, "false")) return false;
  *(bool *)to = yes;
  return true;
}

/* NULL: such values are not plain. */
static bool (*const readers[])(struct rest *, const struct cg_field *, void *,
                               struct cg_arena *) = {
    [CG_STRING] = read_string, [CG_TEXT] = read_string, [CG_INT] = read_int,
    [CG_BOOL] = read_bool,     [CG_TABLE] = NULL,
};

/* ---- the object ---- */

/* Its place in the table, or the place behind the last one. */
static size_t find(const struct cg_field *fields, const char *name, size_t n) {
  size_t i = 0;
  while (fields[i].name &&
         (strncmp(fields[i].name, name, n) != 0 || fields[i].name[n] != '\0'))
    i++;
  return i;
}

static bool all_required(const struct cg_field *fields, uint64_t seen) {
  for (size_t i = 0; fields[i].name; i++)
    if (fields[i].required && !(seen >> i & 1)) return false;
  return true;
}

static bool read_member(struct rest *r, const struct cg_field *fields, uint64_t *seen,
                        void *out, struct cg_arena *arena) {
  const char *name;
  size_t n;
  if (!take_text(r, &name, &n) || !take_mark(r, ':')) return false;
  size_t i = find(fields, name, n);
  const struct cg_field *f = &fields[i];
  if (!f->name || i >= FIELDS_MAX || *seen >> i & 1 || !readers[f->type]) return false;
  *seen |= UINT64_C(1) << i;
  return readers[f->type](r, f, (char *)out + f->offset, arena);
}

bool cg_schema_read_plain(const struct cg_field *fields, const char *text, size_t n,
                          void *out, struct cg_arena *arena) {
  struct rest r = {text, text + n};
  uint64_t seen = 0;
  if (!take_mark(&r, '{')) return false;
  do
    if (!read_member(&r, fields, &seen, out, arena)) return false;
  while (take_mark(&r, ','));
  return take_mark(&r, '}') && r.at == r.end && all_required(fields, seen);
}
