/* Addresses and networks: their text, who is one client, who is within. */
#include "base/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "base/addr.h"
#include "base/check.h"

static struct cg_addr addr(const char *text) {
  struct cg_addr a;
  if (!cg_addr_parse(text, strlen(text), &a)) fail_msg("%s is an address", text);
  return a;
}

static void text_and_back(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"192.0.2.1", "192.0.2.1"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::ffff:c000:201", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"::", "::"},
      {"::1", "::1"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"2001:db8::192.0.2.1", "2001:db8::c000:201"},
      {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    char text[CG_ADDR_TEXT];
    struct cg_addr a = addr(rows[i][0]);
    cg_addr_text(&a, text);
    assert_string_equal(text, rows[i][1]);
  }
}

static void no_other_text_is_an_address(void **state) {
  (void)state;
  static const char *const rows[] = {
      "",
      " ",
      "1",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.256",
      "1.2.3.-4",
      "1.2.3.04",
      "01.2.3.4",
      "0x1.2.3.4",
      "1.2.3.4 ",
      " 1.2.3.4",
      "1.2.3.4\n",
      "1.2.3.4:80",
      "1.2.3.",
      ".1.2.3.4",
      "1..2.3",
      "1,2,3,4",
      "16909060",
      "localhost",
      "unknown",
      "_hidden",
      "[::1]",
      "::1%lo",
      "fe80::1%eth0",
      ":::",
      "1::2::3",
      "::12345",
      "::g",
      "1:2:3:4:5:6:7",
      ":1",
      "1:",
      "::1.2.3",
      "::1.2.3.4.5",
      "::ffff:1.2.3.256",
      "1:2:3:4:5:6:7:8:9",
      "\xef\xbc\x91.2.3.4",
      "1.2.3.4/32",
      "::/0",
      "0000000000000000000000000000000000000000000000001",
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_addr a;
    if (cg_addr_parse(rows[i], strlen(rows[i]), &a)) fail_msg("taken: %s", rows[i]);
  }
  struct cg_addr a;
  assert_false(cg_addr_parse("1.2.3.4\0", 8, &a));
  assert_true(cg_addr_parse("1.2.3.45", 7, &a)); /* n counts, not the end */
  char text[CG_ADDR_TEXT];
  cg_addr_text(&a, text);
  assert_string_equal(text, "1.2.3.4");
}

static void every_text_of_random_bytes_stays_within(void **state) {
  (void)state;
  static const char letters[] = "0123456789abcdef:./[]% ";
  uint32_t seed = 7;
  for (int i = 0; i < 200000; i++) {
    char text[64];
    size_t n = (seed >> 8) % (sizeof text - 1);
    for (size_t j = 0; j < n; j++) {
      seed = seed * 1664525 + 1013904223;
      text[j] = letters[(seed >> 16) % (sizeof letters - 1)];
    }
    text[n] = '\0';
    seed++;
    struct cg_addr a;
    struct cg_net net;
    struct cg_err err;
    char out[CG_ADDR_TEXT];
    if (cg_addr_parse(text, n, &a)) cg_addr_text(&a, out);
    if (cg_net_parse(text, &net, &err)) assert_in_range(net.bits, 0, 128);
  }
}

static void sockets(void **state) {
  (void)state;
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  struct sockaddr other = {.sa_family = AF_UNIX};
  inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
  inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr);
  struct cg_addr a = cg_addr_of((struct sockaddr *)&v4),
                 b = cg_addr_of((struct sockaddr *)&v6), none = cg_addr_of(&other);
  assert_memory_equal(&a, &b, sizeof a);
  struct cg_addr all = addr("::");
  assert_memory_equal(&none, &all, sizeof all);
}

static uint64_t client(const char *text) {
  struct cg_addr a = addr(text);
  return cg_addr_client(&a);
}

