/* Who the client is, by whole requests: the reader finds fields, access the client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "http/access.h"

static struct cg_addr addr(const char *text) {
  struct cg_addr a;
  if (!cg_addr_parse(text, strlen(text), &a)) fail_msg("%s is an address", text);
  return a;
}

static struct cg_nets nets(struct cg_net *items, const char *const *texts) {
  size_t n = 0;
  for (; texts[n]; n++) assert_true(cg_net_parse(texts[n], &items[n], NULL));
  return (struct cg_nets){items, n};
}

static const char *const proxies[] = {"10.0.0.0/8", "::1", "2001:db8:1::/48", NULL};

#define XFF(value) "X-Forwarded-For: " value "\r\n"

static void client_of(const char *peer, const char *fields, char out[CG_ADDR_TEXT]) {
  static const struct cg_message_limits limits = {16384, 64, 1024};
  struct cg_net items[8];
  struct cg_access access = {.proxies = nets(items, proxies)};
  char text[8192];
  struct cg_message m;
  snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
  cg_message_init(&m);
  if (cg_message_feed(&m, &limits, text, strlen(text)) != CG_MESSAGE_READY)
    fail_msg("%s: %s", fields, m.why);
  struct cg_addr from = addr(peer), client = cg_access_client(&access, &from, &m, text);
  cg_addr_text(&client, out);
}

static void the_rightmost_that_is_no_proxy(void **state) {
  (void)state;
  static const char *const rows[][3] = {
      {"10.0.0.1", "", "10.0.0.1"},
      {"10.0.0.1", XFF("192.0.2.7"), "192.0.2.7"},
      {"10.0.0.1", XFF("  192.0.2.7\t"), "192.0.2.7"},
      {"::ffff:10.0.0.1", XFF("192.0.2.7"), "192.0.2.7"},
      {"::1", XFF("2001:db8::7"), "2001:db8::7"},
      {"10.0.0.1", "x-forwarded-FOR: 192.0.2.7\r\n", "192.0.2.7"},
      {"10.0.0.1", XFF("::ffff:192.0.2.7"), "192.0.2.7"},
      {"10.0.0.1", XFF("203.0.113.9, 192.0.2.7"), "192.0.2.7"},
      {"10.0.0.1", XFF("192.0.2.7, 10.2.0.1,2001:db8:1::5 , 10.0.0.9"), "192.0.2.7"},
      {"10.0.0.1", XFF("10.0.0.3, 10.0.0.2"), "10.0.0.3"},
      {"10.0.0.1", XFF("203.0.113.9") XFF("192.0.2.7"), "192.0.2.7"},
      {"10.0.0.1", XFF("192.0.2.7") XFF("10.0.0.2, 10.0.0.3"), "192.0.2.7"},
      {"10.0.0.1", XFF("192.0.2.7:4711"), "192.0.2.7"},
      {"10.0.0.1", XFF("[2001:db8::7]"), "2001:db8::7"},
      {"10.0.0.1", XFF("[2001:db8::7]:4711"), "2001:db8::7"},
      /* left of the client all is the client's own words */
      {"10.0.0.1", XFF("unknown, , 1.2.3.999, 192.0.2.7"), "192.0.2.7"},
      {"10.0.0.1", XFF("10.0.0.9, 192.0.2.7"), "192.0.2.7"},
      {"10.0.0.1", "Forwarded: for=203.0.113.9\r\n" XFF("192.0.2.7"), "192.0.2.7"},
      {"10.0.0.1", "Forwarded: for=203.0.113.9\r\n", "10.0.0.1"},
      {"10.0.0.1", "X-Real-IP: 203.0.113.9\r\n", "10.0.0.1"},
      /* not from a proxy: nothing is believed */
      {"192.0.2.1", XFF("203.0.113.9"), "192.0.2.1"},
      {"192.0.2.1", XFF("10.0.0.1"), "192.0.2.1"},
      {"192.0.2.1", XFF("127.0.0.1, ::1"), "192.0.2.1"},
      {"2001:db8:2::1", XFF("203.0.113.9"), "2001:db8:2::1"},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    char client[CG_ADDR_TEXT];
    client_of(rows[i][0], rows[i][1], client);
    if (strcmp(client, rows[i][2])) fail_msg("%s %s: %s", rows[i][0], rows[i][1], client);
  }
}

