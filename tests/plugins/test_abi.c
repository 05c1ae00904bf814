/* The ABI grows: what crosses is read by its own size, from either side, structs are only
 * appended to, and a plugin of each released minor works in today's gate.  abi/ keeps the
 * headers of released minors: with a release the header is copied there. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define HEADER   SOURCE_DIR "/plugins/camgate_plugin.h"
#define RELEASED SOURCE_DIR "/tests/plugins/abi/"

/* ---- the header's text ---- */

static char *text_of(const char *path) {
  FILE *f = fopen(path, "r");
  if (!f) fail_msg("%s cannot be read", path);
  static char text[1 << 17];
  size_t n = fread(text, 1, sizeof text - 1, f);
  fclose(f);
  text[n] = '\0';
  return text;
}

/* Without comments and with one blank for many; free() it. */
static char *read_header(const char *path) {
  const char *from = text_of(path);
  char *all = calloc(1, strlen(from) + 1), *to = all;
  while (*from) {
    const char *end = strncmp(from, "/*", 2) ? NULL : strstr(from, "*/");
    if (end) {
      from = end + 2;
    } else if (isspace((unsigned char)*from)) {
      if (to > all && to[-1] != ' ') *to++ = ' ';
      from++;
    } else {
      *to++ = *from++;
    }
  }
  return all;
}

struct body {
  char name[64];
  const char *text; /* behind the brace */
  size_t n;         /* up to the closing one */
};

/* The next struct or enum with a body, behind *at; false: there is none. */
static bool next_body(const char **at, const char *kind, struct body *b) {
  for (const char *found; (found = strstr(*at, kind)); *at = found + 1) {
    const char *name = found + strlen(kind);
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (strncmp(name + len, " {", 2)) continue;
    const char *end = strstr(name, "};");
    assert_non_null(end);
    snprintf(b->name, sizeof b->name, "%.*s", (int)len, name);
    b->text = name + len + 3;
    b->n = (size_t)(end - b->text);
    *at = end;
    return true;
  }
  return false;
}

static void every_struct_begins_with_its_size(void **state) {
  (void)state;
  char *header = read_header(HEADER);
  const char *at = header;
  size_t n = 0;
  for (struct body b; next_body(&at, "struct ", &b); n++)
    if (strcmp(b.name, "cgp_call") && strncmp(b.text, "uint32_t size", 13))
      fail_msg("struct %s does not begin with its size", b.name);
  assert_true(n > 35);
  free(header);
}

/* What is appended lies behind an older size, not in what padded it. */
static void no_struct_ends_in_padding(void **state) {
  (void)state;
  pid_t pid = fork();
  if (!pid) {
    execl("/bin/sh", "sh", "-c",
          "! echo '#include \"camgate_plugin.h\"' | cc -I" SOURCE_DIR "/plugins -Wpadded "
          "-x c -fsyntax-only - 2>&1 | grep -E 'padding struct size|error'",
          (char *)NULL);
    _exit(127);
  }
  int status = -1;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}

static void expect_grown(const char *path, const char *kind, bool may_grow) {
  char *old = read_header(path), *now = read_header(HEADER);
  const char *at = old;
  for (struct body was, is; next_body(&at, kind, &was);) {
    const char *look = now;
    do
      if (!next_body(&look, kind, &is)) fail_msg("%s%s is gone", kind, was.name);
    while (strcmp(is.name, was.name));
    size_t n = was.n;
    while (n && was.text[n - 1] == ' ') n--;
    if (strncmp(is.text, was.text, n) || (!may_grow && is.n != was.n))
      fail_msg("%s%s is not what %s says: append, and raise the minor", kind, was.name,
               path);
  }
  free(old);
  free(now);
}

