/* Key sets: what is taken of them, what is passed over, and what tokens then hold. */
#include "auth/jwk.h"

#include "auth/auth.h"
#include "auth/jwks.h"
#include "auth/jwks_source.h"
#include "base/check.h"
#include "base/mem.h"

static char text[400000];

static struct cg_keys *read_set(const char *members, struct cg_err *err) {
  int n = snprintf(text, sizeof text, "{\"keys\":[%s]}", members);
  return cg_jwks_read(text, (size_t)n, err);
}

static void members_say_what_they_are_for(void **state) {
  struct test_keys *k = *state;
  static const struct {
    const char *more, *words; /* NULL: taken */
  } rows[] = {
      {"", NULL},
      {",\"kid\":\"a\"", NULL},
      {",\"use\":\"sig\"", NULL},
      {",\"key_ops\":[\"verify\"]", NULL},
      {",\"key_ops\":[\"sign\",\"verify\"]", NULL},
      {",\"x5c\":[\"nonsense\"],\"x5t\":1,\"anything\":{}", NULL},
      {",\"use\":\"enc\"", "use is not sig"},
      {",\"use\":\"\"", "use is not sig"},
      {",\"use\":[\"sig\"]", "use is not sig"},
      {",\"use\":null", "use is not sig"},
      {",\"key_ops\":[]", "key_ops do not hold verify"},
      {",\"key_ops\":[\"sign\"]", "key_ops do not hold verify"},
      {",\"key_ops\":[\"encrypt\",1]", "key_ops do not hold verify"},
      {",\"key_ops\":\"verify\"", "key_ops do not hold verify"},
      {",\"alg\":\"HS256\"", "for HS256"},
      {",\"alg\":\"none\"", "for none"},
      {",\"alg\":\"\"", "for "},
      {",\"alg\":7", "alg is no string"},
      {",\"kid\":7", "kid is not a string"},
      {",\"kid\":null", "kid is not a string"},
      {",\"d\":\"AQAB\"", "private half"},
      {",\"d\":null", "private half"},
      {",\"qi\":\"AQAB\"", "private half"},
  };
  EVP_PKEY *keys[] = {k->rsa, k->ec};
  for (size_t i = 0; i < CG_COUNT(rows); i++)
    for (size_t j = 0; j < CG_COUNT(keys); j++) {
      char member[2048];
      struct cg_err err = {0};
      struct cg_keys *set =
          read_set(jwk_of(keys[j], rows[i].more, member, sizeof member), &err);
      if (set ? rows[i].words != NULL
              : !rows[i].words || !strstr(err.text, rows[i].words))
        fail_msg("%s: %s", rows[i].more, set ? "taken" : err.text);
      if (!set) assert_int_equal(err.code, CG_E_INVALID);
      cg_keys_free(set);
    }
}

#define RSA_ROW "{\"kty\":\"RSA\",\"n\":\"%1$s\","
#define EC_ROW  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%2$s\","
static const char *const unsound[] = {
    RSA_ROW "\"e\":\"AQ\"}", /* 1: every text signs itself */
    RSA_ROW "\"e\":\"Ag\"}",
    RSA_ROW "\"e\":\"\"}",
    RSA_ROW "\"e\":\"AA\"}",
    RSA_ROW "\"e\":65537}",
    RSA_ROW "\"e\":\"AQAB=\"}",
    RSA_ROW "\"e\":\"Af____________________8\"}", /* costs time */
    RSA_ROW "\"e\":\"%1$s\"}",
    RSA_ROW "\"x\":\"AQAB\"}",
    "{\"kty\":\"RSA\",\"e\":\"AQAB\"}",
    "{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}",
    "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
    "{\"kty\":\"RSA\",\"n\":\"%1$sA\",\"e\":\"AQAB\"}",
    "{\"kty\":\"RSA\",\"n\":[\"%1$s\"],\"e\":\"AQAB\"}",
    "{\"kty\":\"rsa\",\"n\":\"%1$s\",\"e\":\"AQAB\"}",
    "{\"n\":\"%1$s\",\"e\":\"AQAB\"}",
    "{\"kty\":\"EC\",\"n\":\"%1$s\",\"e\":\"AQAB\"}",
    EC_ROW "\"y\":\"%4$s\"}",
    EC_ROW "\"y\":\"%2$s\"}",
    EC_ROW "\"y\":\"\"}",
    EC_ROW "\"y\":\"AA%3$s\"}",
    EC_ROW "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
    EC_ROW "\"y\":7}",
    EC_ROW "\"z\":\"%3$s\"}",
    "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"%2$s\",\"y\":\"%3$s\"}",
    "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"%2$s\",\"y\":\"%3$s\"}",
    "{\"kty\":\"EC\",\"crv\":\"p-256\",\"x\":\"%2$s\",\"y\":\"%3$s\"}",
    "{\"kty\":\"EC\",\"x\":\"%2$s\",\"y\":\"%3$s\"}",
    "{\"kty\":\"RSA\",\"crv\":\"P-256\",\"x\":\"%2$s\",\"y\":\"%3$s\"}",
    "{\"kty\":\"EC\",\"crv\":\"P-256\","
    "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
    "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%2$s\"}",
    "{\"kty\":\"oct\",\"k\":\"%2$s\"}",
    "{\"kty\":\"oct\",\"k\":\"%2$s\",\"alg\":\"HS256\",\"kid\":\"a\"}",
    "[]",
    "7",
    "null",
    "\"RSA\"",
};

