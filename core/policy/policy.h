/* policy.h - one worker's policies: a Lua state, and decisions run in it.
 *
 * cg_policy_new compiles a bundle into a state of its own: allow-list environment built
 * from nothing, text chunks only, memory counted by the allocator.  It checks every file
 * (returns one table; name, decide; known keys only; match of known tests) and reports
 * all that is wrong at once.
 *
 * cg_policy_decide runs the policies whose match holds, in name order, inside one pooled
 * coroutine, and gives exactly one verdict, now or later (a policy may await usage()).
 * Everything that touches the Lua stack with data runs protected.  Combination: any deny
 * denies; at least one allow is needed; lowest max, smallest ttl, lowest limit per scope,
 * highest priority win; scopes add up.  An error, an odd value, a broken limit: a deny
 * with policy_error set, of that decision alone.  The first deny or error decides;
 * policies after it are asked only in explain mode, and do not change the verdict.
 *
 * What is nobody's fault but the gate's (no memory, a quota that cannot be read) is told
 * by `outage`: nothing was decided, and who asks again later may hear something else.
 *
 * Limits (struct cg_policy_limits) are sticky: once one is hit the coroutine cannot go
 * on, whatever it catches.  Waiting is free.  A decision in flight holds a reference, so
 * a reload lets it finish on the state it began on.  One worker's thread.
 */
#ifndef CG_POLICY_POLICY_H
#define CG_POLICY_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/schema.h"
#include "base/tier.h"
#include "policy/bundle.h"

struct cg_policy;

struct cg_policy_limits {
  uint64_t memory_bytes;  /* of the state, default 32 MiB */
  uint64_t instructions;  /* of one decision, default 1,000,000 */
  uint32_t resume_cpu_us; /* thread CPU of one resume, default 20,000 */
  uint32_t decide_cpu_us; /* thread CPU of one decision, default 50,000 */
  uint32_t awaits;        /* usage() calls of one decision, default 32 */
};
extern const struct cg_policy_limits cg_policy_limits_default;

struct cg_policy_env {
  const struct cg_tiers *tiers;
  struct cg_policy_limits limits;
  struct cg_log *log; /* policy errors with traceback, once per decision */
  /* usage(scope): answer through done, now or later, exactly once.  false: unknown, the
   * decision fails with the text. */
  void (*usage)(void *ctx, const char *scope,
                void (*done)(void *arg, bool ok, uint64_t in_use, const char *text),
                void *arg);
  void *ctx;
};

/* Who asks.  Strings live as long as the request's arena. */
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
  int64_t now_us; /* wall; req.time is this in the process's TZ */
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
};

#define CG_SCOPES_MAX     32
#define CG_SCOPE_NAME_MAX 200

struct cg_verdict {
  bool allow;
  bool policy_error;
  enum cg_code outage; /* with policy_error: why nothing could be decided; else CG_OK */
  const char *reason;  /* deny: the first deny's text; "no policy allows this";
                       "policy_error"; outage: what is away */
  const char *rule, *file; /* of the policy that decided: the denying, the capping,
                              else the first allowing */
  int line;
  int max;              /* tier: lowest max, or the top tier */
  const char *max_rule; /* policy that set max, "" when none did */
  int64_t ttl_s;        /* 0 = none said */
  int64_t priority;
  struct cg_scope_ask scopes[CG_SCOPES_MAX];
  size_t n_scopes;
  const struct cg_word *words;
  size_t n_words;
  const char *facts; /* JSON object: usage values read, by scope; "{}" */
  int64_t cpu_us;
};

typedef void cg_verdict_fn(void *arg, const struct cg_verdict *v);

/* All errors of all files in errs (pointer = "file:line").  NULL: refused. */
struct cg_policy *cg_policy_new(const struct cg_bundle *bundle,
                                const struct cg_policy_env *env, struct cg_arena *arena,
                                struct cg_field_errors *errs) CG_MUST_USE;
struct cg_policy *cg_policy_ref(struct cg_policy *p);
void cg_policy_unref(struct cg_policy *p); /* NULL is fine */
const char *cg_policy_revision(const struct cg_policy *p);

/* The verdict and all it points to live in `arena`; ask must stay until fn has run.  fn
 * may run before this returns. */
void cg_policy_decide(struct cg_policy *p, const struct cg_ask *ask,
                      struct cg_arena *arena, cg_verdict_fn *fn, void *arg);

#endif
