/* gates.h - gates that hostile tokens are shown to, and what must come of it.
 *
 * A hostile token is shown twice, from an address that no other one uses (or the budget
 * of wrong signatures would be what refuses it); then a good one must still pass.
 */
#ifndef TEST_AUTH_GATES_H
#define TEST_AUTH_GATES_H

#include "auth/tokens.h"

#include "auth/auth.h"
#include "base/check.h"

/* Which gate a token is shown to: each has one key. */
enum gate { SECRET_GATE, RSA_GATE, EC_GATE, GATES };

struct gates {
  struct cg_auth *plain[GATES], *strict;
  unsigned shown; /* each row comes from an address of its own */
};

static inline struct cg_auth *gate_new(struct cg_auth_conf conf) {
  struct cg_err err = {0};
  conf.roles_claim = "roles";
  conf.sites_claim = "sites";
  conf.leeway_s = 30;
  conf.cache_entries = 16;
  struct cg_auth *auth = cg_auth_new(&conf, &err);
  if (!auth) fail_msg("%s", err.text);
  return auth;
}

static inline struct gates gates_open(const struct test_keys *k) {
  return (struct gates){
      .plain = {gate_new((struct cg_auth_conf){.secret = SECRET, .key_id = "k1"}),
                gate_new((struct cg_auth_conf){.public_key_pem = k->rsa_pem}),
                gate_new((struct cg_auth_conf){.public_key_pem = k->ec_pem})},
      .strict = gate_new((struct cg_auth_conf){
          .public_key_pem = k->rsa_pem, .issuer = "idp", .audience = "camgate"}),
  };
}

static inline void gates_close(struct gates *g) {
  for (int i = 0; i < GATES; i++) cg_auth_free(g->plain[i]);
  cg_auth_free(g->strict);
}

static inline bool passes(struct cg_auth *auth, const char *header, unsigned from,
                          struct cg_err *err) {
  char ip[32];
  struct cg_subject subject;
  struct cg_identity *id = NULL;
  snprintf(ip, sizeof ip, "10.0.%u.%u", from / 256, from % 256);
  bool ok = cg_auth_bearer(auth, header, ip, NOW, &subject, &id, err);
  cg_identity_unref(id);
  return ok;
}

static inline void must_refuse(struct gates *g, struct cg_auth *auth, const char *name,
                               const char *header, const char *words) {
  g->shown++;
  for (int again = 0; again < 2; again++) {
    struct cg_err err = {0};
    if (passes(auth, header, g->shown, &err)) fail_msg("%s: accepted", name);
    if (err.code != CG_E_UNAUTHENTICATED || !strstr(err.text, words))
      fail_msg("%s: refused with \"%s\", not \"%s\"", name, err.text, words);
  }
}

static inline void must_pass(struct gates *g, struct test_keys *k, enum gate gate) {
  static const enum signer own[] = {HS, RS, ES};
  struct cg_err err = {0};
  if (!passes(g->plain[gate], token(k, own[gate], NULL, NULL), g->shown, &err))
    fail_msg("a good token was refused: %s", err.text);
}

#endif