static void addresses_of_one_client(void **state) {
  (void)state;
  assert_true(client("10.0.0.1") != client("10.0.0.2"));
  assert_true(client("10.0.0.1") == client("::ffff:10.0.0.1"));
  assert_true(client("2001:db8:0:1::1") == client("2001:db8:0:1:ffff::2"));
  assert_true(client("2001:db8:0:1::1") != client("2001:db8:0:2::1"));
}

static void networks_hold_what_is_theirs(void **state) {
  (void)state;
  static const struct {
    const char *net, *addr;
    bool holds;
  } rows[] = {
      {"10.0.0.0/8", "10.255.255.255", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.0.0.0/8", "9.255.255.255", false},
      {"10.0.0.0/8", "::ffff:10.1.2.3", true},
      {"::ffff:10.0.0.0/104", "10.1.2.3", true},
      {"::ffff:0:0/96", "10.1.2.3", true},
      {"::ffff:0:0/96", "2001:db8::1", false},
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1", "192.0.2.0", false},
      {"192.0.2.128/25", "192.0.2.127", false},
      {"192.0.2.128/25", "192.0.2.255", true},
      {"192.0.2.6/31", "192.0.2.7", true},
      {"192.0.2.6/31", "192.0.2.8", false},
      {"0.0.0.0/0", "255.1.2.3", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "192.0.2.1", false},
      {"::/0", "::ffff:192.0.2.1", false},
      {"::/1", "7fff::", true},
      {"::/1", "8000::", false},
      {"2001:db8::/32", "2001:db8:ffff::1", true},
      {"2001:db8::/32", "2001:db9::", false},
      {"fe80::/10", "febf::1", true},
      {"fe80::/10", "fec0::1", false},
      {"::1", "::1", true},
      {"::1", "::2", false},
      {"::1/128", "127.0.0.1", false},
      {"127.0.0.0/8", "::1", false},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_net net;
    struct cg_err err;
    if (!cg_net_parse(rows[i].net, &net, &err)) fail_msg("%s", err.text);
    struct cg_addr a = addr(rows[i].addr);
    if (cg_nets_hold(&(struct cg_nets){&net, 1}, &a) != rows[i].holds)
      fail_msg("%s in %s?", rows[i].addr, rows[i].net);
    assert_false(cg_nets_hold(&(struct cg_nets){&net, 0}, &a));
  }
}

static void odd_networks_are_refused_in_words(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"", "neither an address nor a network"},
      {"/8", "neither"},
      {"10/8", "neither"},
      {"10.0.0/8", "neither"},
      {"lan", "neither"},
      {"10.0.0.0/8,11.0.0.0/8", "prefix must be 0 to 32"},
      {"10.0.0.0/", "prefix must be"},
      {"10.0.0.0/33", "prefix must be 0 to 32"},
      {"10.0.0.0/08", "prefix must be"},
      {"10.0.0.0/+8", "prefix must be"},
      {"10.0.0.0/-1", "prefix must be"},
      {"10.0.0.0/8 ", "prefix must be"},
      {"10.0.0.0/8/8", "prefix must be"},
      {"10.0.0.0/255.0.0.0", "prefix must be"},
      {"10.0.0.0/4294967304", "prefix must be"},
      {"::/129", "prefix must be 0 to 128"},
      {"10.0.0.1/8", "the network is 10.0.0.0/8"},
      {"2001:db8::1/32", "the network is 2001:db8::/32"},
      {"::ffff:0:0/90", "bits beyond its prefix"},
  };
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_net net;
    struct cg_err err = {0};
    if (cg_net_parse(rows[i][0], &net, &err)) fail_msg("taken: %s", rows[i][0]);
    assert_int_equal(err.code, CG_E_INVALID);
    if (!strstr(err.text, rows[i][1])) fail_msg("%s: %s", rows[i][0], err.text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_and_back),
      cmocka_unit_test(no_other_text_is_an_address),
      cmocka_unit_test(every_text_of_random_bytes_stays_within),
      cmocka_unit_test(sockets),
      cmocka_unit_test(addresses_of_one_client),
      cmocka_unit_test(networks_hold_what_is_theirs),
      cmocka_unit_test(odd_networks_are_refused_in_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
