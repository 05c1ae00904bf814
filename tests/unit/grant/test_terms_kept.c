/* What a lease was asked with, and for whom: decided again with it, kept in its rows. */
#include "grant/asking.h"
#include "lease/row.h"
#include "lease/terms.h"

#define ASKED                                                                            \
  "if req.purpose ~= 'incident' or req.quality ~= 'medium' then return deny('no') end\n" \
  "return allow { scopes = { scope('user:alice', 2) } }"

static void have_incident(struct harness *h, struct asked *a) {
  ask_reserve(h, a,
              (struct cg_grant_in){.quality = 1, .purpose = "incident", .ttl_s = 600});
  if (a->code != CG_OK) fail_msg("%s", a->text);
}

static void beat_as(struct harness *h, struct asked *a, const struct asked *lease,
                    const char *role) {
  ask_as(h, a, "alice", role, CG_HEARTBEAT,
         (struct cg_grant_in){.lease_id = lease->lease_id, .quality = CG_TIER_NONE});
}

static void a_beat_is_decided_with_what_was_asked(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ASKED);
  have_incident(&h, &lease);
  for (int i = 0; i < 3; i++) {
    harness_pass(&h, 20 * SECOND);
    ask_beat(&h, &a, lease.lease_id);
    if (a.code != CG_OK) fail_msg("%s", a.text);
    assert_int_equal(a.ends_us, HARNESS_NOW + 600 * SECOND);
  }
  assert_int_equal(stub_count(h.stub, "change", lease.lease_id), 0);
  harness_close(&h);
}

/* The terms of the newest row, read as a restart reads them. */
static bool last_terms(const struct harness *h, struct cg_arena *arena,
                       struct cg_lease_terms *ret) {
  const struct stub_row *last = stub_last_row(h->stub);
  struct cgp_audit_row row = cg_row_blank(last->kind);
  struct cg_err err = {0};
  row.lease_id = last->lease_id;
  row.subject = last->subject;
  row.camera = last->camera;
  row.quality = last->quality;
  row.quality_requested = last->quality_requested;
  row.facts = last->facts;
  bool ok = cg_terms_of_row(&row, &h->conf.tiers, arena, ret, &err);
  if (!ok) fail_msg("%s: %s", err.text, last->facts);
  return ok;
}

static void assert_row_holds(struct harness *h, const struct asked *a, const char *kind) {
  struct cg_arena *arena = cg_arena_new(NULL, 1 << 20);
  struct cg_lease_terms t;
  const struct cg_lease *l = lease_of(h, a);
  assert_string_equal(stub_last_row(h->stub)->kind, kind);
  assert_string_equal(stub_last_row(h->stub)->quality_requested, "medium");
  if (!last_terms(h, arena, &t)) return;
  assert_string_equal(t.id, l->id);
  assert_string_equal(t.holding, l->holding);
  assert_string_equal(t.room, l->room);
  assert_string_equal(t.purpose, "incident");
  assert_int_equal(t.tier, l->tier);
  assert_int_equal(t.requested, 1);
  assert_int_equal(t.ttl_s, 600);
  assert_int_equal(t.granted_us, l->granted_us);
  assert_int_equal(t.ends_us, cg_tell(&h->teller, l->ends_mono_us));
  assert_true(cg_lease_same_scopes(l, t.scopes, t.n_scopes));
  assert_true(cg_identity_same(t.identity, l->identity));
  cg_identity_unref(t.identity);
  cg_arena_free(arena, NULL);
}

static void every_row_of_a_lease_is_complete(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ASKED);
  have_incident(&h, &lease);
  assert_row_holds(&h, &lease, "decision");
  ask_token(&h, &a);
  assert_row_holds(&h, &lease, "change");
  cg_policy_unref(h.service.policy);
  h.service.policy = harness_policy(&h, "return allow { max = 'low', ttl = '2m' }");
  ask_beat(&h, &a, lease.lease_id);
  assert_true(a.moved);
  assert_row_holds(&h, &lease, "change");
  harness_close(&h);
}

static void another_identity_leaves_a_row_and_is_kept(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ASKED);
  have_incident(&h, &lease);
  for (int i = 0; i < 3; i++) {
    harness_pass(&h, SECOND); /* each beat has a token of its own, with another exp */
    beat_as(&h, &a, &lease, "guard");
    assert_int_equal(a.code, CG_OK);
    assert_int_equal(stub_count(h.stub, "change", lease.lease_id), 1);
    assert_row_holds(&h, &lease, "change");
  }
  const struct cg_subject *s = cg_identity_subject(lease_of(&h, &lease)->identity);
  assert_string_equal(s->roles.items[0], "guard");
  harness_close(&h);
}

/* While the trail is away a lease lives on, unless its rights change. */
static void without_a_trail_only_the_known_identity_beats(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ASKED);
  have_incident(&h, &lease);
  stub_next(h.stub, STUB_APPEND, FAIL, 0);
  harness_pass(&h, SECOND);
  ask_beat(&h, &a, lease.lease_id);
  assert_int_equal(a.code, CG_OK);
  beat_as(&h, &a, &lease, "guard");
  assert_int_equal(a.code, CG_E_UNAVAILABLE);
  const struct cg_lease *l = lease_of(&h, &lease);
  assert_int_equal(l->state, CG_LEASE_ACTIVE);
  assert_string_equal(cg_identity_subject(l->identity)->roles.items[0], "operator");
  stub_next(h.stub, STUB_APPEND, NOW, 0);
  beat_as(&h, &a, &lease, "guard");
  assert_int_equal(a.code, CG_OK);
  assert_row_holds(&h, &lease, "change");
  harness_close(&h);
}

static void a_lease_without_identity_gets_one(void **state) {
  struct harness h;
  struct asked lease = {.times = 0}, a = {.times = 0};
  (void)state;
  harness_open(&h, ASKED);
  have_incident(&h, &lease);
  cg_lease_set_identity(lease_of(&h, &lease), NULL); /* as of an earlier trail */
  ask_beat(&h, &a, lease.lease_id);
  assert_int_equal(a.code, CG_OK);
  assert_row_holds(&h, &lease, "change");
  harness_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_beat_is_decided_with_what_was_asked),
      cmocka_unit_test(every_row_of_a_lease_is_complete),
      cmocka_unit_test(another_identity_leaves_a_row_and_is_kept),
      cmocka_unit_test(without_a_trail_only_the_known_identity_beats),
      cmocka_unit_test(a_lease_without_identity_gets_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
