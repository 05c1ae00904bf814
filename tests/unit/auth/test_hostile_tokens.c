/* Tokens that must not pass for what they say.  Each row is signed well unless it says
 * otherwise, so that the one thing wrong with it is what refuses it; the words tell which
 * check that was. */
#include "auth/gates.h"

struct hostile {
  const char *name;
  enum gate gate;
  enum signer how;
  const char *header, *claims; /* NULL: good ones */
  const char *words;
};

#define C(rest)  "{\"sub\":\"alice\"," rest "}"
#define E(rest)  "{\"exp\":1800003600," rest "}"
#define IN(rest) "{\"sub\":\"alice\",\"exp\":1800003600," rest "}"
#define H(rest)  "{\"alg\":\"HS256\"," rest "}"
#define ALG(alg) "{\"alg\":\"" alg "\",\"typ\":\"JWT\"}"
#define X16      "xxxxxxxxxxxxxxxx"
#define X64      X16 X16 X16 X16
#define X256     X64 X64 X64 X64
#define X1024    X256 X256 X256 X256
#define DEEP     "[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]"

static const struct hostile algorithms[] = {
    {"none", SECRET_GATE, NONE, ALG("none"), NULL, "three parts"},
    {"none, signed", SECRET_GATE, HS, ALG("none"), NULL, "alg is not"},
    {"None", SECRET_GATE, HS, ALG("None"), NULL, "alg is not"},
    {"NONE", SECRET_GATE, HS, ALG("NONE"), NULL, "alg is not"},
    {"nOnE", RSA_GATE, RS, ALG("nOnE"), NULL, "alg is not"},
    {"none at an EC gate", EC_GATE, ES, ALG("none"), NULL, "alg is not"},
    {"empty alg", SECRET_GATE, HS, ALG(""), NULL, "alg is not"},
    {"lower case", SECRET_GATE, HS, ALG("hs256"), NULL, "alg is not"},
    {"space after", SECRET_GATE, HS, ALG("HS256 "), NULL, "alg is not"},
    {"HS384", SECRET_GATE, HS, ALG("HS384"), NULL, "alg is not"},
    {"HS512", SECRET_GATE, HS, ALG("HS512"), NULL, "alg is not"},
    {"HS1", SECRET_GATE, HS, ALG("HS1"), NULL, "alg is not"},
    {"no alg", SECRET_GATE, HS, "{\"typ\":\"JWT\"}", NULL, "names no alg"},
    {"alg a number", SECRET_GATE, HS, "{\"alg\":256}", NULL, "names no alg"},
    {"alg null", SECRET_GATE, HS, "{\"alg\":null}", NULL, "names no alg"},
    {"alg a list", SECRET_GATE, HS, "{\"alg\":[\"HS256\"]}", NULL, "names no alg"},
    {"alg an object", SECRET_GATE, HS, "{\"alg\":{\"HS256\":1}}", NULL, "names no alg"},
    {"Alg", SECRET_GATE, HS, "{\"Alg\":\"HS256\"}", NULL, "names no alg"},
    {"alg twice", SECRET_GATE, HS, "{\"alg\":\"none\",\"alg\":\"HS256\"}", NULL, "once"},
    {"PEM as secret, RSA", RSA_GATE, HS_PEM, ALG("HS256"), NULL, "alg is not"},
    {"PEM as secret, called RS256", RSA_GATE, HS_PEM, ALG("RS256"), NULL, "signature is"},
    {"PEM as secret, EC", EC_GATE, HS_PEM, ALG("HS256"), NULL, "alg is not"},
    {"RS256 to a secret", SECRET_GATE, RS, NULL, NULL, "alg is not"},
    {"ES256 to a secret", SECRET_GATE, ES, NULL, NULL, "alg is not"},
    {"RS256 called HS256", SECRET_GATE, RS, ALG("HS256"), NULL, "signature is"},
    {"ES256 to RSA", RSA_GATE, ES, NULL, NULL, "alg is not"},
    {"RS256 to EC", EC_GATE, RS, NULL, NULL, "alg is not"},
    {"RS256 called ES256", EC_GATE, RS, ALG("ES256"), NULL, "signature is"},
    {"ES256 called RS256", RSA_GATE, ES, ALG("RS256"), NULL, "signature is"},
    {"RS384", RSA_GATE, RS, ALG("RS384"), NULL, "alg is not"},
    {"RS512 signed as such", RSA_GATE, RS_512, ALG("RS512"), NULL, "alg is not"},
    {"SHA-512 called RS256", RSA_GATE, RS_512, NULL, NULL, "signature is"},
    {"PS256", RSA_GATE, RS_PSS, ALG("PS256"), NULL, "alg is not"},
    {"PSS called RS256", RSA_GATE, RS_PSS, NULL, NULL, "signature is"},
    {"ES384", EC_GATE, ES, ALG("ES384"), NULL, "alg is not"},
    {"ES256K", EC_GATE, ES, ALG("ES256K"), NULL, "alg is not"},
    {"EdDSA", EC_GATE, ES, ALG("EdDSA"), NULL, "alg is not"},
    {"DER signature", EC_GATE, ES_DER, NULL, NULL, "signature is"},
    {"another secret", SECRET_GATE, HS_OTHER, NULL, NULL, "signature is"},
    {"another RSA key", RSA_GATE, RS_OTHER, NULL, NULL, "signature is"},
    {"another EC key", EC_GATE, ES_OTHER, NULL, NULL, "signature is"},
    {"PBES2", SECRET_GATE, HS, "{\"alg\":\"PBES2-HS256+A128KW\",\"p2c\":999999999}", NULL,
     "alg is not"},
    {"dir", SECRET_GATE, HS, ALG("dir"), NULL, "alg is not"},
    {"RSA1_5", RSA_GATE, RS, ALG("RSA1_5"), NULL, "alg is not"},
    {"RSA-OAEP", RSA_GATE, RS, ALG("RSA-OAEP"), NULL, "alg is not"},
    {"ECDH-ES", EC_GATE, ES, ALG("ECDH-ES"), NULL, "alg is not"},
    {"a long alg", RSA_GATE, RS, ALG(X256), NULL, "alg is not"},
    {"alg and NUL", SECRET_GATE, HS, ALG("HS256\\u0000"), NULL, "JSON object"},
    {"alg in wide letters", SECRET_GATE, HS, ALG("\\uff28S256"), NULL, "alg is not"},
    {"no signature", SECRET_GATE, NONE, NULL, NULL, "three parts"},
    {"no signature, RSA", RSA_GATE, NONE, ALG("RS256"), NULL, "three parts"},
    {"no signature, EC", EC_GATE, NONE, ALG("ES256"), NULL, "three parts"},
};

