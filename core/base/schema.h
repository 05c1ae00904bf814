/* schema.h - tables that say what a JSON object may hold; one checker for bodies and
 * configuration.
 *
 * A table row names a member, its type, its range and where its value goes in a C struct.
 * The checker reports every error, not the first: unknown members with the nearest known
 * name, wrong types with what was found, values out of range with the range.  Strings are
 * copied into the arena; absent members keep the value that *out already has (set
 * defaults first) unless required.  A member that is null counts as absent.  No globals,
 * any thread.
 */
#ifndef CG_BASE_SCHEMA_H
#define CG_BASE_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum cg_type {
  CG_STRING,  /* const char *; min..max = bytes; no control characters            */
  CG_TEXT,    /* the same; min..max = characters (code points), as JSON Schema    */
  CG_INT,     /* int64_t; min..max                                                */
  CG_BOOL,    /* bool                                                             */
  CG_STRINGS, /* struct cg_strings; min..max = count; elements 1..256 bytes       */
  CG_OBJECT,  /* json_t * borrowed from the input, any members                    */
  CG_TABLE,   /* nested object checked by .sub, written to the same out struct    */
};

struct cg_strings {
  const char *const *items;
  size_t n;
};
bool cg_strings_has(const struct cg_strings *list, const char *text);

struct cg_field {
  const char *name;
  enum cg_type type;
  bool required;
  int64_t min, max;           /* max 0: no bound but the arena's */
  size_t offset;              /* into *out */
  const char *help;           /* one sentence */
  const char *const *one_of;  /* STRING, TEXT: NULL-terminated list of what is allowed */
  const struct cg_field *sub; /* TABLE: ends with a row whose name is NULL */
  /* STRING, and the elements of STRINGS: words for a text that is none to be taken; NULL:
   * none is.  Not asked by cg_schema_read_plain. */
  const char *(*odd)(const char *text, size_t n);
};

static inline bool cg_field_holds(const struct cg_field *f, int64_t n) {
  return n >= f->min && (!f->max || n <= f->max);
}

#define CG_FIELD_ERRORS_MAX 32

struct cg_field_error {
  const char *pointer; /* RFC 6901 */
  const char *text;
};

struct cg_field_errors {
  struct cg_field_error items[CG_FIELD_ERRORS_MAX];
  size_t n; /* more than the maximum are counted, not kept */
};

/* fields end with a row whose name is NULL.  true: *out is filled, errs->n has not grown.
 * prefix: JSON pointer of `object`, "" for the document. */
bool cg_schema_check(const struct cg_field *fields, json_t *object, const char *prefix,
                     void *out, struct cg_arena *arena,
                     struct cg_field_errors *errs) CG_MUST_USE;

/* The same from the text of a document, in one pass, when that is as plain as nearly all
 * are: an object of strings of printable ASCII without escapes, whole numbers from 0 on
 * and booleans, each once and all of them as the table wants.  false: it is not, or there
 * was no memory, *out is in part written to; cg_json_parse and cg_schema_check accept
 * more and say what is wrong. */
bool cg_schema_read_plain(const struct cg_field *fields, const char *text, size_t n,
                          void *out, struct cg_arena *arena) CG_MUST_USE;

void cg_field_error(struct cg_field_errors *errs, struct cg_arena *arena,
                    const char *pointer, const char *fmt, ...) CG_PRINTF(4, 5);

/* The candidate nearest to word by edit distance, or NULL when none is close (<= 1/3 of
 * the length + 1). */
const char *cg_nearest(const char *word, const char *const *candidates, size_t n);

/* Parses with bounds: depth, no duplicates, no NUL.  NULL: *err says where. */
#define CG_JSON_DEPTH 16
json_t *cg_json_parse(const char *text, size_t n, struct cg_err *err) CG_MUST_USE;
/* For what the gate itself laid some levels deeper. */
json_t *cg_json_parse_deep(const char *text, size_t n, int depth,
                           struct cg_err *err) CG_MUST_USE;

#endif