static void malformed_is_the_peer(void **state) {
  (void)state;
  static const char *const rows[] = {
      XFF(""),
      XFF(","),
      XFF("unknown"),
      XFF("_proxy"),
      XFF("192.0.2.7,"),
      XFF("192.0.2.7 203.0.113.9"),
      XFF("192.0.2.7;203.0.113.9"),
      XFF("192.0.2.256"),
      XFF("192.0.2.07"),
      XFF("192.0.2.7/32"),
      XFF("192.0.2.7:"),
      XFF("192.0.2.7:port"),
      XFF("192.0.2.7:123456"),
      XFF("[2001:db8::7"),
      XFF("2001:db8::7]"),
      XFF("[2001:db8::7]x"),
      XFF("[2001:db8::7]:"),
      XFF("[]"),
      XFF("[]:1"),
      XFF(":1"),
      XFF("\"192.0.2.7\""),
      XFF("for=192.0.2.7"),
      XFF("fe80::1%eth0"),
      XFF("localhost"),
      XFF("192.0.2.7, unknown, 10.0.0.2"),
      XFF("192.0.2.7, , 10.0.0.2"),
      XFF("192.0.2.7") XFF(""),
      XFF("0x7f.1"),
      XFF("3221225991"),
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    char client[CG_ADDR_TEXT];
    client_of("10.0.0.1", rows[i], client);
    if (strcmp(client, "10.0.0.1")) fail_msg("%s: %s", rows[i], client);
  }
}

static void chain(char *out, size_t size, int n) {
  int at = snprintf(out, size, "X-Forwarded-For: 192.0.2.7");
  for (int i = 0; i <= n; i++)
    at += snprintf(out + at, size - (size_t)at, i < n ? ", 10.0.0.2" : "\r\n");
}

static void a_chain_has_a_bound(void **state) {
  (void)state;
  char fields[4096], client[CG_ADDR_TEXT];
  chain(fields, sizeof fields, 31);
  client_of("10.0.0.1", fields, client);
  assert_string_equal(client, "192.0.2.7");
  chain(fields, sizeof fields, 32);
  client_of("10.0.0.1", fields, client);
  assert_string_equal(client, "10.0.0.1");
}

static void deny_wins_and_no_allow_is_all(void **state) {
  (void)state;
  static const char *const some[] = {"192.0.2.0/24", "2001:db8::/32", NULL},
                           *const few[] = {"192.0.2.66", "2001:db8:6::/48", NULL};
  struct cg_net a[4], d[4], p[4];
  struct cg_access open = {.allow = {NULL, 0}}, closed = {.deny = nets(d, few)},
                   both = {nets(a, some), nets(d, few), nets(p, proxies)};
  static const struct {
    const char *addr;
    bool open, closed, both, both_accepts;
  } rows[] = {
      {"192.0.2.1", true, true, true, true},
      {"::ffff:192.0.2.1", true, true, true, true},
      {"192.0.2.66", true, false, false, false},
      {"::ffff:192.0.2.66", true, false, false, false},
      {"203.0.113.1", true, true, false, false},
      {"2001:db8::1", true, true, true, true},
      {"2001:db8:6::1", true, false, false, false},
      {"10.0.0.1", true, true, false, true}, /* a proxy: its clients are asked about */
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_addr at = addr(rows[i].addr);
    assert_int_equal(cg_access_admits(&open, &at), rows[i].open);
    assert_int_equal(cg_access_admits(&closed, &at), rows[i].closed);
    assert_int_equal(cg_access_admits(&both, &at), rows[i].both);
    assert_int_equal(cg_access_accepts(&both, &at), rows[i].both_accepts);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_rightmost_that_is_no_proxy),
      cmocka_unit_test(malformed_is_the_peer),
      cmocka_unit_test(a_chain_has_a_bound),
      cmocka_unit_test(deny_wins_and_no_allow_is_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
