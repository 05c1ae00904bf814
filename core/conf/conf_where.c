/* The line of a JSON pointer, found by reading the file as tokens of Lua. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

/* Enough of Lua to know keys, strings and nesting. */
enum kind { END, NAME, STRING, OPEN, CLOSE, EQUALS, COMMA, OTHER };

struct token {
  enum kind kind;
  const char *text;
  size_t n;
  int line;
};

struct scan {
  const char *p;
  int line;
};

static void skip_to(struct scan *s, const char *end) {
  for (; s->p < end && *s->p; s->p++) s->line += *s->p == '\n';
}

/* [[...]] or [=[...]=] at s: its end, or NULL when there is none. */
static const char *long_end(const char *p) {
  if (*p != '[') return NULL;
  size_t level = strspn(p + 1, "=");
  if (p[1 + level] != '[') return NULL;
  for (p += 2 + level; *p; p++)
    if (*p == ']' && strspn(p + 1, "=") >= level && p[1 + level] == ']')
      return p + level + 2;
  return p;
}

static void skip_blank(struct scan *s) {
  for (;;) {
    skip_to(s, s->p + strspn(s->p, " \t\r\n\f\v"));
    if (strncmp(s->p, "--", 2)) return;
    const char *end = long_end(s->p + 2);
    skip_to(s, end ? end : s->p + strcspn(s->p, "\n"));
  }
}

static const char *quoted_end(const char *p) {
  char quote = *p++;
  while (*p && *p != quote && *p != '\n') p += *p == '\\' && p[1] ? 2 : 1;
  return *p == quote ? p + 1 : p;
}

static enum kind kind_of(const char *p) {
  if (!*p) return END;
  if (isalpha((unsigned char)*p) || *p == '_') return NAME;
  if (*p == '"' || *p == '\'') return STRING;
  if (strchr("{([", *p)) return OPEN;
  if (strchr("})]", *p)) return CLOSE;
  if (strchr(",;", *p)) return COMMA;
  return *p == '=' && p[1] != '=' ? EQUALS : OTHER;
}

static struct token next(struct scan *s) {
  skip_blank(s);
  struct token t = {kind_of(s->p), s->p, 1, s->line};
  const char *end = s->p + (*s->p ? 1 : 0), *bracket = long_end(s->p);
  if (t.kind == NAME) {
    while (isalnum((unsigned char)*end) || *end == '_') end++;
  } else if (t.kind == STRING) {
    end = quoted_end(s->p);
  } else if (bracket) {
    t.kind = OTHER;
    end = bracket;
  } else if (t.kind == OTHER && strchr("=<>~", *s->p) && *end == '=') {
    end++;
  }
  skip_to(s, end);
  t.n = (size_t)(end - t.text);
  return t;
}

static bool is(const struct token *t, enum kind kind, const char *word, size_t n) {
  size_t skip = kind == STRING ? 1 : 0;
  return t->kind == kind && t->n == n + 2 * skip && !strncmp(t->text + skip, word, n);
}

/* From inside a value on to the inside of its first table. */
static bool into_table(struct scan *s) {
  for (int depth = 0;;) {
    struct token t = next(s);
    if (t.kind == OPEN && *t.text == '{') return true;
    if (t.kind == END || (depth == 0 && (t.kind == COMMA || t.kind == CLOSE)))
      return false;
    depth += (t.kind == OPEN) - (t.kind == CLOSE);
  }
}

/* At a member's name, NAME or ["NAME"]: just behind it. */
static bool at_name(struct scan *s, const struct token *t, const char *word, size_t n) {
  struct scan ahead = *s;
  bool found = is(t, NAME, word, n);
  if (t->kind == OPEN && *t->text == '[') {
    struct token name = next(&ahead);
    found = is(&name, STRING, word, n) && next(&ahead).kind == CLOSE;
  }
  if (!found) return false;
  struct scan behind = ahead;
  if (next(&ahead).kind != EQUALS) return false;
  *s = behind;
  return true;
}

static bool to_name(struct scan *s, const char *word, size_t n, int *ret_line) {
  for (int depth = 0; depth >= 0;) {
    struct token t = next(s);
    *ret_line = t.line;
    if (t.kind == END) return false;
    if (depth == 0 && at_name(s, &t, word, n)) return true;
    depth += (t.kind == OPEN) - (t.kind == CLOSE);
  }
  return false;
}

/* To a word that stands in the table or in a table of it (a plugin's name), or the place
 * of a list's element. */
static bool to_word(struct scan *s, const char *word, size_t n, int *ret_line,
                    bool *ret_inside) {
  char *digits_end;
  long place = strtol(word, &digits_end, 10), at = 1;
  if (digits_end != word + n) place = 0;
  for (int depth = 0; depth >= 0;) {
    struct scan before = *s;
    struct token t = next(s);
    *ret_line = t.line;
    *ret_inside = false;
    if (t.kind == END) return false;
    if (depth == 0 && at == place) {
      *s = before;
      return true;
    }
    *ret_inside = depth == 1;
    if (depth <= 1 && is(&t, STRING, word, n)) return true;
    depth += (t.kind == OPEN) - (t.kind == CLOSE);
    at += depth == 0 && t.kind == COMMA;
  }
  return false;
}

/* From the inside of a table on to one of these. */
static bool to_member(struct scan *s, const char *word, size_t n, int *ret_line,
                      bool *ret_inside) {
  struct scan named = *s;
  *ret_inside = false;
  if (!to_name(&named, word, n, ret_line))
    return to_word(s, word, n, ret_line, ret_inside);
  *s = named;
  return true;
}

/* Just behind the file's own `return {`. */
static bool to_root(struct scan *s) {
  struct scan found = {NULL, 0};
  for (int depth = 0;;) {
    struct token t = next(s);
    if (t.kind == END) break;
    if (depth == 0 && is(&t, NAME, "return", 6)) found = *s;
    depth += (t.kind == OPEN) - (t.kind == CLOSE);
  }
  *s = found;
  return found.p && into_table(s);
}

static int line_of(const char *source, const char *pointer) {
  struct scan s = {source, 1};
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
