#include "conf/credentials.h"

#include <string.h>

#include "auth/jwks.h"
#include "auth/keys.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/meant.h"
#include "conf/conf_path.h"

#define ARENA_MAX ((size_t)1 << 20)

static bool read_tls(const struct cg_tls_conf *tls, struct cg_credentials *f,
                     const char **ret_option, struct cg_err *err) {
  static const char *const options[][2] = {{"cert", "/listen/tls/cert"},
                                           {"key", "/listen/tls/key"},
                                           {"client_ca", "/listen/tls/client_ca"}};
  const char *whose = NULL;
  if (!tls->cert) return true;
  f->tls = cg_tls_new(tls, cg_clock_system.wall_us(&cg_clock_system), &whose, err);
  for (size_t i = 0; i < CG_COUNT(options); i++)
    if (!strcmp(options[i][0], whose)) *ret_option = options[i][1];
  return f->tls;
}

static bool read_jwks(const char *file, struct cg_credentials *f, const char **ret_option,
                      struct cg_err *err) {
  const char *words = NULL;
  if (!file) return true;
  *ret_option = "/jwt/jwks";
  f->jwks = cg_conf_slurp(file, f->arena, &f->jwks_n, &words);
  if (f->jwks) words = cg_file_mark(f->jwks, f->jwks_n);
  if (words) return cg_fail(err, CG_E_INVALID, "%s: %s", file, words);
  struct cg_err why;
  struct cg_keys *keys = cg_credentials_keys(f, &why);
  if (!keys) return cg_fail(err, why.code, "%s: %s", file, why.text);
  cg_keys_free(keys);
  return true;
}

bool cg_credentials_read(const struct cg_tls_conf *tls, const char *jwks_file,
                         struct cg_credentials *out, const char **ret_option,
                         struct cg_err *err) {
  *out = (struct cg_credentials){.arena = cg_arena_new(NULL, ARENA_MAX)};
  *ret_option = "";
  if (!out->arena) return cg_fail(err, CG_E_MEMORY, "no memory to read the files");
  if (read_tls(tls, out, ret_option, err) && read_jwks(jwks_file, out, ret_option, err))
    return true;
  cg_credentials_free(out);
  return false;
}

void cg_credentials_free(struct cg_credentials *f) {
  cg_tls_free(f->tls);
  cg_arena_free(f->arena, NULL);
  *f = (struct cg_credentials){0};
}

struct cg_keys *cg_credentials_keys(const struct cg_credentials *f, struct cg_err *err) {
  return cg_jwks_read(f->jwks, f->jwks_n, err);
}
