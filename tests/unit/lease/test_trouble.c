/* A plugin's failure: what the client hears, and how often the log is told. */
#include "lease/harness.h"

#define ADDRESS "valkey 10.1.2.3:6379: Connection refused"

static struct cg_err fails(struct harness *h, enum cg_part part, enum cgp_code code) {
  struct cg_err err;
  assert_false(cg_trouble(&h->service.troubles, part, "r1", code, ADDRESS, &err));
  assert_null(strstr(err.text, "10.1.2.3"));
  assert_null(strstr(err.text, "6379"));
  return err;
}

static void a_client_hears_the_part(void **state) {
  static const struct {
    enum cgp_code code;
    enum cg_code ours;
    const char *words;
  } rows[] = {{CGP_E_UNAVAILABLE, CG_E_UNAVAILABLE, "the quota is not available now"},
              {CGP_E_TIMEOUT, CG_E_TIMEOUT, "the quota did not answer in time"},
              {CGP_E_BUSY, CG_E_BUSY, "the quota has too much to do"},
              {CGP_E_NOTFOUND, CG_E_INTERNAL, "the quota answered what it must not"},
              {CGP_E_INTERNAL, CG_E_INTERNAL, "the quota answered what it must not"}};
  struct harness h;
  (void)state;
  harness_open(&h, "return nil");
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_err err = fails(&h, CG_PART_QUOTA, rows[i].code);
    assert_int_equal(err.code, rows[i].ours);
    assert_string_equal(err.part, "quota");
    assert_memory_equal(err.text, rows[i].words, strlen(rows[i].words));
  }
  harness_close(&h);
}

static void the_log_is_told_once_a_second(void **state) {
  struct harness h;
  (void)state;
  harness_open(&h, "return nil");
  for (int i = 0; i < 1000; i++) fails(&h, CG_PART_QUOTA, CGP_E_UNAVAILABLE);
  assert_int_equal(harness_lines(&h, ADDRESS), 1);
  fails(&h, CG_PART_ROOM, CGP_E_UNAVAILABLE);
  assert_int_equal(harness_lines(&h, "\"part\":\"room\""), 1);
  harness_pass(&h, SECOND);
  fails(&h, CG_PART_QUOTA, CGP_E_UNAVAILABLE);
  assert_int_equal(harness_lines(&h, "\"part\":\"quota\""), 2);
  assert_int_equal(harness_lines(&h, "\"times\":1000"), 1);
  assert_int_equal(harness_lines(&h, "\"request_id\":\"r1\""), 3);
  harness_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_client_hears_the_part),
      cmocka_unit_test(the_log_is_told_once_a_second),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
