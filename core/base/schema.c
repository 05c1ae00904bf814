#include "base/schema.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/utf8.h"

#define ELEMENT_MAX    256
#define CANDIDATES_MAX 64
#define NO_MEMORY      "no memory to say what is wrong"

/* One member on its way: where it is, what it must be, where it goes. */
struct at {
  const struct cg_field *field;
  const char *prefix;
  void *to;
  struct cg_arena *arena;
  struct cg_field_errors *errs;
};

void cg_field_error(struct cg_field_errors *errs, struct cg_arena *arena,
                    const char *pointer, const char *fmt, ...) {
  size_t i = errs->n++;
  if (i >= CG_FIELD_ERRORS_MAX) return;
  char text[CG_ERR_TEXT_MAX];
  va_list ap;
  va_start(ap, fmt);
  size_t n = cg_utf8_vprint(text, sizeof text, fmt, ap);
  va_end(ap);
  const char *kept = cg_arena_strndup(arena, text, n);
  const char *where = cg_arena_strdup(arena, pointer);
  errs->items[i] = (struct cg_field_error){where ? where : "", kept ? kept : NO_MEMORY};
}

bool cg_strings_has(const struct cg_strings *list, const char *text) {
  for (size_t i = 0; i < list->n; i++)
    if (strcmp(list->items[i], text) == 0) return true;
  return false;
}

/* prefix/name by RFC 6901; what does not fit is cut. */
static const char *pointer_to(struct cg_arena *arena, const char *prefix,
                              const char *name) {
  char text[512];
  size_t n = (size_t)snprintf(text, sizeof text - 2, "%s/", prefix);
  if (n > sizeof text - 3) n = sizeof text - 3;
  for (; *name && n < sizeof text - 3; name++) {
    bool escaped = *name == '~' || *name == '/';
    if (escaped) text[n++] = '~';
    text[n++] = !escaped ? *name : *name == '~' ? '0' : '1';
  }
  n = cg_utf8_cut(text, n, *name ? n - 1 : n);
  const char *kept = cg_arena_strndup(arena, text, n);
  return kept ? kept : "";
}

static bool wrong(const struct at *at, const char *fmt, ...) CG_PRINTF(2, 3);

static bool wrong(const struct at *at, const char *fmt, ...) {
  char text[CG_ERR_TEXT_MAX];
  va_list ap;
  va_start(ap, fmt);
  cg_utf8_vprint(text, sizeof text, fmt, ap);
  va_end(ap);
  cg_field_error(at->errs, at->arena, pointer_to(at->arena, at->prefix, at->field->name),
                 "%s", text);
  return false;
}

static const char *found(const json_t *v) {
  static const char *const names[] = {
      [JSON_OBJECT] = "an object",
      [JSON_ARRAY] = "an array",
      [JSON_STRING] = "a string",
      [JSON_INTEGER] = "a whole number",
      [JSON_REAL] = "a number that is not whole",
      [JSON_TRUE] = "true",
      [JSON_FALSE] = "false",
      [JSON_NULL] = "null",
  };
  return names[json_typeof(v)];
}

static bool in_range(const struct at *at, int64_t n, const char *what) {
  const struct cg_field *f = at->field;
  if (cg_field_holds(f, n)) return true;
  if (f->max)
    return wrong(at, "must be %" PRId64 " to %" PRId64 "%s, is %" PRId64, f->min, f->max,
                 what, n);
  return wrong(at, "must be at least %" PRId64 "%s, is %" PRId64, f->min, what, n);
}

/* C0, DEL and C1; the text is valid UTF-8 already. */
static bool has_control(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c < 0x20 || c == 0x7f) return true;
    if (c == 0xc2 && i + 1 < n && (unsigned char)s[i + 1] < 0xa0) return true;
  }
  return false;
}

static bool one_of(const struct at *at, const char *text) {
  const char *const *list = at->field->one_of;
  size_t n = 0;
  for (; list[n]; n++)
    if (!strcmp(list[n], text)) return true;
  char names[256];
  struct cg_buf b;
  cg_buf_wrap(&b, names, sizeof names);
  for (size_t i = 0; i < n; i++) cg_buf_printf(&b, "%s%s", i ? ", " : "", list[i]);
  const char *near = cg_nearest(text, list, n);
  return wrong(at, "must be one of %s%s%s%s", names, near ? "; did you mean " : "",
               near ? near : "", near ? "?" : "");
}

/* Code points of valid UTF-8: the bytes that begin one. */
static size_t characters(const char *s, size_t n) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) count += ((unsigned char)s[i] & 0xc0) != 0x80;
  return count;
}

static bool length_fits(const struct at *at, const char *text, size_t n) {
  return at->field->type == CG_TEXT
             ? in_range(at, (int64_t)characters(text, n), " characters")
             : in_range(at, (int64_t)n, " bytes");
}

static bool read_string(const struct at *at, json_t *v) {
  if (!json_is_string(v)) return wrong(at, "must be a string, is %s", found(v));
  const char *text = json_string_value(v);
  size_t n = json_string_length(v);
  const char *odd = at->field->odd ? at->field->odd(text, n) : NULL;
  if (odd) return wrong(at, "%s", odd);
  if (!length_fits(at, text, n)) return false;
  if (has_control(text, n)) return wrong(at, "must not hold control characters");
  if (at->field->one_of && !one_of(at, text)) return false;
  const char *copy = cg_arena_strndup(at->arena, text, n);
  if (!copy) return wrong(at, "no memory for it");
  *(const char **)at->to = copy;
  return true;
}

