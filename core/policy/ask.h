/* ask.h - what policies are asked, and what they say: data only.
 *
 * Strings of a question live as long as the request's arena; a verdict and all it points
 * to live in the arena that was given with the question.
 */
#ifndef CG_POLICY_ASK_H
#define CG_POLICY_ASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bounds.h"
#include "base/err.h"
#include "base/schema.h"
#include "base/tier.h"
#include "base/zone.h"

/* Who asks. */
struct cg_subject {
  const char *id, *name;
  struct cg_strings roles, sites;
  json_t *claims; /* borrowed; read only */
  const char *ip;
};

struct cg_camera {
  const char *id, *name, *site;
  struct cg_strings tags;
  int64_t level;
  const char *attributes; /* JSON object */
};

struct cg_ask {
  const struct cg_subject *subject;
  const struct cg_camera *camera;
  int quality;                          /* tier asked for, or CG_TIER_NONE */
  const char *purpose;                  /* "" */
  const char *lease_id, *lease_quality; /* NULL: a first decision */
  int64_t lease_granted_us;
  int64_t now_us; /* wall; req.time is this in the zone of the camera's site */
  bool explain;   /* collect words of policies that had no opinion, too */
};

struct cg_scope_ask {
  const char *name;
  uint64_t limit;
  bool weighted;
};

/* CAP constrains (max, ttl, scopes) and does not allow. */
enum cg_word_kind {
  CG_WORD_NONE,
  CG_WORD_ALLOW,
  CG_WORD_CAP,
  CG_WORD_DENY,
  CG_WORD_ERROR
};

/* One policy's word. */
struct cg_word {
  enum cg_word_kind kind;
  const char *policy, *file; /* file: name in the bundle */
  int line;                  /* where the answer was made; of decide for NONE */
  const char *reason;        /* deny: its text; error: what happened; else "" */
  int max;                   /* allow, cap: tier, or CG_TIER_NONE for none */
  int64_t ttl_s;             /* allow, cap: 0 = none */
  bool not_utf8; /* a text that the policy gave was not: U+FFFD stands for what is none */
};

struct cg_verdict {
  bool allow;
  bool policy_error;
  enum cg_code outage; /* with policy_error: why nothing could be decided; else CG_OK */
  const char *reason;  /* deny: the first deny's text; "no policy allows this";
                       "policy_error"; outage: what is away */
  /* The policy that decided: the denying, the capping, else the first allowing. */
  const char *rule, *file;
  int line;
  int max;              /* tier: lowest max, or the top tier */
  const char *max_rule; /* policy that set max, "" when none did */
  int64_t ttl_s;        /* 0 = none said */
  int64_t priority;
  struct cg_scope_ask scopes[CG_SCOPES_MAX];
  size_t n_scopes;
  const struct cg_word *words;
  size_t n_words;
  const char *facts;     /* JSON object: usage values read, by scope; "{}" */
  const char *zone;      /* explain: of the camera's site; else "" */
  struct cg_local local; /* explain: what it was there */
  int64_t cpu_us;
};

typedef void cg_verdict_fn(void *arg, const struct cg_verdict *v);

#endif
