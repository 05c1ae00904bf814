/* One policy file: it compiles or is refused in words, within its limits. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "policy/policy.h"

static const char *folder(void) {
  static char path[] = "/tmp/camgate-fuzz-XXXXXX";
  static bool made;
  if (!made) CG_CHECK(mkdtemp(path));
  made = true;
  return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "%s/fuzzed.lua", folder());
  FILE *f = fopen(path, "w");
  CG_CHECK(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
  struct cg_err err = {0};
  const struct cg_bundle *bundle = cg_bundle_read(folder(), &err);
  if (!bundle) {
    CG_CHECK(err.text[0]);
    return 0;
  }
  struct cg_field_errors errs = {.n = 0};
  struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
  struct cg_policy_env env = {.tiers = &(struct cg_tiers){0},
                              .limits = {{8 << 20, 100000, 20000, 50000}, 32}};
  struct cg_policy *policy = cg_policy_new(bundle, &env, arena, &errs);
  CG_CHECK(policy || errs.n > 0);
  cg_policy_unref(policy);
  cg_arena_free(arena, NULL);
  cg_bundle_unref(bundle);
  return 0;
}