static const struct hostile headers[] = {
    {"crit", SECRET_GATE, HS, H("\"crit\":[\"exp\"]"), NULL, "crit"},
    {"crit empty", SECRET_GATE, HS, H("\"crit\":[]"), NULL, "crit"},
    {"crit null", SECRET_GATE, HS, H("\"crit\":null"), NULL, "crit"},
    {"crit and b64", SECRET_GATE, HS, H("\"crit\":[\"b64\"],\"b64\":false"), NULL,
     "crit"},
    {"b64", SECRET_GATE, HS, H("\"b64\":false"), NULL, "b64"},
    {"jwk", SECRET_GATE, HS, H("\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}"), NULL, "jwk"},
    {"jku", SECRET_GATE, HS, H("\"jku\":\"https://evil.example/\""), NULL, "jku"},
    {"x5u", SECRET_GATE, HS, H("\"x5u\":\"https://evil.example/\""), NULL, "x5u"},
    {"x5c of its own", RSA_GATE, RS_OTHER, "{\"alg\":\"RS256\",\"x5c\":[\"MIIB\"]}", NULL,
     "signature is"},
    {"x5t of another", RSA_GATE, RS_OTHER, "{\"alg\":\"RS256\",\"x5t#S256\":\"x\"}", NULL,
     "signature is"},
    {"jwk null", SECRET_GATE, HS, H("\"jwk\":null"), NULL, "jwk"},
    {"jwk, RSA", RSA_GATE, RS_OTHER, "{\"alg\":\"RS256\",\"jwk\":{\"kty\":\"RSA\"}}",
     NULL, "jwk"},
    {"jwk, EC", EC_GATE, ES_OTHER, "{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\"}}", NULL,
     "jwk"},
    {"jku to itself", SECRET_GATE, HS, H("\"jku\":\"http://127.0.0.1/\""), NULL, "jku"},
    {"jku a list", SECRET_GATE, HS, H("\"jku\":[]"), NULL, "jku"},
    {"x5u of a file", SECRET_GATE, HS, H("\"x5u\":\"file:///etc/passwd\""), NULL, "x5u"},
    {"b64 true", SECRET_GATE, HS, H("\"b64\":true"), NULL, "b64"},
    {"zip null", SECRET_GATE, HS, H("\"zip\":null"), NULL, "zip"},
    {"enc", SECRET_GATE, HS, H("\"enc\":\"A128GCM\""), NULL, "enc"},
    {"zip", SECRET_GATE, HS, H("\"zip\":\"DEF\""), NULL, "zip"},
    {"nested", SECRET_GATE, HS, H("\"cty\":\"JWT\""), NULL, "cty"},
    {"typ JOSE", SECRET_GATE, HS, H("\"typ\":\"JOSE\""), NULL, "typ"},
    {"typ id_token+jwt", SECRET_GATE, HS, H("\"typ\":\"id_token+jwt\""), NULL, "typ"},
    {"typ logout+jwt", SECRET_GATE, HS, H("\"typ\":\"logout+jwt\""), NULL, "typ"},
    {"typ empty", SECRET_GATE, HS, H("\"typ\":\"\""), NULL, "typ"},
    {"typ a number", SECRET_GATE, HS, H("\"typ\":1"), NULL, "typ"},
    {"typ null", SECRET_GATE, HS, H("\"typ\":null"), NULL, "typ"},
    {"typ a list", SECRET_GATE, HS, H("\"typ\":[\"JWT\"]"), NULL, "typ"},
    {"kid another", SECRET_GATE, HS, H("\"kid\":\"k2\""), NULL, "kid names no key"},
    {"kid empty", SECRET_GATE, HS, H("\"kid\":\"\""), NULL, "kid names no key"},
    {"kid a path", SECRET_GATE, HS, H("\"kid\":\"../../dev/null\""), NULL,
     "kid names no"},
    {"kid SQL", SECRET_GATE, HS, H("\"kid\":\"k1' OR '1\""), NULL, "kid names no key"},
    {"kid and NUL", SECRET_GATE, HS, H("\"kid\":\"k1\\u0000\""), NULL, "JSON object"},
    {"kid a number", SECRET_GATE, HS, H("\"kid\":1"), NULL, "kid is not a string"},
    {"kid null", SECRET_GATE, HS, H("\"kid\":null"), NULL, "kid is not a string"},
    {"kid long", SECRET_GATE, HS, H("\"kid\":\"" X256 "x\""), NULL,
     "kid is not a string"},
    {"over 1 KiB", SECRET_GATE, HS, H("\"x\":\"" X1024 "\""), NULL, "1024 bytes"},
    {"deep", SECRET_GATE, HS, H("\"x\":" DEEP), NULL, "JSON object"},
    {"a list", SECRET_GATE, HS, "[\"HS256\"]", NULL, "JSON object"},
    {"a string", SECRET_GATE, HS, "\"HS256\"", NULL, "JSON object"},
    {"a number", SECRET_GATE, HS, "256", NULL, "JSON object"},
    {"null", SECRET_GATE, HS, "null", NULL, "JSON object"},
    {"no JSON", SECRET_GATE, HS, "HS256", NULL, "JSON object"},
    {"rest after", SECRET_GATE, HS, "{\"alg\":\"HS256\"}{}", NULL, "JSON object"},
    {"comma after", SECRET_GATE, HS, "{\"alg\":\"HS256\",}", NULL, "JSON object"},
    {"cut", SECRET_GATE, HS, "{\"alg\":\"HS256\"", NULL, "JSON object"},
    {"single quotes", SECRET_GATE, HS, "{'alg':'HS256'}", NULL, "JSON object"},
    {"byte order mark", SECRET_GATE, HS, "\xef\xbb\xbf{\"alg\":\"HS256\"}", NULL,
     "JSON ob"},
    {"not UTF-8", SECRET_GATE, HS, H("\"x\":\"\xff\""), NULL, "JSON object"},
    {"comment", SECRET_GATE, HS, "{\"alg\":/**/\"HS256\"}", NULL, "JSON object"},
    {"member twice", SECRET_GATE, HS, H("\"kid\":\"k1\",\"kid\":\"k1\""), NULL, "once"},
    {"escaped twin", SECRET_GATE, HS, H("\"\\u0061lg\":\"none\""), NULL, "once"},
};