/* A valid x with another point's y is a point of no curve that anybody chose. */
static void numbers_must_be_a_sound_key(void **state) {
  struct test_keys *k = *state;
  char n[2048], x[64], y[64], y2[64], member[3000];
  jwk_number(k->rsa, OSSL_PKEY_PARAM_RSA_N, false, n);
  jwk_number(k->ec, OSSL_PKEY_PARAM_EC_PUB_X, true, x);
  jwk_number(k->ec, OSSL_PKEY_PARAM_EC_PUB_Y, true, y);
  jwk_number(k->ec_other, OSSL_PKEY_PARAM_EC_PUB_Y, true, y2);
  for (size_t i = 0; i < CG_COUNT(unsound); i++) {
    struct cg_err err = {0};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(member, sizeof member, unsound[i], n, x, y, y2);
#pragma GCC diagnostic pop
    struct cg_keys *set = read_set(member, &err);
    if (set) fail_msg("taken: %s", unsound[i]);
    if (err.code != CG_E_INVALID || !strstr(err.text, "no key for this gate, but"))
      fail_msg("%s: %s", unsound[i], err.text);
  }
}

static void weak_keys_are_passed_over(void **state) {
  (void)state;
  EVP_PKEY *weak = EVP_RSA_gen(1024);
  char member[2048];
  struct cg_err err = {0};
  assert_null(read_set(jwk_of(weak, "", member, sizeof member), &err));
  assert_non_null(strstr(err.text, "1024 bits, needs 2048"));
  EVP_PKEY_free(weak);
}

static void documents_that_are_no_key_set(void **state) {
  struct test_keys *k = *state;
  char member[2048];
  jwk_of(k->ec, "", member, sizeof member);
  const struct {
    const char *text, *words;
  } rows[] = {
      {"", "not JSON"},
      {"nonsense", "not JSON"},
      {"<html></html>", "not JSON"},
      {"{", "not JSON"},
      {"{\"keys\":[{\"kty\":", "not JSON"},
      {"{\"keys\":[],\"keys\":[]}", "not JSON"},
      {"{\"keys\":[\"\xff\"]}", "not JSON"},
      {"[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]", "not JSON"},
      {"null", "not JSON"},
      {"{}", "no list"},
      {"[]", "no list"},
      {"{\"Keys\":[]}", "no list"},
      {"{\"keys\":{}}", "no list"},
      {"{\"keys\":\"RSA\"}", "no list"},
      {member, "no list"}, /* one key, not a set */
      {"{\"keys\":[]}", "it is empty"},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_err err = {0};
    if (cg_jwks_read(rows[i].text, strlen(rows[i].text), &err)) fail_msg("taken: %zu", i);
    assert_int_equal(err.code, CG_E_INVALID);
    if (!strstr(err.text, rows[i].words)) fail_msg("%s: %s", rows[i].text, err.text);
  }
}

