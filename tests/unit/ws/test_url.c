/* URLs of WebSocket servers, taken apart or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "ws/url.h"

static const struct good {
  const char *text, *told; /* tls, address, port, host, authority, target */
} goods[] = {
    {"ws://a", "0 0 80 a a /"},
    {"wss://a", "1 0 443 a a /"},
    {"WSS://A.b-c_d:8443/x/y?z=1&q=%20", "1 0 8443 A.b-c_d A.b-c_d:8443 /x/y?z=1&q=%20"},
    {"ws://a?z", "0 0 80 a a /?z"},
    {"ws://127.0.0.1:1/", "0 1 1 127.0.0.1 127.0.0.1:1 /"},
    {"ws://1.2.3/", "0 0 80 1.2.3 1.2.3 /"},
    {"wss://[::1]", "1 1 443 ::1 [::1] /"},
    {"wss://[fe80::1:2]:65535/rtc?a=[]",
     "1 1 65535 fe80::1:2 [fe80::1:2]:65535 /rtc?a=[]"},
};

static void test_taken_apart(void **state) {
  (void)state;
  struct cg_ws_url url;
  struct cg_err err;
  char told[6000];
  for (size_t i = 0; i < CG_COUNT(goods); i++) {
    if (!cg_ws_url_parse(goods[i].text, &url, &err)) fail_msg("%s", goods[i].text);
    snprintf(told, sizeof told, "%d %d %u %s %s %s", url.tls, url.is_address, url.port,
             url.host, url.authority, url.target);
    assert_string_equal(told, goods[i].told);
  }
}

static const char *const bads[] = {
    "",
    "http://a/",
    "ws:/a",
    "ws://",
    "ws:///x",
    "ws://:80/",
    "ws://a:0/",
    "ws://a:65536/",
    "ws://a:99999999999999999999/",
    "ws://a:x/",
    "ws://a:/",
    "ws://a:+1/",
    "ws://user@a/",
    "ws://user:word@a/",
    "ws://a b/",
    "ws://a/#f",
    "ws://a#f",
    "ws://a/ b",
    "ws://a/\r\nX: y",
    "ws://a\r\nX: y/",
    "ws://a/\x7f",
    "ws://a/\xc3\xa9",
    "ws://\xc3\xa9/",
    "ws://[::1/",
    "ws://[x]/",
    "ws://[]/",
    "ws://[127.0.0.1]/",
    "ws://[::1]x/",
    "ws://::1/",
};

static void test_refused(void **state) {
  (void)state;
  struct cg_ws_url url;
  struct cg_err err;
  for (size_t i = 0; i < CG_COUNT(bads); i++) {
    if (cg_ws_url_parse(bads[i], &url, &err)) fail_msg("%s", bads[i]);
    assert_int_equal(err.code, CG_E_MALFORMED);
  }
}

/* The longest that are taken, and one byte more. */
static void test_lengths(void **state) {
  (void)state;
  struct cg_ws_url url;
  char text[8192];
  for (int more = 0; more < 2; more++) {
    snprintf(text, sizeof text, "ws://%0*d/", CG_WS_HOST_MAX + more, 0);
    assert_int_equal(cg_ws_url_parse(text, &url, NULL), !more);
    snprintf(text, sizeof text, "ws://a/%0*d", CG_WS_TARGET_MAX - 1 + more, 0);
    assert_int_equal(cg_ws_url_parse(text, &url, NULL), !more);
    snprintf(text, sizeof text, "ws://a?%0*d", CG_WS_TARGET_MAX - 2 + more, 0);
    assert_int_equal(cg_ws_url_parse(text, &url, NULL), !more);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_taken_apart),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_lengths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
