/* A plugin's result is whole, or it is no answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#include <string.h>

#include "plugin/result.h"

static const char *const tags[] = {"lobby", NULL};
static const struct cgp_camera good = {.size = sizeof good,
                                       .id = "lobby-1",
                                       .name = "",
                                       .site = "",
                                       .tags = tags,
                                       .n_tags = 1,
                                       .attributes = "{}"};

static void a_camera(void **state) {
  (void)state;
  struct cgp_camera shorter = good, nameless = good, tagless = good, hole = good;
  shorter.size--;
  nameless.name = NULL;
  tagless.tags = NULL;
  hole.n_tags = 2;
  const struct cgp_camera *const odd[] = {NULL, &shorter, &nameless, &tagless, &hole};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    const struct cgp_camera *const both[] = {&good, odd[i]};
    assert_non_null(cg_result_camera(odd[i]));
    assert_non_null(cg_result_cameras(&(struct cgp_camera_list){both, 2}));
  }
  const struct cgp_camera *const one[] = {&good};
  assert_null(cg_result_camera(&good));
  assert_null(cg_result_cameras(&(struct cgp_camera_list){one, 1}));
  assert_null(cg_result_cameras(&(struct cgp_camera_list){NULL, 0}));
  assert_non_null(cg_result_cameras(&(struct cgp_camera_list){NULL, 1}));
  assert_non_null(cg_result_cameras(NULL));
}

static void a_verdict(void **state) {
  (void)state;
  assert_non_null(cg_result_verdict(NULL));
  assert_non_null(cg_result_verdict(&(struct cgp_quota_verdict){.granted = false}));
  assert_null(cg_result_verdict(&(struct cgp_quota_verdict){.granted = true}));
  assert_null(cg_result_verdict(&(struct cgp_quota_verdict){.scope = "user:a"}));
}

static void a_token(void **state) {
  (void)state;
  const struct cgp_room_token odd[] = {
      {NULL, "u", 1}, {"", "u", 1}, {"t", NULL, 1}, {"t", "u", 0}, {"t", "u", -1}};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    assert_non_null(cg_result_token(&odd[i]));
  assert_non_null(cg_result_token(NULL));
  assert_null(cg_result_token(&(struct cgp_room_token){"t", "u", 1}));
}

static void servers(void **state) {
  (void)state;
  const char *const urls[] = {"turn:a", NULL};
  const struct cgp_ice_server odd[] = {{urls, 2, NULL, NULL, 1},
                                       {NULL, 1, NULL, NULL, 1},
                                       {urls, SIZE_MAX, NULL, NULL, 1},
                                       {urls, 1, "user", NULL, 1},
                                       {urls, 1, NULL, "password", 1}};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    assert_non_null(cg_result_servers(&(struct cgp_ice_servers){&odd[i], 1}));
  const struct cgp_ice_server fine = {urls, 1, "user", "password", 1};
  assert_null(cg_result_servers(&(struct cgp_ice_servers){&fine, 1}));
  assert_null(cg_result_servers(&(struct cgp_ice_servers){NULL, 0}));
  assert_non_null(cg_result_servers(&(struct cgp_ice_servers){NULL, 1}));
  assert_non_null(cg_result_servers(&(struct cgp_ice_servers){&fine, SIZE_MAX}));
  assert_non_null(cg_result_servers(NULL));
}

static void appended_rows(void **state) {
  (void)state;
  assert_non_null(cg_result_appended(NULL));
  assert_non_null(cg_result_appended(&(struct cgp_audit_appended){0}));
  assert_null(cg_result_appended(&(struct cgp_audit_appended){1}));
}

static void rows(void **state) {
  (void)state;
  const struct cgp_audit_row empty = {.size = sizeof empty};
  assert_non_null(cg_result_rows(&(struct cgp_audit_rows){&empty, 1, 0}));
  assert_non_null(cg_result_rows(&(struct cgp_audit_rows){NULL, 1, 0}));
  assert_non_null(cg_result_rows(NULL));
  assert_null(cg_result_rows(&(struct cgp_audit_rows){NULL, 0, 0}));
}

static void a_reply(void **state) {
  (void)state;
  const struct cgp_http_reply odd[] = {{0, NULL, NULL, 0},
                                       {100, NULL, NULL, 0},
                                       {600, NULL, NULL, 0},
                                       {200, "text/plain", NULL, 5}};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    assert_non_null(cg_result_reply(&odd[i]));
  assert_non_null(cg_result_reply(NULL));
  assert_null(cg_result_reply(&(struct cgp_http_reply){204, NULL, NULL, 0}));
  assert_null(cg_result_reply(&(struct cgp_http_reply){200, "text/plain", "x", 1}));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_camera),      cmocka_unit_test(a_verdict),
      cmocka_unit_test(a_token),       cmocka_unit_test(servers),
      cmocka_unit_test(rows),          cmocka_unit_test(a_reply),
      cmocka_unit_test(appended_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
