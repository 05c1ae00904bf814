/* rule.h - one loaded policy file: its name, its match, its decide function.
 *
 * match: equality tests, all of which must hold; each takes a string or a list of
 * strings, one of which must be equal:
 *   role     the subject has the role          site     the camera's site
 *   tag      the camera has the tag            camera   the camera's id
 *   purpose  the purpose stated                quality  the tier asked for
 *   level    the camera's level (numbers)
 */
#ifndef CG_POLICY_RULE_H
#define CG_POLICY_RULE_H

#include "policy/ask.h"

#define CG_MATCH_VALUES_MAX 64

enum cg_match_key {
  CG_MATCH_ROLE,
  CG_MATCH_SITE,
  CG_MATCH_TAG,
  CG_MATCH_CAMERA,
  CG_MATCH_PURPOSE,
  CG_MATCH_QUALITY,
  CG_MATCH_LEVEL,
  CG_MATCH_KEYS
};

/* n = 0: not tested.  Strings are owned. */
struct cg_match_test {
  char *text[CG_MATCH_VALUES_MAX];
  int64_t level[CG_MATCH_VALUES_MAX];
  size_t n;
};

struct cg_rule {
  char *name;
  const char *file; /* the bundle's */
  int line;         /* of decide */
  int decide_ref;
  struct cg_match_test *match[CG_MATCH_KEYS]; /* NULL: not tested */
};

/* The key of a name, or -1. */
int cg_match_key(const char *name);
bool cg_rule_applies(const struct cg_rule *rule, const struct cg_ask *ask,
                     const struct cg_tiers *tiers);
void cg_rule_clear(struct cg_rule *rule);

#endif
