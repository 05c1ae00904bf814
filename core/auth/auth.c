#include "auth/auth.h"

#include <string.h>
#include <strings.h>

#include "auth/budget.h"
#include "auth/jwt.h"
#include "auth/keys.h"
#include "auth/token_cache.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#define WRONG_MAX       20 /* wrong signatures of an address ... */
#define WRONG_WINDOW_US INT64_C(10000000)
#define LEEWAY_MAX_S    600
#define CACHE_MAX       (1u << 20)

/* What is copied from struct cg_auth_conf. */
struct rules {
  struct cg_keys *keys;
  char *issuer, *audience, *roles, *sites;
  int64_t leeway_s;
};

struct cg_auth {
  struct rules rules;
  struct cg_keys *published; /* NULL: none, or not yet */
  bool (*missed)(void *ctx, const char *kid);
  void *ctx;
  struct cg_token_cache *cache; /* NULL: none */
  struct cg_budget *wrong;
};

static void rules_done(struct rules *r) {
  cg_keys_free(r->keys);
  cg_free(r->issuer);
  cg_free(r->audience);
  cg_free(r->roles);
  cg_free(r->sites);
}

static bool copy(char **to, const char *text) {
  *to = text ? cg_strdup(text) : NULL;
  return *to || !text;
}

static bool copy_texts(struct rules *r, const struct cg_auth_conf *conf,
                       struct cg_err *err) {
  bool ok = copy(&r->issuer, conf->issuer) && copy(&r->audience, conf->audience) &&
            copy(&r->roles, conf->roles_claim) && copy(&r->sites, conf->sites_claim);
  return ok || cg_fail(err, CG_E_MEMORY, "no memory for the rules of tokens");
}

static bool add_keys(struct cg_keys *keys, const struct cg_auth_conf *conf,
                     struct cg_err *err) {
  const char *pem = conf->public_key_pem, *secret = conf->secret;
  if (!pem && !secret && !conf->published)
    return cg_fail(err, CG_E_INVALID,
                   "neither a secret nor a public key to check tokens");
  if (pem && !cg_keys_add_pem(keys, conf->key_id, pem, err)) return false;
  return !secret || cg_keys_add_secret(keys, pem ? NULL : conf->key_id, secret, err);
}

static bool rules_open(struct rules *r, const struct cg_auth_conf *conf,
                       struct cg_err *err) {
  *r = (struct rules){.leeway_s = conf->leeway_s};
  if (conf->leeway_s < 0 || conf->leeway_s > LEEWAY_MAX_S)
    return cg_fail(err, CG_E_INVALID, "the leeway must be 0 to %d s", LEEWAY_MAX_S);
  r->keys = cg_keys_new(false, err);
  bool ok = r->keys && copy_texts(r, conf, err) && add_keys(r->keys, conf, err);
  if (!ok) rules_done(r);
  return ok;
}

struct cg_auth *cg_auth_new(const struct cg_auth_conf *conf, struct cg_err *err) {
  struct rules rules;
  if (!rules_open(&rules, conf, err)) return NULL;
  struct cg_auth *auth = cg_alloc(sizeof *auth);
  if (!auth) {
    rules_done(&rules);
    cg_fail(err, CG_E_MEMORY, "no memory for authentication");
    return NULL;
  }
  auth->rules = rules;
  uint32_t entries = conf->cache_entries < CACHE_MAX ? conf->cache_entries : CACHE_MAX;
  auth->wrong = cg_budget_new(WRONG_MAX, WRONG_WINDOW_US);
  auth->cache = entries ? cg_token_cache_new(entries) : NULL;
  if (auth->wrong && (auth->cache || !entries)) return auth;
  cg_auth_free(auth);
  cg_fail(err, CG_E_MEMORY, "no memory for authentication");
  return NULL;
}

void cg_auth_free(struct cg_auth *auth) {
  if (!auth) return;
  rules_done(&auth->rules);
  cg_keys_free(auth->published);
  cg_token_cache_free(auth->cache);
  cg_budget_free(auth->wrong);
  cg_free(auth);
}

void cg_auth_publish(struct cg_auth *auth, struct cg_keys *keys) {
  cg_keys_free(auth->published);
  auth->published = keys;
  if (auth->cache) cg_token_cache_clear(auth->cache);
}

void cg_auth_on_missed(struct cg_auth *auth, bool (*fn)(void *ctx, const char *kid),
                       void *ctx) {
  auth->missed = fn;
  auth->ctx = ctx;
}

bool cg_auth_has_keys(const struct cg_auth *auth) {
  return auth->published || cg_keys_count(auth->rules.keys);
}

bool cg_auth_digest(struct cg_auth *auth, const void *data, size_t n,
                    unsigned char out[32]) {
  return cg_keys_digest(auth->rules.keys, data, n, out);
}

/* RFC 6750, 2.1: the scheme in any case, one space or more, the token. */
static const char *token_of(const char *header, struct cg_err *err) {
  static const char scheme[] = "Bearer ";
  if (!header || strncasecmp(header, scheme, strlen(scheme))) {
    cg_fail(err, CG_E_UNAUTHENTICATED,
            "an Authorization header with a bearer token is "
            "needed");
    return NULL;
  }
  header += strlen(scheme);
  return header + strspn(header, " ");
}