static void a_set_has_bounds(void **state) {
  struct test_keys *k = *state;
  char member[2048], members[65 * 300] = "";
  struct cg_err err = {0};
  jwk_of(k->ec, "", member, sizeof member);
  for (int i = 0; i < 65; i++) {
    size_t at = strlen(members);
    if (i == 64) { /* so many are a set still */
      struct cg_keys *set = read_set(members, &err);
      assert_non_null(set);
      assert_int_equal(cg_keys_count(set), CG_KEYS_MAX);
      cg_keys_free(set);
    }
    snprintf(members + at, sizeof members - at, "%s%s", i ? "," : "", member);
  }
  assert_null(read_set(members, &err));
  assert_non_null(strstr(err.text, "65 keys, more than 64"));
  int n = snprintf(text, sizeof text, "{\"keys\":[%s%*s]}", member, 1 << 18, "");
  assert_null(cg_jwks_read(text, (size_t)n, &err));
  assert_non_null(strstr(err.text, "larger than 256 KiB"));
}

/* ---- tokens at a gate of published keys ---- */

struct hall {
  struct cg_auth *auth;
  int missed;
  char kid[300];
  bool coming;
};

static bool note_missed(void *ctx, const char *kid) {
  struct hall *h = ctx;
  h->missed++;
  snprintf(h->kid, sizeof h->kid, "%s", kid);
  return h->coming;
}

static void hall_open(struct hall *h, const char *secret) {
  struct cg_err err = {0};
  struct cg_auth_conf conf = {USUAL_RULES};
  conf.published = true;
  conf.secret = secret;
  *h = (struct hall){.auth = cg_auth_new(&conf, &err)};
  if (!h->auth) fail_msg("%s", err.text);
  cg_auth_on_missed(h->auth, note_missed, h);
}

static void publish(struct hall *h, const char *members) {
  struct cg_err err = {0};
  struct cg_keys *keys = read_set(members, &err);
  if (!keys) fail_msg("%s", err.text);
  cg_auth_publish(h->auth, keys);
}

static enum cg_code shows(struct hall *h, const char *header, struct cg_err *err) {
  struct cg_subject subject;
  struct cg_identity *id = NULL;
  *err = (struct cg_err){0};
  bool ok = cg_auth_bearer(h->auth, header, "192.0.2.1", NOW, &subject, &id, err);
  cg_identity_unref(id);
  assert_int_equal(ok, err->code == CG_OK);
  return err->code;
}

#define KID(alg, kid) "{\"alg\":\"" alg "\",\"kid\":\"" kid "\"}"

static void tokens_find_their_key(void **state) {
  struct test_keys *k = *state;
  char a[2048], b[2048], c[2048], all[6000];
  struct hall h;
  struct cg_err err;
  snprintf(all, sizeof all, "%s,%s,%s", jwk_of(k->rsa, ",\"kid\":\"a\"", a, sizeof a),
           jwk_of(k->rsa_other, ",\"kid\":\"b\"", b, sizeof b),
           jwk_of(k->ec, ",\"kid\":\"c\"", c, sizeof c));
  const struct {
    enum signer how;
    const char *header, *words; /* NULL: holds */
  } rows[] = {
      {RS, KID("RS256", "a"), NULL},
      {RS_OTHER, KID("RS256", "b"), NULL},
      {ES, KID("ES256", "c"), NULL},
      {ES, "{\"alg\":\"ES256\"}", NULL}, /* leaves no choice */
      {RS, "{\"alg\":\"RS256\"}", "has no kid, and this gate has several"},
      {RS, KID("RS256", "b"), "signature is wrong"},
      {RS_OTHER, KID("RS256", "a"), "signature is wrong"},
      {ES, KID("RS256", "c"), "kid names no key"},
      {RS, KID("ES256", "a"), "kid names no key"},
      {RS, KID("ES256", "c"), "signature is wrong"},
      {ES, KID("RS256", "a"), "signature is wrong"},
      {RS, KID("RS256", "A"), "kid names no key"},
      {RS, KID("RS256", ""), "kid names no key"},
      {RS, KID("RS256", "a/../a"), "kid names no key"},
      {RS_PSS, KID("PS256", "a"), "alg is not"},
      {RS_PSS, KID("RS256", "a"), "signature is wrong"},
      {RS_512, KID("RS512", "a"), "alg is not"},
      {ES_DER, KID("ES256", "c"), "signature is wrong"},
      {ES_OTHER, KID("ES256", "c"), "signature is wrong"},
      {HS, KID("HS256", "a"), "alg is not"},
      {HS_PEM, KID("HS256", "a"), "alg is not"},
      {NONE, KID("none", "a"), "three parts"},
      {RS, "{\"alg\":\"RS256\",\"kid\":\"a\",\"jku\":\"https://evil.example\"}", "jku"},
      {RS, "{\"alg\":\"RS256\",\"kid\":\"a\",\"jwk\":{}}", "jwk"},
      {RS, "{\"alg\":\"RS256\",\"kid\":[\"a\"]}", "kid is not a string"},
  };
  hall_open(&h, NULL);
  publish(&h, all);
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    enum cg_code code = shows(&h, token(k, rows[i].how, rows[i].header, NULL), &err);
    if (rows[i].words ? code != CG_E_UNAUTHENTICATED || !strstr(err.text, rows[i].words)
                      : code != CG_OK)
      fail_msg("%s: %s", rows[i].header, err.text);
  }
  cg_auth_free(h.auth);
}

