/* Addresses and names of a listener, who gets a port, and how connections are spread. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/check.h"
#include "http/bind.h"

#define LIST(...)                                                                        \
  ((struct cg_strings){(const char *const[]){__VA_ARGS__},                               \
                       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)})

/* The addresses found, in order, with a space behind each. */
static const char *found(struct cg_strings names) {
  static char out[512];
  struct cg_buf b;
  struct cg_addresses list;
  struct cg_err err;
  if (!cg_addresses_find(&names, 0, &list, &err)) fail_msg("%s", err.text);
  cg_buf_wrap(&b, out, sizeof out);
  for (uint32_t i = 0; i < list.n; i++) {
    char text[CG_ADDR_TEXT];
    cg_addr_text(&list.items[i], text);
    cg_buf_printf(&b, "%s ", text);
  }
  return out;
}

static void test_lists(void **state) {
  (void)state;
  assert_string_equal(found(LIST("127.0.0.1")), "127.0.0.1 ");
  assert_string_equal(found(LIST("::1", "127.0.0.1")), "::1 127.0.0.1 ");
  assert_string_equal(found(LIST("127.0.0.1", "127.0.0.1")), "127.0.0.1 ");
  assert_string_equal(found(LIST("127.0.0.1", "0.0.0.0")), "0.0.0.0 ");
  assert_string_equal(found(LIST("::1", "::", "127.0.0.1")), ":: 127.0.0.1 ");
  assert_string_equal(found(LIST("::", "0.0.0.0", "127.0.0.2", "::1")), ":: 0.0.0.0 ");
  assert_string_equal(found(LIST("::ffff:127.0.0.1")), "127.0.0.1 ");
  assert_non_null(strstr(found(LIST("localhost")), "127.0.0.1 "));
  assert_non_null(strstr(found(LIST("127.0.0.1", "localhost")), "127.0.0.1 "));
}

static void refused(struct cg_strings names, const char *says) {
  struct cg_addresses list;
  struct cg_err err = {0};
  if (cg_addresses_find(&names, 0, &list, &err)) fail_msg("%s passed", names.items[0]);
  if (!strstr(err.text, says)) fail_msg("%s", err.text);
}

static void test_what_is_not_here(void **state) {
  (void)state;
  refused(LIST("192.0.2.1"), "192.0.2.1 port 0: that is no address of this host");
  refused(LIST("127.0.0.1", "2001:db8::1"), "2001:db8::1 port 0: that is no address");
  refused(LIST("no.such.host.invalid"), "cannot find \"no.such.host.invalid\"");
  refused(LIST("127.0.0.1:80"), "\"127.0.0.1:80\" is neither an address nor a host");
  refused(LIST("*"), "\"*\" is neither");
  refused(LIST("[::1]"), "\"[::1]\" is neither");
  refused(LIST("fe80::1%lo"), "\"fe80::1%lo\" is neither");
  char texts[CG_ADDRESSES_MAX + 1][16];
  const char *items[CG_ADDRESSES_MAX + 1];
  for (int i = 0; i <= CG_ADDRESSES_MAX; i++) {
    snprintf(texts[i], sizeof texts[i], "127.0.0.%d", i + 1);
    items[i] = texts[i];
  }
  refused((struct cg_strings){items, CG_ADDRESSES_MAX + 1}, "more than 16 addresses");
}

/* ---- sockets ---- */

static struct cg_sockets opened(struct cg_strings names, uint16_t port) {
  struct cg_sockets s;
  struct cg_err err;
  if (!cg_sockets_open(&names, port, &s, &err)) fail_msg("%s", err.text);
  return s;
}

static struct cg_sockets listening(struct cg_strings names, uint16_t port) {
  struct cg_sockets s = opened(names, port);
  struct cg_err err;
  if (!cg_sockets_listen(&s, &err)) fail_msg("%s", err.text);
  return s;
}

static bool connects(const char *address, uint16_t port, int *ret_fd) {
  struct cg_addr a;
  struct sockaddr_storage to;
  assert_true(cg_addr_parse(address, strlen(address), &a));
  socklen_t len = cg_addr_socket(&a, port, &to);
  *ret_fd = socket(to.ss_family, SOCK_STREAM, 0);
  bool ok = connect(*ret_fd, (struct sockaddr *)&to, len) == 0;
  if (!ok) close(*ret_fd);
  return ok;
}

static bool reaches(const char *address, uint16_t port) {
  int fd;
  bool ok = connects(address, port, &fd);
  if (ok) close(fd);
  return ok;
}

