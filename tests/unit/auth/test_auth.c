/* From a header to an identity, or a refusal: keys, claims, budget, cache in one. */
#include "auth/tokens.h"

#include <jwt.h>

#include "auth/auth.h"
#include "auth/jwt.h"
#include "base/check.h"
#include "base/mem.h"

static struct cg_auth *open_auth(struct cg_auth_conf conf) {
  struct cg_err err = {0};
  conf.leeway_s = 30;
  conf.roles_claim = conf.roles_claim ? conf.roles_claim : "roles";
  conf.sites_claim = conf.sites_claim ? conf.sites_claim : "sites";
  struct cg_auth *auth = cg_auth_new(&conf, &err);
  if (!auth) fail_msg("%s", err.text);
  return auth;
}

static bool accepts(struct cg_auth *auth, const char *header, int64_t now,
                    struct cg_err *err) {
  struct cg_subject subject;
  struct cg_identity *id = NULL;
  struct cg_err ignored;
  bool ok =
      cg_auth_bearer(auth, header, "192.0.2.1", now, &subject, &id, err ? err : &ignored);
  assert_int_equal(ok, id != NULL);
  cg_identity_unref(id);
  return ok;
}

static void each_key_takes_its_own_algorithm(void **state) {
  struct test_keys *k = *state;
  struct {
    struct cg_auth_conf conf;
    bool takes[ES + 1];
  } rows[] = {
      {{.secret = SECRET}, {[HS] = true}},
      {{.public_key_pem = k->rsa_pem}, {[RS] = true}},
      {{.public_key_pem = k->ec_pem}, {[ES] = true}},
      {{.secret = SECRET, .public_key_pem = k->ec_pem}, {[HS] = true, [ES] = true}},
  };
  static const enum signer signers[] = {HS, RS, ES};
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_auth *auth = open_auth(rows[i].conf);
    for (size_t j = 0; j < CG_COUNT(signers); j++)
      for (int again = 0; again < 3; again++)
        assert_int_equal(accepts(auth, token(k, signers[j], NULL, NULL), NOW, NULL),
                         rows[i].takes[signers[j]]);
    cg_auth_free(auth);
  }
}

static void the_subject_is_what_the_claims_say(void **state) {
  struct test_keys *k = *state;
  struct cg_auth *auth =
      open_auth((struct cg_auth_conf){.secret = SECRET,
                                      .cache_entries = 8,
                                      .roles_claim = "realm_access.roles",
                                      .sites_claim = "https://camgate.example/sites"});
  const char *header = token(k, HS, NULL,
                             "{\"sub\":\"alice\",\"name\":\"Al\",\"exp\":1800003600,"
                             "\"realm_access\":{\"roles\":[\"operator\",\"night\"]},"
                             "\"https://camgate.example/sites\":\"north\",\"level\":3}");
  for (int cached = 0; cached < 2; cached++) {
    struct cg_subject s;
    struct cg_identity *id;
    assert_true(cg_auth_bearer(auth, header, "192.0.2.9", NOW, &s, &id, NULL));
    if (cached) cg_auth_free(auth); /* the identity outlives it */
    assert_string_equal(s.id, "alice");
    assert_string_equal(s.name, "Al");
    assert_string_equal(s.ip, "192.0.2.9");
    assert_int_equal(s.roles.n, 2);
    assert_string_equal(s.roles.items[1], "night");
    assert_int_equal(s.sites.n, 1);
    assert_string_equal(s.sites.items[0], "north");
    assert_int_equal(json_integer_value(json_object_get(s.claims, "level")), 3);
    cg_identity_unref(id);
  }
}