static const struct hostile times[] = {
    {"no exp", SECRET_GATE, HS, NULL, "{\"sub\":\"alice\"}", "no exp"},
    {"exp null", SECRET_GATE, HS, NULL, C("\"exp\":null"), "exp is not a number"},
    {"exp a string", SECRET_GATE, HS, NULL, C("\"exp\":\"1800003600\""), "exp is not a"},
    {"exp true", SECRET_GATE, HS, NULL, C("\"exp\":true"), "exp is not a number"},
    {"exp a list", SECRET_GATE, HS, NULL, C("\"exp\":[1800003600]"),
     "exp is not a number"},
    {"exp an object", SECRET_GATE, HS, NULL, C("\"exp\":{}"), "exp is not a number"},
    {"exp a date", SECRET_GATE, HS, NULL, C("\"exp\":\"2099-01-01\""), "exp is not a"},
    {"exp negative", SECRET_GATE, HS, NULL, C("\"exp\":-1"), "exp is not in seconds"},
    {"exp -1e300", SECRET_GATE, HS, NULL, C("\"exp\":-1e300"), "exp is not in seconds"},
    {"exp 0", SECRET_GATE, HS, NULL, C("\"exp\":0"), "expired"},
    {"exp past", SECRET_GATE, HS, NULL, C("\"exp\":1799999000"), "expired"},
    {"exp at its leeway", SECRET_GATE, HS, NULL, C("\"exp\":1799999970"), "expired"},
    {"exp fraction past", SECRET_GATE, HS, NULL, C("\"exp\":1799999969.99"), "expired"},
    {"exp tiny", SECRET_GATE, HS, NULL, C("\"exp\":1e-300"), "expired"},
    {"exp milliseconds", SECRET_GATE, HS, NULL, C("\"exp\":1800003600000"), "in seconds"},
    {"exp largest", SECRET_GATE, HS, NULL, C("\"exp\":9223372036854775807"),
     "in seconds"},
    {"exp 1e300", SECRET_GATE, HS, NULL, C("\"exp\":1e300"), "in seconds"},
    {"exp over all", SECRET_GATE, HS, NULL, C("\"exp\":1e999"), "JSON object"},
    {"exp too long", SECRET_GATE, HS, NULL, C("\"exp\":99999999999999999999"),
     "JSON obj"},
    {"exp NaN", SECRET_GATE, HS, NULL, C("\"exp\":NaN"), "JSON object"},
    {"exp Infinity", SECRET_GATE, HS, NULL, C("\"exp\":Infinity"), "JSON object"},
    {"exp hex", SECRET_GATE, HS, NULL, C("\"exp\":0x6b49d200"), "JSON object"},
    {"exp with plus", SECRET_GATE, HS, NULL, C("\"exp\":+1800003600"), "JSON object"},
    {"exp with zero", SECRET_GATE, HS, NULL, C("\"exp\":01800003600"), "JSON object"},
    {"exp twice", SECRET_GATE, HS, NULL, C("\"exp\":1,\"exp\":1800003600"), "once"},
    {"Exp", SECRET_GATE, HS, NULL, C("\"Exp\":1800003600"), "no exp"},
    {"nbf future", SECRET_GATE, HS, NULL, IN("\"nbf\":1800000031"), "not valid yet"},
    {"nbf far", SECRET_GATE, HS, NULL, IN("\"nbf\":253402300799"), "not valid yet"},
    {"nbf a string", SECRET_GATE, HS, NULL, IN("\"nbf\":\"0\""), "nbf is not a number"},
    {"nbf null", SECRET_GATE, HS, NULL, IN("\"nbf\":null"), "nbf is not a number"},
    {"nbf negative", SECRET_GATE, HS, NULL, IN("\"nbf\":-5"), "nbf is not in seconds"},
    {"nbf huge", SECRET_GATE, HS, NULL, IN("\"nbf\":1e18"), "nbf is not in seconds"},
    {"iat future", SECRET_GATE, HS, NULL, IN("\"iat\":1800000031"), "in the future"},
    {"iat a string", SECRET_GATE, HS, NULL, IN("\"iat\":\"1\""), "iat is not a number"},
    {"iat negative", SECRET_GATE, HS, NULL, IN("\"iat\":-0.5"), "iat is not in seconds"},
    {"iat a list", SECRET_GATE, HS, NULL, IN("\"iat\":[]"), "iat is not a number"},
    {"expired, RSA", RSA_GATE, RS, NULL, C("\"exp\":1799999000"), "expired"},
    {"expired, EC", EC_GATE, ES, NULL, C("\"exp\":1799999000"), "expired"},
};