static void a_nameless_key_is_for_nameless_tokens(void **state) {
  struct test_keys *k = *state;
  char a[2048];
  struct hall h;
  struct cg_err err;
  hall_open(&h, NULL);
  publish(&h, jwk_of(k->rsa, "", a, sizeof a));
  assert_int_equal(shows(&h, token(k, RS, NULL, NULL), &err), CG_OK);
  assert_int_equal(shows(&h, token(k, RS, KID("RS256", "a"), NULL), &err),
                   CG_E_UNAUTHENTICATED);
  cg_auth_free(h.auth);
}

static void new_keys_forget_what_was_verified(void **state) {
  struct test_keys *k = *state;
  char a[2048];
  struct hall h;
  struct cg_err err;
  char *header = cg_strdup(token(k, RS, KID("RS256", "a"), NULL));
  hall_open(&h, SECRET);
  publish(&h, jwk_of(k->rsa, ",\"kid\":\"a\"", a, sizeof a));
  for (int again = 0; again < 2; again++)
    assert_int_equal(shows(&h, header, &err), CG_OK);
  publish(&h, jwk_of(k->rsa_other, ",\"kid\":\"a\"", a, sizeof a));
  assert_int_equal(shows(&h, header, &err), CG_E_UNAUTHENTICATED);
  assert_int_equal(shows(&h, token(k, RS_OTHER, KID("RS256", "a"), NULL), &err), CG_OK);
  assert_int_equal(shows(&h, token(k, HS, NULL, NULL), &err), CG_OK); /* as configured */
  assert_int_equal(shows(&h, token(k, HS, KID("HS256", "a"), NULL), &err), CG_OK);
  cg_free(header);
  cg_auth_free(h.auth);
}

/* Who may ask for new keys: a token that is in order but for its kid. */
static void whose_kid_is_missed(void **state) {
  struct test_keys *k = *state;
  char a[2048];
  struct hall h;
  struct cg_err err;
  const struct {
    enum signer how;
    const char *header, *claims;
    bool missed;
  } rows[] = {
      {ES, KID("ES256", "new"), NULL, true},
      {RS, KID("RS256", "new"), NULL, true},
      {RS, KID("RS256", "a"), NULL, false},
      {RS, "{\"alg\":\"RS256\"}", NULL, false},
      {ES, "{\"alg\":\"ES256\"}", NULL, false},
      {HS, KID("HS256", "new"), NULL, false},
      {RS, KID("RS512", "new"), NULL, false},
      {RS, KID("none", "new"), NULL, false},
      {RS, KID("RS256", "new"), "{\"sub\":\"a\",\"exp\":1}", false},
      {RS, KID("RS256", "new"), "{\"sub\":\"a\"}", false},
      {RS, "{\"alg\":\"RS256\",\"kid\":\"new\",\"crit\":[]}", NULL, false},
  };
  hall_open(&h, SECRET);
  publish(&h, jwk_of(k->rsa, ",\"kid\":\"a\"", a, sizeof a));
  for (size_t i = 0; i < CG_COUNT(rows); i++)
    for (int coming = 0; coming < 2; coming++) {
      h.missed = 0;
      h.coming = coming;
      enum cg_code code =
          shows(&h, token(k, rows[i].how, rows[i].header, rows[i].claims), &err);
      if (h.missed != rows[i].missed) fail_msg("%s", rows[i].header);
      if (!rows[i].missed) continue;
      assert_string_equal(h.kid, "new");
      assert_int_equal(code, coming ? CG_E_UNAVAILABLE : CG_E_UNAUTHENTICATED);
    }
  cg_auth_free(h.auth);
}

