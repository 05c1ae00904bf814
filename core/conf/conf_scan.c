#include "conf/conf_scan.h"

#include <ctype.h>
#include <string.h>

static void skip_to(struct cg_scan *s, const char *end) {
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

static void skip_blank(struct cg_scan *s) {
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

static enum cg_token_kind kind_of(const char *p) {
  if (!*p) return CG_TOKEN_END;
  if (isalpha((unsigned char)*p) || *p == '_') return CG_TOKEN_NAME;
  if (*p == '"' || *p == '\'') return CG_TOKEN_STRING;
  if (strchr("{([", *p)) return CG_TOKEN_OPEN;
  if (strchr("})]", *p)) return CG_TOKEN_CLOSE;
  if (strchr(",;", *p)) return CG_TOKEN_COMMA;
  return *p == '=' && p[1] != '=' ? CG_TOKEN_EQUALS : CG_TOKEN_OTHER;
}

struct cg_token cg_scan_next(struct cg_scan *s) {
  skip_blank(s);
  struct cg_token t = {kind_of(s->p), s->p, 1, s->line};
  const char *end = s->p + (*s->p ? 1 : 0), *bracket = long_end(s->p);
  if (t.kind == CG_TOKEN_NAME) {
    while (isalnum((unsigned char)*end) || *end == '_') end++;
  } else if (t.kind == CG_TOKEN_STRING) {
    end = quoted_end(s->p);
  } else if (bracket) {
    t.kind = CG_TOKEN_OTHER;
    end = bracket;
  } else if (t.kind == CG_TOKEN_OTHER && strchr("=<>~", *s->p) && *end == '=') {
    end++;
  }
  skip_to(s, end);
  t.n = (size_t)(end - t.text);
  return t;
}