#define ISS(iss) "{\"sub\":\"a\",\"exp\":1800003600,\"aud\":\"camgate\"" iss "}"
#define AUD(aud) "{\"sub\":\"a\",\"exp\":1800003600,\"iss\":\"idp\"" aud "}"

/* At a gate that wants iss "idp" and aud "camgate". */
static const struct hostile parties[] = {
    {"no iss", RSA_GATE, RS, NULL, ISS(""), "another issuer"},
    {"iss another", RSA_GATE, RS, NULL, ISS(",\"iss\":\"evil\""), "another issuer"},
    {"iss longer", RSA_GATE, RS, NULL, ISS(",\"iss\":\"idp/\""), "another issuer"},
    {"iss shorter", RSA_GATE, RS, NULL, ISS(",\"iss\":\"id\""), "another issuer"},
    {"iss other case", RSA_GATE, RS, NULL, ISS(",\"iss\":\"IDP\""), "another issuer"},
    {"iss empty", RSA_GATE, RS, NULL, ISS(",\"iss\":\"\""), "another issuer"},
    {"iss a list", RSA_GATE, RS, NULL, ISS(",\"iss\":[\"idp\"]"), "iss is not a string"},
    {"iss a number", RSA_GATE, RS, NULL, ISS(",\"iss\":1"), "iss is not a string"},
    {"iss null", RSA_GATE, RS, NULL, ISS(",\"iss\":null"), "iss is not a string"},
    {"iss and NUL", RSA_GATE, RS, NULL, ISS(",\"iss\":\"idp\\u0000\""), "another issuer"},
    {"no aud", RSA_GATE, RS, NULL, AUD(""), "another audience"},
    {"aud another", RSA_GATE, RS, NULL, AUD(",\"aud\":\"vms\""), "another audience"},
    {"aud longer", RSA_GATE, RS, NULL, AUD(",\"aud\":\"camgate2\""), "another audience"},
    {"aud empty list", RSA_GATE, RS, NULL, AUD(",\"aud\":[]"), "another audience"},
    {"aud other list", RSA_GATE, RS, NULL, AUD(",\"aud\":[\"a\",\"b\"]"), "another aud"},
    {"aud mixed list", RSA_GATE, RS, NULL, AUD(",\"aud\":[\"camgate\",1]"), "aud is nei"},
    {"aud nested", RSA_GATE, RS, NULL, AUD(",\"aud\":[[\"camgate\"]]"), "aud is neither"},
    {"aud an object", RSA_GATE, RS, NULL, AUD(",\"aud\":{\"camgate\":1}"), "aud is nei"},
    {"aud a number", RSA_GATE, RS, NULL, AUD(",\"aud\":7"), "aud is neither"},
    {"aud null", RSA_GATE, RS, NULL, AUD(",\"aud\":null"), "aud is neither"},
};