static void absent_claims_are_empty(void **state) {
  struct test_keys *k = *state;
  struct cg_auth *auth = open_auth((struct cg_auth_conf){.secret = SECRET});
  static const char *const rows[] = {
      CLAIMS,
      "{\"sub\":\"a\",\"exp\":1800003600,\"name\":null,\"roles\":null,\"sites\":[]}",
      "{\"sub\":\"a\",\"exp\":1800003600,\"name\":\"\"}"};
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_subject s;
    struct cg_identity *id;
    assert_true(
        cg_auth_bearer(auth, token(k, HS, NULL, rows[i]), "", NOW, &s, &id, NULL));
    assert_string_equal(s.name, "");
    assert_int_equal(s.roles.n + s.sites.n, 0);
    cg_identity_unref(id);
  }
  cg_auth_free(auth);
}

static void good_forms_are_taken(void **state) {
  struct test_keys *k = *state;
  struct cg_auth *auth = open_auth((struct cg_auth_conf){
      .secret = SECRET, .key_id = "k1", .issuer = "idp", .audience = "camgate"});
#define WITH(rest) "{\"sub\":\"a\",\"iss\":\"idp\"," rest "}"
  static const char *const claims[] = {
      WITH("\"aud\":\"camgate\",\"exp\":1800000001"),
      WITH("\"aud\":[\"x\",\"camgate\"],\"exp\":1800000001.75"),
      WITH("\"aud\":\"camgate\",\"exp\":1799999971"),
      WITH("\"aud\":\"camgate\",\"exp\":1.8e9,\"nbf\":1800000030,\"iat\":1800000030"),
      WITH("\"aud\":\"camgate\",\"exp\":253402300799,\"iat\":0,\"nbf\":0.5"),
  };
  static const char *const headers[] = {
      "{\"alg\":\"HS256\"}", "{\"typ\":\"jwt\",\"alg\":\"HS256\",\"kid\":\"k1\"}",
      "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", "{\"alg\":\"HS256\",\"x5t\":\"x\"}"};
  for (size_t i = 0; i < CG_COUNT(claims); i++)
    for (size_t j = 0; j < CG_COUNT(headers); j++) {
      struct cg_err err = {0};
      if (!accepts(auth, token(k, HS, headers[j], claims[i]), NOW, &err))
        fail_msg("%s %s: %s", headers[j], claims[i], err.text);
    }
  char *header = token(k, HS, NULL, claims[0]);
  memcpy(header, "bEARER", 6);
  assert_true(accepts(auth, header, NOW, NULL));
  cg_auth_free(auth);
}

static void the_header_must_be_a_bearers(void **state) {
  struct test_keys *k = *state;
  struct cg_auth *auth = open_auth((struct cg_auth_conf){.secret = SECRET});
  static const char *const rows[] = {NULL,      "",        "Bearer",     "Bearer ",
                                     "Basic x", "Bearerx", "Bearer a b", "Bearer x.y.z "};
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_err err = {0};
    assert_false(accepts(auth, rows[i], NOW, &err));
    assert_int_equal(err.code, CG_E_UNAUTHENTICATED);
    assert_true(*err.text);
  }
  char *header = token(k, HS, NULL, NULL);
  assert_false(accepts(auth, header + strlen("Bearer "), NOW, NULL));
  memcpy(header + strlen(header), " ", 2);
  assert_false(accepts(auth, header, NOW, NULL));
  cg_auth_free(auth);
}

static void a_remembered_token_still_expires(void **state) {
  struct test_keys *k = *state;
  struct cg_auth *auth =
      open_auth((struct cg_auth_conf){.secret = SECRET, .cache_entries = 4});
  const char *header = token(k, HS, NULL, NULL);
  int64_t over = NOW + (3600 + 30) * INT64_C(1000000);
  assert_true(accepts(auth, header, NOW, NULL));
  assert_true(accepts(auth, header, over - 1, NULL));
  struct cg_err err;
  assert_false(accepts(auth, header, over, &err));
  assert_string_equal(err.text, "the token has expired");
  cg_auth_free(auth);
}

