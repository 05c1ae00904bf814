/* Counters, gauges and histograms of several workers as one text. */
#include <stdio.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "test.h"

static void workers_are_summed(void **state) {
  (void)state;
  struct cg_metrics *m = cg_metrics_new(3);
  int id = cg_metric(m, CG_COUNTER, "decisions_total", "outcome=\"allow\"", "Decisions.");
  int no = cg_metric(m, CG_COUNTER, "decisions_total", "outcome=\"deny\"", "Decisions.");
  int gauge = cg_metric(m, CG_GAUGE, "leases", "", "Live leases.");
  assert_true(id >= 0 && no >= 0 && no != id);
  assert_int_equal(
      cg_metric(m, CG_COUNTER, "decisions_total", "outcome=\"allow\"", "Decisions."), id);
  for (uint32_t w = 0; w < 3; w++) cg_metric_add(m, w, id, w + 1);
  cg_metric_add(m, 0, gauge, 5);
  cg_metric_add(m, 2, gauge, -7);
  assert_int_equal(cg_metric_sum(m, id), 6);
  assert_int_equal(cg_metric_sum(m, no), 0);
  assert_int_equal(cg_metric_sum(m, gauge), -2);
  cg_metric_add(m, 0, -1, 1); /* one that could not be registered: not counted */
  cg_metric_observe_us(m, 0, -1, 1);
  assert_int_equal(cg_metric_sum(m, -1), 0);
  cg_metrics_free(m);
}

static void series_of_a_name_stand_together(void **state) {
  (void)state;
  struct cg_metrics *m = cg_metrics_new(1);
  int a = cg_metric(m, CG_COUNTER, "x_total", "k=\"a\"", "Line\nand \\.");
  int g = cg_metric(m, CG_GAUGE, "g", "", "A gauge.");
  int b = cg_metric(m, CG_COUNTER, "x_total", "k=\"b\"", "other help is not shown");
  cg_metric_add(m, 0, a, 1);
  cg_metric_add(m, 0, b, 2);
  cg_metric_add(m, 0, g, -3);
  struct cg_buf out;
  cg_buf_init(&out, 100000);
  cg_metrics_render(m, &out);
  assert_string_equal(cg_buf_text(&out), "# HELP camgate_x_total Line\\nand \\\\.\n"
                                         "# TYPE camgate_x_total counter\n"
                                         "camgate_x_total{k=\"a\"} 1\n"
                                         "camgate_x_total{k=\"b\"} 2\n"
                                         "# HELP camgate_g A gauge.\n"
                                         "# TYPE camgate_g gauge\n"
                                         "camgate_g -3\n");
  cg_buf_done(&out);
  cg_metrics_free(m);
}

static void histograms(void **state) {
  (void)state;
  struct cg_metrics *m = cg_metrics_new(2);
  int id = cg_metric(m, CG_HISTOGRAM, "step_seconds", "step=\"quota\"", "Steps.");
  int bare = cg_metric(m, CG_HISTOGRAM, "request_seconds", "", "Requests.");
  cg_metric_observe_us(m, 0, id, 0);
  cg_metric_observe_us(m, 0, id, 500); /* the bound belongs to its bucket */
  cg_metric_observe_us(m, 1, id, 501);
  cg_metric_observe_us(m, 1, id, 10000000);
  cg_metric_observe_us(m, 1, id, 10000001);
  cg_metric_observe_us(m, 0, bare, 3);
  assert_int_equal(cg_metric_sum(m, id), 5);
  struct cg_buf out;
  cg_buf_init(&out, 100000);
  cg_metrics_render(m, &out);
  static const char *const want[] = {
      "# TYPE camgate_step_seconds histogram\n",
      "camgate_step_seconds_bucket{step=\"quota\",le=\"0.0005\"} 2\n",
      "camgate_step_seconds_bucket{step=\"quota\",le=\"0.001\"} 3\n",
      "camgate_step_seconds_bucket{step=\"quota\",le=\"5\"} 3\n",
      "camgate_step_seconds_bucket{step=\"quota\",le=\"10\"} 4\n",
      "camgate_step_seconds_bucket{step=\"quota\",le=\"+Inf\"} 5\n",
      "camgate_step_seconds_sum{step=\"quota\"} 20.001002\n",
      "camgate_step_seconds_count{step=\"quota\"} 5\n",
      "camgate_request_seconds_bucket{le=\"0.0005\"} 1\n",
      "camgate_request_seconds_sum 0.000003\n",
      "camgate_request_seconds_count 1\n",
  };
  for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
    if (!strstr(cg_buf_text(&out), want[i])) fail_msg("missing %s", want[i]);
  cg_buf_done(&out);
  cg_metrics_free(m);
}

static void registration_is_checked_and_bounded(void **state) {
  (void)state;
  struct cg_metrics *m = cg_metrics_new(1);
  assert_int_equal(cg_metric(m, CG_COUNTER, "", "", "h"), -1);
  assert_int_equal(cg_metric(m, CG_COUNTER, "9x", "", "h"), -1);
  assert_int_equal(cg_metric(m, CG_COUNTER, "a-b", "", "h"), -1);
  assert_int_equal(cg_metric(m, CG_COUNTER, "ok", "k=\"a\"}\n", "h"), -1);
  assert_int_equal(cg_metric(m, CG_COUNTER, "x", "", "h"), 0);
  assert_int_equal(cg_metric(m, CG_GAUGE, "x", "", "h"), -1);
  for (int i = 1; i < 300; i++) {
    char name[16];
    snprintf(name, sizeof name, "m%d", i);
    assert_int_equal(cg_metric(m, CG_COUNTER, name, "", "h"), i < 256 ? i : -1);
  }
  assert_int_equal(cg_metric(m, CG_COUNTER, "m255", "", "h"), 255);
  cg_metrics_free(m);
}

static void no_memory(void **state) {
  (void)state;
  for (uint64_t n = 1; n <= 3; n++) {
    cg_mem_fail_after(n);
    assert_null(cg_metrics_new(2));
  }
  struct cg_metrics *m = cg_metrics_new(2);
  for (uint64_t n = 1; n <= 3; n++) {
    cg_mem_fail_after(n);
    assert_int_equal(cg_metric(m, CG_COUNTER, "x", "", "h"), -1);
  }
  cg_mem_fail_after(0);
  assert_int_equal(cg_metric(m, CG_COUNTER, "x", "", "h"), 0);
  cg_metrics_free(m);
  cg_metrics_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(workers_are_summed),
      cmocka_unit_test(series_of_a_name_stand_together),
      cmocka_unit_test(histograms),
      cmocka_unit_test(registration_is_checked_and_bounded),
      cmocka_unit_test(no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