static const struct hostile bodies[] = {
    {"no sub", SECRET_GATE, HS, NULL, "{\"exp\":1800003600}", "sub"},
    {"sub empty", SECRET_GATE, HS, NULL, E("\"sub\":\"\""), "sub"},
    {"sub null", SECRET_GATE, HS, NULL, E("\"sub\":null"), "sub"},
    {"sub a number", SECRET_GATE, HS, NULL, E("\"sub\":7"), "sub"},
    {"sub a list", SECRET_GATE, HS, NULL, E("\"sub\":[\"alice\"]"), "sub"},
    {"sub an object", SECRET_GATE, HS, NULL, E("\"sub\":{\"id\":\"alice\"}"), "sub"},
    {"sub long", SECRET_GATE, HS, NULL, E("\"sub\":\"" X256 "x\""), "sub"},
    {"sub and NUL", SECRET_GATE, HS, NULL, E("\"sub\":\"alice\\u0000x\""), "not text"},
    {"sub and line", SECRET_GATE, HS, NULL, E("\"sub\":\"a\\nb\""), "sub"},
    {"sub and DEL", SECRET_GATE, HS, NULL, E("\"sub\":\"a\\u007f\""), "sub"},
    {"sub and C1", SECRET_GATE, HS, NULL, E("\"sub\":\"a\\u0085\""), "sub"},
    {"sub twice", SECRET_GATE, HS, NULL, E("\"sub\":\"a\",\"sub\":\"b\""), "once"},
    {"sub half a pair", SECRET_GATE, HS, NULL, E("\"sub\":\"\\ud800\""), "not text"},
    {"sub other half", SECRET_GATE, HS, NULL, E("\"sub\":\"\\udfff\\ud800\""),
     "not text"},
    {"sub not UTF-8", SECRET_GATE, HS, NULL, E("\"sub\":\"al\xff\""), "not text"},
    {"role and NUL", SECRET_GATE, HS, NULL, IN("\"roles\":[\"admin\\u0000\"]"),
     "not text"},
    {"role not UTF-8", SECRET_GATE, HS, NULL, IN("\"roles\":[\"\xc0\xaf\"]"), "not text"},
    {"site cut", SECRET_GATE, HS, NULL, IN("\"sites\":\"\xe2\x82\""), "not text"},
    {"roles a number", SECRET_GATE, HS, NULL, IN("\"roles\":1"), "roles"},
    {"roles true", SECRET_GATE, HS, NULL, IN("\"roles\":true"), "roles"},
    {"roles an object", SECRET_GATE, HS, NULL, IN("\"roles\":{\"admin\":true}"), "roles"},
    {"roles mixed", SECRET_GATE, HS, NULL, IN("\"roles\":[\"a\",{}]"), "roles"},
    {"roles with null", SECRET_GATE, HS, NULL, IN("\"roles\":[null]"), "roles"},
    {"roles nested", SECRET_GATE, HS, NULL, IN("\"roles\":[[\"admin\"]]"), "roles"},
    {"roles with empty", SECRET_GATE, HS, NULL, IN("\"roles\":[\"\"]"), "roles"},
    {"roles with line", SECRET_GATE, HS, NULL, IN("\"roles\":[\"a\\n\"]"), "roles"},
    {"roles with long", SECRET_GATE, HS, NULL, IN("\"roles\":[\"" X256 "x\"]"), "roles"},
    {"sites a number", SECRET_GATE, HS, NULL, IN("\"sites\":1"), "sites"},
    {"sites mixed", SECRET_GATE, HS, NULL, IN("\"sites\":[1]"), "sites"},
    {"a list", SECRET_GATE, HS, NULL, "[]", "JSON object"},
    {"a string", SECRET_GATE, HS, NULL, "\"alice\"", "JSON object"},
    {"true", SECRET_GATE, HS, NULL, "true", "JSON object"},
    {"no JSON", SECRET_GATE, HS, NULL, "sub=alice&exp=1800003600", "JSON object"},
    {"a token within", SECRET_GATE, HS, NULL, "eyJhbGciOiJIUzI1NiJ9.e30.AA",
     "JSON object"},
    {"empty object", SECRET_GATE, HS, NULL, "{}", "no exp"},
    {"rest after", SECRET_GATE, HS, NULL, CLAIMS "x", "JSON object"},
    {"two objects", SECRET_GATE, HS, NULL, CLAIMS CLAIMS, "JSON object"},
    {"cut", SECRET_GATE, HS, NULL, "{\"sub\":\"alice\",\"exp\":180", "JSON object"},
    {"deep", SECRET_GATE, HS, NULL, IN("\"x\":" DEEP), "JSON object"},
    {"not UTF-8 without", SECRET_GATE, HS, NULL, IN("\"x\":1\xff"), "JSON object"},
    {"nested twice", SECRET_GATE, HS, NULL, IN("\"x\":{\"a\":1,\"a\":2}"), "once"},
};