/* Published keys have names, which go before; the configured one may have none. */
static struct cg_key *look_up(struct cg_auth *auth, const struct cg_jwt *jwt,
                              struct cg_err *err) {
  struct cg_keys *published = auth->published, *own = auth->rules.keys;
  struct cg_keys *order[] = {jwt->kid ? published : own, jwt->kid ? own : published};
  struct cg_key *key = NULL;
  struct cg_err why = {0};
  for (size_t i = 0; i < CG_COUNT(order) && !key; i++)
    if (order[i]) key = cg_keys_find(order[i], jwt->alg, jwt->kid, &why);
  if (!key) cg_fail(err, why.code, "%s", why.text);
  return key;
}

static bool names_a_public_key(const struct cg_jwt *jwt) {
  return jwt->kid && (!strcmp(jwt->alg, "RS256") || !strcmp(jwt->alg, "ES256"));
}

static struct cg_key *find_key(struct cg_auth *auth, const struct cg_jwt *jwt,
                               struct cg_err *err) {
  struct cg_key *key = look_up(auth, jwt, err);
  if (key) return key;
  bool named = (auth->missed || auth->published) && names_a_public_key(jwt),
       coming = named && auth->missed && auth->missed(auth->ctx, jwt->kid);
  if (!cg_auth_has_keys(auth))
    cg_fail(err, CG_E_UNAVAILABLE, "this gate has no keys to check tokens yet");
  else if (coming)
    cg_fail(err, CG_E_UNAVAILABLE,
            "the token's kid is not known yet, keys are being fetched: try again");
  else if (named)
    cg_fail(err, CG_E_UNAUTHENTICATED, "the token's kid names no key of this gate");
  return NULL;
}

/* Windows of wrong signatures are no matter of what the wall clock says. */
static int64_t mono_us(void) {
  return cg_clock_system.mono_us(&cg_clock_system);
}

/* Everything before the signature, the signature, and who it is. */
static struct cg_identity *verify(struct cg_auth *auth, const struct cg_jwt *jwt,
                                  const char *ip, int64_t now, int64_t *ret_until_us,
                                  struct cg_err *err) {
  struct rules *r = &auth->rules;
  struct cg_jwt_rules rules = {r->issuer, r->audience, r->leeway_s};
  if (!cg_jwt_check_claims(jwt->claims, &rules, now, ret_until_us, err)) return NULL;
  struct cg_key *key = find_key(auth, jwt, err);
  if (!key) return NULL;
  if (!cg_key_verify(key, jwt->text, jwt->signed_n, jwt->signature, jwt->signature_n)) {
    cg_budget_spend(auth->wrong, ip, mono_us());
    cg_fail(err, CG_E_UNAUTHENTICATED, "the token's signature is wrong");
    return NULL;
  }
  struct cg_identity *id = cg_identity_new(jwt->claims, r->roles, r->sites, err);
  if (!id || !jwt->mended || !cg_identity_blurred(id)) return id;
  cg_identity_unref(id);
  cg_fail(err, CG_E_UNAUTHENTICATED,
          "the token's sub, a role or a site is not text: it holds NUL, half a surrogate "
          "pair or bytes that are not UTF-8");
  return NULL;
}

static struct cg_identity *learn(struct cg_auth *auth, const char *token, size_t n,
                                 const char *ip, int64_t now, int64_t *ret_until_us,
                                 struct cg_err *err) {
  struct cg_jwt jwt;
  if (!cg_budget_left(auth->wrong, ip, mono_us())) {
    cg_fail(err, CG_E_RATE, "too many refused tokens from this address");
    return NULL;
  }
  if (!cg_jwt_parse(token, n, &jwt, err)) return NULL;
  struct cg_identity *id = verify(auth, &jwt, ip, now, ret_until_us, err);
  cg_jwt_done(&jwt);
  return id;
}

static struct cg_identity *identify(struct cg_auth *auth, const char *token, size_t n,
                                    const char *ip, int64_t now, struct cg_err *err) {
  unsigned char digest[CG_TOKEN_DIGEST];
  bool known = auth->cache && n <= CG_TOKEN_MAX &&
               cg_keys_digest(auth->rules.keys, token, n, digest);
  struct cg_identity *id = known ? cg_token_cache_get(auth->cache, digest, now) : NULL;
  if (id) return id;
  int64_t until_us;
  id = learn(auth, token, n, ip, now, &until_us, err);
  if (id && known) cg_token_cache_put(auth->cache, digest, id, until_us);
  return id;
}

bool cg_auth_bearer(struct cg_auth *auth, const char *header, const char *client_ip,
                    int64_t now_wall_us, struct cg_subject *ret_subject,
                    struct cg_identity **ret_identity, struct cg_err *err) {
  const char *token = token_of(header, err);
  if (!token) return false;
  struct cg_identity *id =
      identify(auth, token, strlen(token), client_ip, now_wall_us, err);
  if (!id) return false;
  *ret_subject = *cg_identity_subject(id);
  ret_subject->ip = client_ip;
  *ret_identity = id;
  return true;
}
