#include "policy/rule.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

static const char *const match_names[CG_MATCH_KEYS] = {
    [CG_MATCH_ROLE] = "role",       [CG_MATCH_SITE] = "site",
    [CG_MATCH_TAG] = "tag",         [CG_MATCH_CAMERA] = "camera",
    [CG_MATCH_PURPOSE] = "purpose", [CG_MATCH_QUALITY] = "quality",
    [CG_MATCH_LEVEL] = "level",
};

int cg_match_key(const char *name) {
  for (int i = 0; i < CG_MATCH_KEYS; i++)
    if (strcmp(match_names[i], name) == 0) return i;
  return -1;
}

static bool one_of(const struct cg_match_test *t, const char *value) {
  for (size_t i = 0; value && i < t->n; i++)
    if (strcmp(t->text[i], value) == 0) return true;
  return false;
}

static bool any_of(const struct cg_match_test *t, const struct cg_strings *values) {
  for (size_t i = 0; i < values->n; i++)
    if (one_of(t, values->items[i])) return true;
  return false;
}

static bool has_level(const struct cg_match_test *t, int64_t level) {
  for (size_t i = 0; i < t->n; i++)
    if (t->level[i] == level) return true;
  return false;
}

static bool holds(enum cg_match_key key, const struct cg_match_test *t,
                  const struct cg_ask *ask, const struct cg_tiers *tiers) {
  switch (key) {
  case CG_MATCH_ROLE: return any_of(t, &ask->subject->roles);
  case CG_MATCH_SITE: return one_of(t, ask->camera->site);
  case CG_MATCH_TAG: return any_of(t, &ask->camera->tags);
  case CG_MATCH_CAMERA: return one_of(t, ask->camera->id);
  case CG_MATCH_PURPOSE: return one_of(t, ask->purpose);
  case CG_MATCH_QUALITY: return one_of(t, cg_tier_name(tiers, ask->quality));
  case CG_MATCH_LEVEL: return has_level(t, ask->camera->level);
  case CG_MATCH_KEYS: break;
  }
  return false;
}

bool cg_rule_applies(const struct cg_rule *rule, const struct cg_ask *ask,
                     const struct cg_tiers *tiers) {
  for (int key = 0; key < CG_MATCH_KEYS; key++) {
    const struct cg_match_test *t = rule->match[key];
    if (t && !holds((enum cg_match_key)key, t, ask, tiers)) return false;
  }
  return true;
}

static void clear_test(struct cg_match_test *t) {
  for (size_t i = 0; t && i < t->n; i++) cg_free(t->text[i]);
  cg_free(t);
}

void cg_rule_clear(struct cg_rule *rule) {
  for (int key = 0; key < CG_MATCH_KEYS; key++) clear_test(rule->match[key]);
  cg_free(rule->name);
}