static void wrong_signatures_use_up_a_budget(void **state) {
  struct test_keys *k = *state;
  struct cg_auth *auth =
      open_auth((struct cg_auth_conf){.secret = SECRET, .cache_entries = 4});
  char *known = cg_strdup(token(k, HS, NULL, NULL));
  struct cg_err err;
  assert_true(accepts(auth, known, NOW, NULL));
  for (int i = 0; i < 20; i++) {
    assert_false(accepts(auth, token(k, HS_OTHER, NULL, NULL), NOW, &err));
    assert_int_equal(err.code, CG_E_UNAUTHENTICATED);
  }
  const char *fresh = token(k, HS, NULL, "{\"sub\":\"bob\",\"exp\":1800003600}");
  assert_false(accepts(auth, fresh, NOW, &err));
  assert_int_equal(err.code, CG_E_RATE);
  assert_true(accepts(auth, known, NOW, NULL)); /* what is remembered costs nothing */
  struct cg_subject s;
  struct cg_identity *id;
  assert_true(cg_auth_bearer(auth, fresh, "192.0.2.2", NOW, &s, &id, NULL));
  cg_identity_unref(id);
  assert_true(accepts(auth, fresh, NOW + 10000000, NULL));
  cg_free(known);
  cg_auth_free(auth);
}

/* A viewer whose token ran out, beating all day, is no attack on its neighbours. */
static void only_wrong_signatures_are_counted(void **state) {
  struct test_keys *k = *state;
  struct cg_auth *auth = open_auth((struct cg_auth_conf){.secret = SECRET});
  for (int i = 0; i < 100; i++) {
    assert_false(
        accepts(auth, token(k, HS, NULL, "{\"sub\":\"a\",\"exp\":1}"), NOW, NULL));
    assert_false(accepts(auth, "Bearer nonsense", NOW, NULL));
  }
  assert_true(accepts(auth, token(k, HS, NULL, NULL), NOW, NULL));
  cg_auth_free(auth);
}

static void keys_are_refused_in_words(void **state) {
  struct test_keys *k = *state;
  char small[1024], curve[512], private[2048] = "", two[4096];
  EVP_PKEY *rsa = EVP_RSA_gen(1024), *ec = EVP_EC_gen("P-384");
  pem_of(rsa, small, sizeof small);
  pem_of(ec, curve, sizeof curve);
  BIO *bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, k->ec, NULL, NULL, 0, NULL, NULL);
  BIO_read(bio, private, sizeof private - 1);
  BIO_free(bio);
  snprintf(two, sizeof two, "%s%s", k->rsa_pem, k->ec_pem);
  const struct {
    struct cg_auth_conf conf;
    const char *words;
  } rows[] = {
      {{0}, "neither a secret nor a public key"},
      {{.secret = "0123456789abcdef0123456789abcde"}, "has 31 bytes, needs 32"},
      {{.secret = k->rsa_pem}, "is a PEM"},
      {{.public_key_pem = "nonsense"}, "no public key"},
      {{.public_key_pem = small}, "1024 bits, needs 2048"},
      {{.public_key_pem = curve}, "neither RSA nor EC P-256"},
      {{.public_key_pem = private}, "private key"},
      {{.public_key_pem = two}, "several public keys"},
      {{.secret = SECRET, .leeway_s = -1}, "leeway"},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_err err = {0};
    assert_null(cg_auth_new(&rows[i].conf, &err));
    assert_int_equal(err.code, CG_E_INVALID);
    if (!strstr(err.text, rows[i].words)) fail_msg("%s", err.text);
    assert_null(strstr(err.text, "0123456789abcdef"));
  }
  EVP_PKEY_free(rsa);
  EVP_PKEY_free(ec);
}