static void test_families(void **state) {
  (void)state;
  struct cg_sockets s = listening(LIST("::"), 0);
  assert_true(reaches("::1", s.port) && reaches("127.0.0.1", s.port));
  cg_sockets_close(&s);
  s = listening(LIST("::", "127.0.0.2"), 0);
  assert_int_equal(s.n, 2);
  assert_true(reaches("::1", s.port) && reaches("127.0.0.2", s.port));
  assert_false(reaches("127.0.0.1", s.port));
  cg_sockets_close(&s);
  s = listening(LIST("::", "0.0.0.0"), 0);
  assert_true(reaches("::1", s.port) && reaches("127.0.0.1", s.port));
  cg_sockets_close(&s);
  s = listening(LIST("0.0.0.0"), 0);
  assert_false(reaches("::1", s.port));
  cg_sockets_close(&s);
}

static void taken(struct cg_strings names, uint16_t port, const char *where) {
  struct cg_sockets s;
  struct cg_err err = {0};
  char says[128];
  snprintf(says, sizeof says, "cannot listen on %s port %u: another process serves it",
           where, port);
  assert_false(cg_sockets_open(&names, port, &s, &err));
  assert_string_equal(err.text, says);
  assert_int_equal(s.n, 0);
}

/* As another gate does, while the first has one set and while it has three. */
static void test_a_port_is_one_gates(void **state) {
  (void)state;
  struct cg_err err;
  struct cg_sockets first = listening(LIST("127.0.0.1", "127.0.0.2"), 0), more[2];
  for (int i = 0; i < 3; i++) {
    taken(LIST("127.0.0.1"), first.port, "127.0.0.1");
    taken(LIST("127.0.0.3", "127.0.0.2"), first.port, "127.0.0.2");
    taken(LIST("0.0.0.0"), first.port, "0.0.0.0");
    taken(LIST("::"), first.port, "::");
    if (i < 2) assert_true(cg_sockets_join(&first, &more[i], &err));
  }
  cg_sockets_close(&first);
  taken(LIST("127.0.0.1"), more[0].port, "127.0.0.1"); /* the others serve on */
  cg_sockets_close(&more[0]);
  cg_sockets_close(&more[1]);
  first = listening(LIST("127.0.0.1"), more[0].port);
  cg_sockets_close(&first);
}

/* Both were bound before either listened: one of them gets it, whoever joins when. */
static void test_at_the_same_moment(void **state) {
  (void)state;
  struct cg_err err;
  struct cg_sockets a = opened(LIST("127.0.0.1"), 0),
                    b = opened(LIST("127.0.0.1"), a.port);
  struct cg_sockets more;
  assert_true(cg_sockets_listen(&b, &err));
  assert_false(cg_sockets_listen(&a, &err));
  assert_non_null(strstr(err.text, "another process serves it"));
  assert_true(cg_sockets_join(&b, &more, &err));
  assert_false(cg_sockets_listen(&a, &err));
  cg_sockets_close(&a);
  cg_sockets_close(&b);
  cg_sockets_close(&more);
}

/* A port that another holds at one of the addresses is not taken at the other. */
static void test_any_port_is_the_same_everywhere(void **state) {
  (void)state;
  for (int i = 0; i < 50; i++) {
    struct cg_sockets s = listening(LIST("127.0.0.1", "::1", "127.0.0.2"), 0);
    assert_true(s.port && s.n == 3);
    assert_true(reaches("127.0.0.1", s.port) && reaches("127.0.0.2", s.port) &&
                reaches("::1", s.port));
    cg_sockets_close(&s);
  }
}

enum { SETS = 4, CLIENTS = 1000 };

static int accept_all(int fd) {
  int n = 0;
  for (int got; (got = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; n++) close(got);
  return n;
}

/* 250 each, and 14 is their standard deviation. */
static void test_connections_are_spread(void **state) {
  (void)state;
  static int clients[CLIENTS];
  struct cg_err err;
  struct cg_sockets sets[SETS] = {listening(LIST("127.0.0.1", "::1"), 0)};
  const uint16_t port = sets[0].port;
  for (int i = 1; i < SETS; i++) assert_true(cg_sockets_join(&sets[0], &sets[i], &err));
  for (int way = 0; way < 2; way++) {
    int total = 0;
    for (int i = 0; i < CLIENTS; i++)
      assert_true(connects(way ? "::1" : "127.0.0.1", port, &clients[i]));
    for (int i = 0; i < SETS; i++) {
      int n = accept_all(sets[i].fds[way]);
      assert_in_range(n, 150, 350);
      total += n;
    }
    assert_int_equal(total, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) close(clients[i]);
  }
  for (int i = 0; i < SETS; i++) cg_sockets_close(&sets[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lists),
      cmocka_unit_test(test_what_is_not_here),
      cmocka_unit_test(test_families),
      cmocka_unit_test(test_a_port_is_one_gates),
      cmocka_unit_test(test_at_the_same_moment),
      cmocka_unit_test(test_any_port_is_the_same_everywhere),
      cmocka_unit_test(test_connections_are_spread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