static void structs_are_only_appended_to(void **state) {
  (void)state;
  char path[512];
  for (int minor = 0; minor <= CGP_ABI_MINOR; minor++) {
    snprintf(path, sizeof path, RELEASED "%d.%d/camgate_plugin.h", CGP_ABI_MAJOR, minor);
    expect_grown(path, "struct ", minor < CGP_ABI_MINOR);
    expect_grown(path, "enum ", minor < CGP_ABI_MINOR);
  }
}

/* ---- arrays of a later minor ---- */

struct roomy_scope {
  struct cgp_scope scope;
  char later[24];
};

static void arrays_are_stepped_by_their_elements_size(void **state) {
  (void)state;
  struct roomy_scope scopes[2] = {{CGP_INIT(cgp_scope, .name = "a", .limit = 5), "xxx"},
                                  {CGP_INIT(cgp_scope, .name = "b", .limit = 5), "xxx"}};
  for (int i = 0; i < 2; i++) scopes[i].scope.size = sizeof scopes[i];
  assert_ptr_equal(CGP_AT(&scopes[0].scope, 1), &scopes[1].scope);
  struct harness *h = harness_open("quota_local", "{}");
  const uint32_t kbps = 1;
  struct cgp_quota_reserve req = {.lease_id = "l",
                                  .scopes = &scopes[0].scope,
                                  .n_scopes = 2,
                                  .ladder_kbps = &kbps,
                                  .n_ladder = 1,
                                  .ttl_ms = 60000};
  assert_true(harness_quota_reserve(h, 0, &req).granted);
  struct cgp_quota_hold hold = {.lease_id = "l",
                                .scopes = &scopes[0].scope,
                                .n_scopes = 2,
                                .kbps = 1,
                                .ttl_ms = 60000};
  assert_true(harness_quota_renew(h, 0, &hold));
  assert_int_equal(harness_quota_usage(h, 0, "b"), 1);
  harness_close(h);
}

/* ---- a plugin of each released minor ---- */

static void copy_ttls(void *to, const void *result) {
  const struct cgp_ice_servers *all = result;
  uint32_t *ttls = to;
  assert_int_equal(all->n, 2);
  for (size_t i = 0; i < all->n; i++) ttls[i] = CGP_AT(all->servers, i)->ttl_s;
}

static void call_it(const char *name) {
  struct cg_err err = {0};
  struct harness *h = harness_try(
      &(struct harness_config){.plugin = name, .dir = BINARY_DIR "/tests/abi"}, &err);
  if (!h) fail_msg("%s", err.text);
  char text[64];
  assert_true(harness_health(h, 0, text, sizeof text));
  assert_string_equal(text, "as old as ever");
  uint32_t ttls[2] = {0};
  struct harness_call c = {.copy = copy_ttls, .to = ttls};
  struct cgp_ice_request req = {.lease_id = "l", .ttl_s = 60};
  cg_ice_issue(harness_drivers(h, 0), &req, harness_answered, &c);
  assert_int_equal(harness_wait(h, &c), CGP_OK);
  assert_true(ttls[0] == 60 && ttls[1] == 61);
  assert_string_equal(harness_http(h, 0, "GET", "/abi/x", NULL, "").body, "/abi/x");
  const struct cgp_plugin *abi = harness_set(h)->items[0].abi;
  assert_string_equal(CGP_AT(abi->libraries, 1)->version(), "1.2.3");
  harness_close(h);
}

static void a_plugin_of_each_released_minor_works(void **state) {
  (void)state;
  char name[32];
  for (int minor = 0; minor <= CGP_ABI_MINOR; minor++) {
    snprintf(name, sizeof name, "abi_%d_%d", CGP_ABI_MAJOR, minor);
    call_it(name);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_struct_begins_with_its_size),
      cmocka_unit_test(no_struct_ends_in_padding),
      cmocka_unit_test(structs_are_only_appended_to),
      cmocka_unit_test(arrays_are_stepped_by_their_elements_size),
      cmocka_unit_test(a_plugin_of_each_released_minor_works),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