/* 60.0 is a whole number, too (JSON Schema, 6.1.1), as far as a double can tell. */
static bool whole(const json_t *v, int64_t *ret) {
  const double exact = 9007199254740992.0;
  if (json_is_integer(v)) {
    *ret = json_integer_value(v);
    return true;
  }
  double d = json_real_value(v);
  if (!json_is_real(v) || !(d >= -exact && d <= exact)) return false;
  *ret = (int64_t)d;
  return (double)*ret == d;
}

static bool read_int(const struct at *at, json_t *v) {
  int64_t n;
  if (!whole(v, &n)) return wrong(at, "must be a whole number, is %s", found(v));
  if (!in_range(at, n, "")) return false;
  *(int64_t *)at->to = n;
  return true;
}

static bool read_bool(const struct at *at, json_t *v) {
  if (!json_is_boolean(v)) return wrong(at, "must be true or false, is %s", found(v));
  *(bool *)at->to = json_is_true(v);
  return true;
}

static bool element_ok(const struct at *at, size_t i, const json_t *v) {
  if (!json_is_string(v))
    return wrong(at, "number %zu of its elements must be a string, is %s", i + 1,
                 found(v));
  size_t n = json_string_length(v);
  if (n < 1 || n > ELEMENT_MAX)
    return wrong(at, "number %zu of its elements must be 1 to %d bytes, is %zu", i + 1,
                 ELEMENT_MAX, n);
  const char *odd = at->field->odd ? at->field->odd(json_string_value(v), n) : NULL;
  if (odd) return wrong(at, "number %zu of its elements %s", i + 1, odd);
  if (has_control(json_string_value(v), n))
    return wrong(at, "number %zu of its elements must not hold control characters",
                 i + 1);
  return true;
}

static bool read_strings(const struct at *at, json_t *v) {
  if (!json_is_array(v)) return wrong(at, "must be an array of strings, is %s", found(v));
  size_t n = json_array_size(v);
  if (!in_range(at, (int64_t)n, " elements")) return false;
  const char **items = cg_arena_alloc(at->arena, n * sizeof *items);
  if (!items) return wrong(at, "no memory for it");
  for (size_t i = 0; i < n; i++) {
    const json_t *e = json_array_get(v, i);
    if (!element_ok(at, i, e)) return false;
    items[i] = cg_arena_strdup(at->arena, json_string_value(e));
    if (!items[i]) return wrong(at, "no memory for it");
  }
  *(struct cg_strings *)at->to = (struct cg_strings){items, n};
  return true;
}

static bool read_object(const struct at *at, json_t *v) {
  if (!json_is_object(v)) return wrong(at, "must be an object, is %s", found(v));
  *(json_t **)at->to = v;
  return true;
}

static bool (*const readers[])(const struct at *, json_t *) = {
    [CG_STRING] = read_string, [CG_TEXT] = read_string,     [CG_INT] = read_int,
    [CG_BOOL] = read_bool,     [CG_STRINGS] = read_strings, [CG_OBJECT] = read_object,
};

static const struct cg_field *find(const struct cg_field *fields, const char *name) {
  for (; fields->name; fields++)
    if (!strcmp(fields->name, name)) return fields;
  return NULL;
}

static void unknown(const struct cg_field *fields, const char *name, const char *prefix,
                    struct cg_arena *arena, struct cg_field_errors *errs) {
  const char *names[CANDIDATES_MAX];
  size_t n = 0;
  for (; fields[n].name && n < CANDIDATES_MAX; n++) names[n] = fields[n].name;
  const char *near = cg_nearest(name, names, n);
  const char *pointer = pointer_to(arena, prefix, name);
  if (near)
    cg_field_error(errs, arena, pointer, "unknown; did you mean \"%s\"?", near);
  else
    cg_field_error(errs, arena, pointer, "unknown");
}

static void check_member(const struct at *at, json_t *v, void *out) {
  if (!v || json_is_null(v)) {
    if (at->field->required) wrong(at, "is required");
  } else if (at->field->type == CG_TABLE) {
    const char *prefix = pointer_to(at->arena, at->prefix, at->field->name);
    bool ok = cg_schema_check(at->field->sub, v, prefix, out, at->arena, at->errs);
    (void)ok; /* errs has it */
  } else {
    readers[at->field->type](at, v);
  }
}

bool cg_schema_check(const struct cg_field *fields, json_t *object, const char *prefix,
                     void *out, struct cg_arena *arena, struct cg_field_errors *errs) {
  size_t before = errs->n;
  if (!json_is_object(object)) {
    cg_field_error(errs, arena, prefix, "must be an object, is %s", found(object));
    return false;
  }
  const char *name;
  json_t *v;
  json_object_foreach(object, name, v) {
    if (!find(fields, name)) unknown(fields, name, prefix, arena, errs);
  }
  for (const struct cg_field *f = fields; f->name; f++) {
    struct at at = {f, prefix, (char *)out + f->offset, arena, errs};
    check_member(&at, json_object_get(object, f->name), out);
  }
  return errs->n == before;
}