static void before_the_first_keys_nothing_is_refused_for_good(void **state) {
  struct test_keys *k = *state;
  char a[2048];
  struct hall h;
  struct cg_err err;
  hall_open(&h, NULL);
  assert_false(cg_auth_has_keys(h.auth));
  assert_int_equal(shows(&h, token(k, RS, KID("RS256", "a"), NULL), &err),
                   CG_E_UNAVAILABLE);
  assert_int_equal(shows(&h, token(k, HS, NULL, NULL), &err), CG_E_UNAVAILABLE);
  assert_int_equal(shows(&h, "Bearer nonsense", &err), CG_E_UNAUTHENTICATED);
  publish(&h, jwk_of(k->rsa, ",\"kid\":\"a\"", a, sizeof a));
  assert_true(cg_auth_has_keys(h.auth));
  assert_int_equal(shows(&h, token(k, RS, KID("RS256", "a"), NULL), &err), CG_OK);
  cg_auth_free(h.auth);
}

static void places_that_keys_may_come_from(void **state) {
  (void)state;
  static const struct {
    const char *url, *words; /* NULL: allowed */
  } rows[] = {
      {"https://issuer.example/keys", NULL},
      {"https://10.0.0.1:8443/", NULL},
      {"https://[2001:db8::1]/", NULL},
      {"http://127.0.0.1:8080/keys", NULL},
      {"http://127.9.9.9/", NULL},
      {"http://[::1]:80/", NULL},
      {"http://localhost/keys", NULL},
      {"HTTPS://issuer.example/", NULL},
      {"http://issuer.example/", "must be https"},
      {"http://10.0.0.1/", "must be https"},
      {"http://localhost.example/", "must be https"},
      {"http://127.0.0.1.example/", "must be https"},
      {"http://[::2]/", "must be https"},
      {"http://127.0.0.1@issuer.example/", "user"},
      {"https://a:b@issuer.example/", "user"},
      {"file:///etc/passwd", ""},
      {"ftp://127.0.0.1/", "must be an https URL"},
      {"://", "not a URL"},
      {"https://", "not a URL"},
      {"https://issuer example/", "not a URL"},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_err err = {0};
    bool ok = cg_jwks_url_ok(rows[i].url, &err);
    if (ok ? rows[i].words != NULL : !rows[i].words || !strstr(err.text, rows[i].words))
      fail_msg("%s: %s", rows[i].url, err.text);
  }
}

static void no_memory_is_an_honest_failure(void **state) {
  struct test_keys *k = *state;
  char a[2048], b[2048], both[4200];
  snprintf(both, sizeof both, "%s,%s", jwk_of(k->rsa, ",\"kid\":\"a\"", a, sizeof a),
           jwk_of(k->ec, ",\"kid\":\"b\"", b, sizeof b));
  json_set_alloc_funcs((json_malloc_t)cg_alloc, cg_free);
  struct cg_keys *set = NULL;
  for (uint64_t n = 1; !set; n++) {
    struct cg_err err = {0};
    cg_mem_fail_after(n);
    set = read_set(both, &err);
    assert_true(set || err.code == CG_E_MEMORY);
    assert_in_range(n, 1, 200);
  }
  cg_mem_fail_after(0);
  assert_int_equal(cg_keys_count(set), 2); /* not one key fewer for want of memory */
  cg_keys_free(set);
  json_set_alloc_funcs(malloc, free);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(members_say_what_they_are_for),
      cmocka_unit_test(numbers_must_be_a_sound_key),
      cmocka_unit_test(weak_keys_are_passed_over),
      cmocka_unit_test(documents_that_are_no_key_set),
      cmocka_unit_test(a_set_has_bounds),
      cmocka_unit_test(tokens_find_their_key),
      cmocka_unit_test(a_nameless_key_is_for_nameless_tokens),
      cmocka_unit_test(new_keys_forget_what_was_verified),
      cmocka_unit_test(whose_kid_is_missed),
      cmocka_unit_test(before_the_first_keys_nothing_is_refused_for_good),
      cmocka_unit_test(places_that_keys_may_come_from),
      cmocka_unit_test(no_memory_is_an_honest_failure),
  };
  return cmocka_run_group_tests(tests, keys_setup, keys_teardown);
}