/* libjwt is another implementation: what it signs, holds here. */
static void tokens_of_another_implementation_hold(void **state) {
  struct test_keys *k = *state;
  struct cg_auth *auth =
      open_auth((struct cg_auth_conf){.secret = SECRET, .public_key_pem = k->ec_pem});
  char pem[2048] = "";
  BIO *bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, k->ec, NULL, NULL, 0, NULL, NULL);
  int n = BIO_read(bio, pem, sizeof pem);
  jwt_t *jwt;
  jwt_new(&jwt);
  jwt_add_grant(jwt, "sub", "alice");
  jwt_add_grant_int(jwt, "exp", NOW_S + 60);
  assert_int_equal(jwt_set_alg(jwt, JWT_ALG_ES256, (unsigned char *)pem, n), 0);
  for (int i = 0; i < 50; i++) { /* signatures differ: short r and s come by, too */
    char header[2048], *text = jwt_encode_str(jwt);
    snprintf(header, sizeof header, "Bearer %s", text);
    assert_true(accepts(auth, header, NOW, NULL));
    free(text);
  }
  jwt_free(jwt);
  BIO_free(bio);
  cg_auth_free(auth);
}

static void a_minted_token_holds(void **state) {
  (void)state;
  struct cg_auth *auth = open_auth((struct cg_auth_conf){.secret = SECRET});
  struct cg_err err;
  json_t *claims = json_pack("{s:s, s:I, s:[s]}", "sub", "alice", "exp",
                             (json_int_t)NOW_S + 60, "roles", "operator");
  char *text = cg_jwt_mint(SECRET, claims, &err), header[1000];
  assert_non_null(text);
  snprintf(header, sizeof header, "Bearer %s", text);
  assert_true(accepts(auth, header, NOW, NULL));
  cg_free_secret(text);
  assert_null(cg_jwt_mint("short", claims, &err));
  assert_int_equal(err.code, CG_E_INVALID);
  json_decref(claims);
  cg_auth_free(auth);
}

static void no_memory_is_an_honest_failure(void **state) {
  struct test_keys *k = *state;
  struct cg_auth_conf conf = {USUAL_RULES};
  conf.secret = SECRET;
  conf.key_id = "k1";
  conf.issuer = "idp";
  struct cg_auth *auth = NULL;
  for (uint64_t n = 1; !auth; n++) {
    struct cg_err err = {0};
    cg_mem_fail_after(n);
    auth = cg_auth_new(&conf, &err);
    assert_true(auth || err.code == CG_E_MEMORY);
    assert_in_range(n, 1, 20);
  }
  json_set_alloc_funcs((json_malloc_t)cg_alloc, cg_free);
  const char *header =
      token(k, HS, NULL, "{\"sub\":\"alice\",\"iss\":\"idp\",\"exp\":1800003600}");
  bool ok = false;
  for (uint64_t n = 1; !ok; n++) {
    struct cg_err err = {0};
    cg_mem_fail_after(n);
    ok = accepts(auth, header, NOW, &err);
    if (!ok) assert_int_equal(err.code, CG_E_MEMORY);
    assert_in_range(n, 1, 200);
  }
  cg_mem_fail_after(0);
  cg_auth_free(auth);
  json_set_alloc_funcs(malloc, free);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_key_takes_its_own_algorithm),
      cmocka_unit_test(the_subject_is_what_the_claims_say),
      cmocka_unit_test(absent_claims_are_empty),
      cmocka_unit_test(good_forms_are_taken),
      cmocka_unit_test(the_header_must_be_a_bearers),
      cmocka_unit_test(a_remembered_token_still_expires),
      cmocka_unit_test(wrong_signatures_use_up_a_budget),
      cmocka_unit_test(only_wrong_signatures_are_counted),
      cmocka_unit_test(keys_are_refused_in_words),
      cmocka_unit_test(tokens_of_another_implementation_hold),
      cmocka_unit_test(a_minted_token_holds),
      cmocka_unit_test(no_memory_is_an_honest_failure),
  };
  return cmocka_run_group_tests(tests, keys_setup, keys_teardown);
}