_Static_assert(CG_COUNT(algorithms) + CG_COUNT(headers) + CG_COUNT(times) +
                       CG_COUNT(parties) + CG_COUNT(bodies) >=
                   200,
               "at least 200 hostile tokens");

static void refuse_all(struct test_keys *k, const struct hostile *rows, size_t n,
                       bool strict) {
  struct gates g = gates_open(k);
  for (size_t i = 0; i < n; i++) {
    const struct hostile *row = &rows[i];
    const char *header = token(k, row->how, row->header, row->claims);
    must_refuse(&g, strict ? g.strict : g.plain[row->gate], row->name, header,
                row->words);
    must_pass(&g, k, row->gate);
  }
  gates_close(&g);
}

static void no_other_algorithm(void **state) {
  refuse_all(*state, algorithms, CG_COUNT(algorithms), false);
}

static void no_odd_header(void **state) {
  refuse_all(*state, headers, CG_COUNT(headers), false);
}

static void no_odd_time(void **state) {
  refuse_all(*state, times, CG_COUNT(times), false);
}

static void no_other_party(void **state) {
  refuse_all(*state, parties, CG_COUNT(parties), true);
}

static void no_odd_body(void **state) {
  refuse_all(*state, bodies, CG_COUNT(bodies), false);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_other_algorithm), cmocka_unit_test(no_odd_header),
      cmocka_unit_test(no_odd_time),        cmocka_unit_test(no_other_party),
      cmocka_unit_test(no_odd_body),
  };
  return cmocka_run_group_tests(tests, keys_setup, keys_teardown);
}
