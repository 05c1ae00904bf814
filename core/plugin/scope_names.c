#include "plugin/scope_names.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

#define DIGEST 16 /* bytes of SHA-256 */

/* One call's scopes, until it is answered. */
struct shortened {
  cg_call_fn *fn;
  void *arg;
  size_t n;
  struct cgp_scope scopes[CGP_SCOPES_MAX];
  char given[CGP_SCOPES_MAX][CG_SCOPE_NAME_2_0 + 1];
  char asked[CGP_SCOPES_MAX][CGP_SCOPE_MAX + 1];
};

static bool is_too_long(const struct cgp_plugin *abi, const char *name) {
  return abi->abi_minor < 1 && strlen(name) > CG_SCOPE_NAME_2_0;
}

/* "BEGIN~0123..." */
static void shorten(const char *name, char out[CG_SCOPE_NAME_2_0 + 1]) {
  unsigned char sum[EVP_MAX_MD_SIZE];
  size_t n = strlen(name);
  CG_CHECK(EVP_Digest(name, n, sum, NULL, EVP_sha256(), NULL));
  size_t at = cg_utf8_cut(name, n, CG_SCOPE_NAME_2_0 - 1 - 2 * DIGEST);
  memcpy(out, name, at);
  out[at++] = '~';
  for (size_t i = 0; i < DIGEST; i++, at += 2) cg_utf8_print(out + at, 3, "%02x", sum[i]);
}

const char *cg_scope_name_for(const struct cgp_plugin *abi, const char *name,
                              char room[CG_SCOPE_NAME_2_0 + 1]) {
  if (!is_too_long(abi, name)) return name;
  shorten(name, room);
  return room;
}

static const char *asked_as(const struct shortened *s, const char *given) {
  for (size_t i = 0; given && i < s->n; i++)
    if (strcmp(s->scopes[i].name, given) == 0) return s->asked[i];
  return given;
}

static void answered(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct shortened *s = arg;
  s->fn(s->arg, code, result, text);
  cg_free(s);
}

/* A refusal names a scope. */
static void reserved(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct cgp_quota_verdict v = {.size = sizeof v};
  if (code == CGP_OK) {
    uint32_t size = ((const struct cgp_quota_verdict *)result)->size;
    memcpy(&v, result, size < sizeof v ? size : sizeof v);
    v.size = sizeof v;
    v.scope = asked_as(arg, v.scope);
    result = &v;
  }
  answered(arg, code, result, text);
}

static void take(struct shortened *s, const struct cgp_plugin *abi, size_t i,
                 const struct cgp_scope *scope) {
  memcpy(s->asked[i], scope->name, strlen(scope->name) + 1);
  s->scopes[i] = (struct cgp_scope){
      .size = sizeof *scope,
      .weighted = scope->weighted,
      .name = cg_scope_name_for(abi, s->asked[i], s->given[i]),
      .limit = scope->limit,
  };
}

bool cg_scope_names_for(const struct cgp_plugin *abi, const struct cgp_scope **scopes,
                        size_t n, const struct cg_result_kind *kind, cg_call_fn **fn,
                        void **arg) {
  size_t i = 0;
  while (i < n && !is_too_long(abi, CGP_AT(*scopes, i)->name)) i++;
  if (i == n) return true;
  struct shortened *s = cg_alloc(sizeof *s);
  if (!s) return false;
  s->fn = *fn;
  s->arg = *arg;
  s->n = n;
  for (i = 0; i < n; i++) take(s, abi, i, CGP_AT(*scopes, i));
  *scopes = s->scopes;
  *fn = kind == &cg_result_verdict ? reserved : answered;
  *arg = s;
  return true;
}
