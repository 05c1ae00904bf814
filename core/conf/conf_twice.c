#include "conf/conf_twice.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf_scan.h"

#define DEPTH_MAX 16
#define KEYS_MAX  128 /* of all tables that are open */

struct key {
  struct cg_token name;
  int depth;
};

/* depth: of brackets; a key counts at the depth of its own table.  Beyond the bounds
 * nothing is looked for. */
struct looking {
  struct key keys[KEYS_MAX];
  size_t n;
  int depth;
  bool table[DEPTH_MAX]; /* a brace opened that depth */
  struct cg_arena *arena;
  struct cg_field_errors *errs;
};

static bool in_table(const struct looking *l) {
  return l->depth > 0 && l->depth < DEPTH_MAX && l->table[l->depth];
}

static void see_key(struct looking *l, const struct cg_token *name) {
  char where[24];
  for (size_t i = 0; i < l->n; i++) {
    const struct cg_token *before = &l->keys[i].name;
    if (l->keys[i].depth != l->depth || before->n != name->n ||
        memcmp(before->text, name->text, name->n) != 0)
      continue;
    snprintf(where, sizeof where, ":%d", name->line);
    cg_field_error(l->errs, l->arena, where, "%.*s is given twice, on line %d already",
                   (int)name->n, name->text, before->line);
    return;
  }
  if (l->n < KEYS_MAX) l->keys[l->n++] = (struct key){*name, l->depth};
}

static void open(struct looking *l, bool brace) {
  if (++l->depth < DEPTH_MAX) l->table[l->depth] = brace;
}

static void close(struct looking *l) {
  while (l->n && l->keys[l->n - 1].depth >= l->depth) l->n--;
  if (l->depth) l->depth--;
}

void cg_conf_twice(const char *source, struct cg_arena *arena,
                   struct cg_field_errors *errs) {
  struct looking l = {.arena = arena, .errs = errs};
  struct cg_scan s = {source, 1};
  bool begins = false; /* a member of a table may begin here */
  for (;;) {
    struct cg_token t = cg_scan_next(&s);
    struct cg_scan ahead = s;
    if (t.kind == CG_TOKEN_END) return;
    if (begins && t.kind == CG_TOKEN_NAME && in_table(&l) &&
        cg_scan_next(&ahead).kind == CG_TOKEN_EQUALS)
      see_key(&l, &t);
    if (t.kind == CG_TOKEN_OPEN) open(&l, *t.text == '{');
    if (t.kind == CG_TOKEN_CLOSE) close(&l);
    begins = t.kind == CG_TOKEN_COMMA || (t.kind == CG_TOKEN_OPEN && *t.text == '{');
  }
}
