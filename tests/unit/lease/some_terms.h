/* some_terms.h - the terms of one lease, with something to say in every member. */
#ifndef TEST_LEASE_SOME_TERMS_H
#define TEST_LEASE_SOME_TERMS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "lease/lease.h"
#include "lease/row.h"
#include "lease/terms.h"

#define ID       "066169bf74c3f5518332ca98f128"
#define OTHER_ID "066169bf74bac75112f3f0f364f9"
#define CLAIMS                                                                           \
  "{\"sub\":\"alice\",\"name\":\"Alice\",\"roles\":[\"operator\"],"                      \
  "\"sites\":\"north\",\"clearance\":3,\"exp\":1800003600,\"weight\":0.1}"
#define GRANTED INT64_C(1795956671824885)
#define HOUR_US (INT64_C(3600) * 1000000)

static inline struct cg_identity *identity_of(const char *claims) {
  struct cg_err err;
  json_t *json = cg_json_parse(claims, strlen(claims), &err);
  assert_non_null(json);
  struct cg_identity *id = cg_identity_new(json, "roles", "sites", &err);
  assert_non_null(id);
  json_decref(json);
  return id;
}

static const struct cg_scope_ask two_scopes[] = {{"user:alice", 4, false},
                                                 {"uplink:north", 50000, true}};
static const char *const one_id[] = {OTHER_ID};

static inline struct cg_lease_terms whole(struct cg_identity *id) {
  return (struct cg_lease_terms){.id = ID,
                                 .holding = OTHER_ID,
                                 .subject = "alice",
                                 .name = "Alice",
                                 .camera = "lobby-1",
                                 .room = "camera_lobby-1.low",
                                 .purpose = "an \"incident\"",
                                 .tier = 0,
                                 .requested = 1,
                                 .ttl_s = 600,
                                 .granted_us = GRANTED,
                                 .ends_us = GRANTED + HOUR_US,
                                 .scopes = two_scopes,
                                 .n_scopes = 2,
                                 .replaces = {one_id, 1},
                                 .identity = id};
}

/* As the facts of a row; cg_buf_done is the caller's. */
static inline struct cg_buf whole_facts(void) {
  struct cg_identity *id = identity_of(CLAIMS);
  struct cg_lease_terms t = whole(id);
  struct cg_buf b;
  cg_buf_init(&b, CG_FACTS_MAX);
  cg_json_open(&b, NULL, '{');
  cg_json_str(&b, "site", "north");
  cg_terms_write_for_row(&b, &t, &cg_tiers_default);
  cg_json_close(&b, '}');
  assert_true(cg_buf_ok(&b));
  cg_identity_unref(id);
  return b;
}

/* The whole object. */
static inline json_t *whole_json(void) {
  struct cg_identity *id = identity_of(CLAIMS);
  struct cg_lease_terms t = whole(id);
  struct cg_err err;
  struct cg_buf b;
  cg_buf_init(&b, CG_FACTS_MAX);
  cg_terms_write(&b, &t, &cg_tiers_default);
  json_t *terms = cg_json_parse(cg_buf_text(&b), b.len, &err);
  assert_true(json_is_object(terms));
  cg_buf_done(&b);
  cg_identity_unref(id);
  return terms;
}

/* Reads and forgets; the code of what went wrong. */
static inline enum cg_code reading(json_t *json) {
  struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
  struct cg_lease_terms t;
  struct cg_err err = {0};
  bool ok = cg_terms_read(json, &cg_tiers_default, arena, &t, &err);
  if (ok) cg_identity_unref(t.identity);
  assert_int_equal(ok, err.code == CG_OK);
  assert_int_equal(!ok, *err.text != '\0');
  cg_arena_free(arena, NULL);
  return err.code;
}

/* The columns of the whole terms. */
static inline struct cgp_audit_row whole_row(const char *facts) {
  struct cgp_audit_row row = cg_row_blank("decision");
  row.lease_id = ID;
  row.subject = "alice";
  row.camera = "lobby-1";
  row.quality = "medium";
  row.facts = facts;
  return row;
}

static inline enum cg_code reading_row(const struct cgp_audit_row *row) {
  struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
  struct cg_lease_terms t;
  struct cg_err err = {0};
  if (cg_terms_of_row(row, &cg_tiers_default, arena, &t, &err))
    cg_identity_unref(t.identity);
  cg_arena_free(arena, NULL);
  return err.code;
}

#endif
