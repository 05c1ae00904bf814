/* conf_scan.h - the configuration file as tokens: enough of Lua to know keys, strings and
 * nesting.  Comments are skipped; what is no Lua gives tokens, too, and an end.
 */
#ifndef CG_CONF_CONF_SCAN_H
#define CG_CONF_CONF_SCAN_H

#include <stddef.h>

enum cg_token_kind {
  CG_TOKEN_END,
  CG_TOKEN_NAME,
  CG_TOKEN_STRING, /* with its quotes */
  CG_TOKEN_OPEN,   /* one of {([ */
  CG_TOKEN_CLOSE,  /* one of })] */
  CG_TOKEN_EQUALS,
  CG_TOKEN_COMMA, /* or a semicolon */
  CG_TOKEN_OTHER,
};

struct cg_token {
  enum cg_token_kind kind;
  const char *text; /* inside the source */
  size_t n;
  int line;
};

/* Where it stands; {source, 1} at the start.  A copy looks ahead. */
struct cg_scan {
  const char *p;
  int line;
};

struct cg_token cg_scan_next(struct cg_scan *s);

#endif
