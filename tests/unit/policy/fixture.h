/* fixture.h - policies from strings, a usual question, and the verdict as it came.
 *
 * Every text given to policy_set becomes a file: "NAME.lua" or "lib/NAME.lua".  A set,
 * its arena and the last verdict are one fixture; nothing is shared between tests.
 */
#ifndef TEST_POLICY_FIXTURE_H
#define TEST_POLICY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "policy/folder.h"
#include "policy/policy.h"

struct text_file {
  const char *name, *text;
};

/* A usage() call that was not answered at once. */
struct pending {
  char scope[256];
  void (*done)(void *arg, bool ok, uint64_t in_use, const char *text);
  void *arg;
};

struct fix {
  char dir[FOLDER_PATH];
  struct cg_arena *arena;
  struct cg_field_errors errs;
  struct cg_policy_env env;
  struct cg_policy *set;

  bool answer_at_once, answer_ok;
  uint64_t in_use;
  struct pending pending[8];
  size_t n_pending;
  unsigned usages;

  const char *roles[8], *sites[8], *tags[8];
  struct cg_subject subject;
  struct cg_camera camera;
  struct cg_ask ask;
  const struct cg_verdict *v;
  unsigned verdicts;
};

static void on_usage(void *ctx, const char *scope,
                     void (*done)(void *arg, bool ok, uint64_t in_use, const char *text),
                     void *arg) {
  struct fix *f = ctx;
  f->usages++;
  if (f->answer_at_once) {
    done(arg, f->answer_ok, f->in_use, f->answer_ok ? "" : "valkey is away");
    return;
  }
  assert_true(f->n_pending < CG_COUNT(f->pending));
  struct pending *p = &f->pending[f->n_pending++];
  snprintf(p->scope, sizeof(p->scope), "%s", scope);
  p->done = done;
  p->arg = arg;
}

static void on_verdict(void *arg, const struct cg_verdict *v) {
  struct fix *f = arg;
  f->v = v;
  f->verdicts++;
}

/* Alice, operator of north, asks for lobby-1, on Monday 2026-11-23 at 12:30 UTC. */
static inline void fix_init(struct fix *f) {
  memset(f, 0, sizeof(*f));
  f->arena = cg_arena_new(NULL, 256 << 10);
  assert_non_null(f->arena);
  f->answer_at_once = f->answer_ok = true;
  f->env = (struct cg_policy_env){.tiers = &cg_tiers_default,
                                  .limits = {{32 << 20, 1000000, 20000, 50000}, 32},
                                  .usage = on_usage,
                                  .ctx = f};
  f->roles[0] = "operator";
  f->sites[0] = "north";
  f->tags[0] = "lobby";
  f->subject = (struct cg_subject){.id = "alice",
                                   .name = "Alice",
                                   .roles = {f->roles, 1},
                                   .sites = {f->sites, 1},
                                   .ip = "192.0.2.7"};
  f->camera = (struct cg_camera){.id = "lobby-1",
                                 .name = "Lobby",
                                 .site = "north",
                                 .tags = {f->tags, 1},
                                 .level = 1,
                                 .attributes = "{}"};
  f->ask = (struct cg_ask){.subject = &f->subject,
                           .camera = &f->camera,
                           .quality = CG_TIER_NONE,
                           .purpose = "",
                           .now_us = INT64_C(1795437000) * 1000000};
}

/* false: f->errs says why. */
static inline bool fix_set(struct fix *f, const struct text_file *files, size_t n) {
  struct cg_err err;
  folder_make(f->dir);
  for (size_t i = 0; i < n; i++)
    folder_write(f->dir, files[i].name, files[i].text, strlen(files[i].text));
  const struct cg_bundle *b = cg_bundle_read(f->dir, &err);
  if (!b) fail_msg("bundle: %s", err.text);
  cg_policy_unref(f->set);
  f->set = cg_policy_new(b, &f->env, f->arena, &f->errs);
  cg_bundle_unref(b);
  folder_remove(f->dir);
  return f->set != NULL;
}

/* One policy "p" with this text as the body of decide. */
static inline bool fix_body(struct fix *f, const char *body) {
  size_t size = strlen(body) + 128;
  char *text = cg_alloc(size);
  snprintf(text, size, "return { name = \"p\", decide = function(req)\n%s\nend }\n",
           body);
  bool good = fix_set(f, &(struct text_file){"p.lua", text}, 1);
  cg_free(text);
  return good;
}

static inline const struct cg_verdict *fix_decide(struct fix *f) {
  f->v = NULL;
  f->verdicts = 0;
  cg_policy_decide(f->set, &f->ask, f->arena, on_verdict, f);
  return f->v;
}

static inline void fix_done(struct fix *f) {
  cg_policy_unref(f->set);
  cg_arena_free(f->arena, NULL);
  memset(f, 0, sizeof(*f));
}

/* The verdict of a body, in a fixture of its own; the caller ends it. */
static inline const struct cg_verdict *fix_run(struct fix *f, const char *body) {
  fix_init(f);
  if (!fix_body(f, body))
    fail_msg("%s: %s (%s)", f->errs.items[0].pointer, f->errs.items[0].text, body);
  const struct cg_verdict *v = fix_decide(f);
  assert_int_equal(f->verdicts, 1);
  return v;
}

#define FILES(...)                                                                       \
  ((const struct text_file[]){__VA_ARGS__}),                                             \
      CG_COUNT(((const struct text_file[]){__VA_ARGS__}))

#endif
