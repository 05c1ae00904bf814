/* The line of a JSON pointer, found by reading the file as tokens of Lua. */
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/conf_scan.h"

static bool is(const struct cg_token *t, enum cg_token_kind kind, const char *word,
               size_t n) {
  size_t skip = kind == CG_TOKEN_STRING ? 1 : 0;
  return t->kind == kind && t->n == n + 2 * skip && !strncmp(t->text + skip, word, n);
}

/* From inside a value on to the inside of its first table. */
static bool into_table(struct cg_scan *s) {
  for (int depth = 0;;) {
    struct cg_token t = cg_scan_next(s);
    if (t.kind == CG_TOKEN_OPEN && *t.text == '{') return true;
    if (t.kind == CG_TOKEN_END ||
        (depth == 0 && (t.kind == CG_TOKEN_COMMA || t.kind == CG_TOKEN_CLOSE)))
      return false;
    depth += (t.kind == CG_TOKEN_OPEN) - (t.kind == CG_TOKEN_CLOSE);
  }
}

/* At a member's name, NAME or ["NAME"]: just behind it. */
static bool at_name(struct cg_scan *s, const struct cg_token *t, const char *word,
                    size_t n) {
  struct cg_scan ahead = *s;
  bool found = is(t, CG_TOKEN_NAME, word, n);
  if (t->kind == CG_TOKEN_OPEN && *t->text == '[') {
    struct cg_token name = cg_scan_next(&ahead);
    found = is(&name, CG_TOKEN_STRING, word, n) &&
            cg_scan_next(&ahead).kind == CG_TOKEN_CLOSE;
  }
  if (!found) return false;
  struct cg_scan behind = ahead;
  if (cg_scan_next(&ahead).kind != CG_TOKEN_EQUALS) return false;
  *s = behind;
  return true;
}

static bool to_name(struct cg_scan *s, const char *word, size_t n, int *ret_line) {
  for (int depth = 0; depth >= 0;) {
    struct cg_token t = cg_scan_next(s);
    *ret_line = t.line;
    if (t.kind == CG_TOKEN_END) return false;
    if (depth == 0 && at_name(s, &t, word, n)) return true;
    depth += (t.kind == CG_TOKEN_OPEN) - (t.kind == CG_TOKEN_CLOSE);
  }
  return false;
}

/* To a word that stands in the table or in a table of it (a plugin's name), or the place
 * of a list's element. */
static bool to_word(struct cg_scan *s, const char *word, size_t n, int *ret_line,
                    bool *ret_inside) {
  char *digits_end;
  long place = strtol(word, &digits_end, 10), at = 1;
  if (digits_end != word + n) place = 0;
  for (int depth = 0; depth >= 0;) {
    struct cg_scan before = *s;
    struct cg_token t = cg_scan_next(s);
    *ret_line = t.line;
    *ret_inside = false;
    if (t.kind == CG_TOKEN_END) return false;
    if (depth == 0 && at == place) {
      *s = before;
      return true;
    }
    *ret_inside = depth == 1;
    if (depth <= 1 && is(&t, CG_TOKEN_STRING, word, n)) return true;
    depth += (t.kind == CG_TOKEN_OPEN) - (t.kind == CG_TOKEN_CLOSE);
    at += depth == 0 && t.kind == CG_TOKEN_COMMA;
  }
  return false;
}

/* From the inside of a table on to one of these. */
static bool to_member(struct cg_scan *s, const char *word, size_t n, int *ret_line,
                      bool *ret_inside) {
  struct cg_scan named = *s;
  *ret_inside = false;
  if (!to_name(&named, word, n, ret_line))
    return to_word(s, word, n, ret_line, ret_inside);
  *s = named;
  return true;
}

/* Just behind the file's own `return {`. */
static bool to_root(struct cg_scan *s) {
  struct cg_scan found = {NULL, 0};
  for (int depth = 0;;) {
    struct cg_token t = cg_scan_next(s);
    if (t.kind == CG_TOKEN_END) break;
    if (depth == 0 && is(&t, CG_TOKEN_NAME, "return", 6)) found = *s;
    depth += (t.kind == CG_TOKEN_OPEN) - (t.kind == CG_TOKEN_CLOSE);
  }
  *s = found;
  return found.p && into_table(s);
}

static int line_of(const char *source, const char *pointer) {
  struct cg_scan s = {source, 1};
  int line = 0;
  bool inside = to_root(&s);
  while (inside && *pointer == '/') {
    size_t n = strcspn(++pointer, "/");
    int at;
    if (!to_member(&s, pointer, n, &at, &inside)) break;
    line = at;
    pointer += n;
    inside = inside || (*pointer && into_table(&s));
  }
  return line;
}

const char *cg_conf_where(const struct cg_conf *conf, const char *pointer,
                          struct cg_arena *arena) {
  int line = *pointer == ':' ? (int)strtol(pointer + 1, NULL, 10)
             : conf->source  ? line_of(conf->source, pointer)
                             : 0;
  const char *where =
      line ? cg_arena_printf(arena, "%s:%d", conf->shown, line) : conf->shown;
  return where ? where : pointer;
}
