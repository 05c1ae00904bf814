/* The same path over TLS: order, refusals, early leavers, a changed certificate. */
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "http/handlers.h"

static void handle_never(struct cg_exchange *x) {
  struct gate *g = gate_of(x);
  g->kept[g->n_kept++] = x;
}

static const struct cg_route routes[] = {{"GET", "/echo", handle_echo, 0},
                                         {"POST", "/echo", handle_echo, 0},
                                         {"GET", "/never", handle_never, 0},
                                         {"GET", "/big", handle_big, 0},
                                         {NULL, NULL, NULL, 0}};

static struct answer answer;

static SSL_CTX *server_ctx(const char *name) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *cert = X509_new();
  assert_non_null(key);
  assert_non_null(cert);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), -60);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                             (const unsigned char *)name, -1, -1, 0);
  X509_set_issuer_name(cert, X509_get_subject_name(cert));
  assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
  X509_free(cert);
  EVP_PKEY_free(key);
  return ctx;
}

struct tls {
  SSL_CTX *ctx;
  SSL *ssl;
  int fd;
};

static struct tls tls_dial(const struct gate *g) {
  struct tls t = {SSL_CTX_new(TLS_client_method()), NULL, client_open(g)};
  return t;
}

static void tls_shake_hands(struct tls *t) {
  t->ssl = SSL_new(t->ctx);
  SSL_set_fd(t->ssl, t->fd);
  assert_int_equal(SSL_connect(t->ssl), 1);
}

static struct tls tls_open(const struct gate *g) {
  struct tls t = tls_dial(g);
  tls_shake_hands(&t);
  return t;
}

static void tls_close(struct tls *t) {
  SSL_free(t->ssl);
  SSL_CTX_free(t->ctx);
  close(t->fd);
}

static void tls_puts(struct tls *t, const char *text) {
  assert_int_equal(SSL_write(t->ssl, text, (int)strlen(text)), (int)strlen(text));
}

static int tls_answer(struct tls *t) {
  size_t at = 0;
  memset(&answer, 0, sizeof answer);
  while (at < 4 || memcmp(answer.text + at - 4, "\r\n\r\n", 4) != 0)
    assert_int_equal(SSL_read(t->ssl, answer.text + at++, 1), 1);
  answer.head_len = at;
  for (size_t end = at + answer_length(answer.text); at < end;) {
    int got = SSL_read(t->ssl, answer.text + at, (int)(end - at));
    assert_true(got > 0);
    at += (size_t)got;
  }
  return (int)strtol(answer.text + 9, NULL, 10);
}

/* close_notify, not a bare end of the stream */
static void tls_expect_end(struct tls *t) {
  char c;
  int got = SSL_read(t->ssl, &c, 1);
  assert_int_equal(SSL_get_error(t->ssl, got), SSL_ERROR_ZERO_RETURN);
}

static int set_up(void **state) {
  SSL_CTX *ctx = server_ctx("one");
  *state = gate_open(routes, NULL, ctx);
  SSL_CTX_free(ctx);
  return 0;
}

static int tear_down(void **state) {
  gate_close(*state);
  return 0;
}

static void test_pipeline_then_refusal(void **state) {
  struct tls t = tls_open(*state);
  tls_puts(&t, GET("/echo") "POST /echo HTTP/1.1\r\n" HOST
                            "Content-Length: 2\r\n\r\nok" GET("/echo") GET("/echo\t"));
  assert_int_equal(tls_answer(&t), 200);
  assert_int_equal(tls_answer(&t), 200);
  assert_non_null(strstr(answer_body(&answer), "n=2:ok"));
  assert_int_equal(tls_answer(&t), 200);
  assert_int_equal(tls_answer(&t), 400);
  tls_expect_end(&t);
  tls_close(&t);
}

static void test_continue(void **state) {
  struct tls t = tls_open(*state);
  tls_puts(&t, "POST /echo HTTP/1.1\r\n" HOST
               "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  assert_int_equal(tls_answer(&t), 100);
  tls_puts(&t, "ok");
  assert_int_equal(tls_answer(&t), 200);
  tls_close(&t);
}

static void test_close_after_a_large_reply(void **state) {
  struct tls t = tls_open(*state);
  tls_puts(&t, "GET /big HTTP/1.1\r\nConnection: close\r\n" HOST "\r\n");
  size_t total = 0;
  static char part[16384];
  int got;
  while ((got = SSL_read(t.ssl, part, sizeof part)) > 0) total += (size_t)got;
  assert_int_equal(SSL_get_error(t.ssl, got), SSL_ERROR_ZERO_RETURN);
  assert_true(total > 1u << 20);
  tls_close(&t);
}

static void test_plain_text_on_a_tls_port(void **state) {
  struct gate *g = *state;
  int fd = client_open(g);
  client_puts(fd, GET("/echo"));
  char part[256];
  ssize_t got;
  while ((got = recv(fd, part, sizeof part, 0)) > 0) continue; /* an alert at most */
  close(fd);
  struct tls t = tls_open(g);
  tls_puts(&t, GET("/echo"));
  assert_int_equal(tls_answer(&t), 200);
  tls_close(&t);
}

static void test_the_handshake_has_a_deadline_of_its_own(void **state) {
  struct gate *g = *state;
  struct tls t = tls_dial(g), mute = tls_dial(g);
  assert_true(gate_until(g, gate_count_open, 2));
  gate_advance(g, 4000000);
  tls_shake_hands(&t);
  gate_advance(g, 1000000);
  assert_true(client_eof(mute.fd)); /* so the sweep has run */
  gate_advance(g, 3000000);
  tls_puts(&t, GET("/echo"));
  assert_int_equal(tls_answer(&t), 200);
  tls_close(&t);
  tls_close(&mute);
}

static void change_certificate(struct gate *g, void *arg) {
  cg_server_set_ssl_ctx(g->server, arg);
}

static void expect_name(struct tls *t, const char *name) {
  char text[64];
  X509 *cert = SSL_get1_peer_certificate(t->ssl);
  X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, text,
                            sizeof text);
  assert_string_equal(text, name);
  X509_free(cert);
}

static void test_changed_certificate(void **state) {
  struct gate *g = *state;
  struct tls before = tls_open(g);
  SSL_CTX *ctx = server_ctx("two");
  gate_do(g, change_certificate, ctx);
  SSL_CTX_free(ctx);
  struct tls after = tls_open(g);
  expect_name(&before, "one");
  expect_name(&after, "two");
  tls_puts(&before, GET("/echo"));
  assert_int_equal(tls_answer(&before), 200);
  tls_puts(&after, GET("/echo"));
  assert_int_equal(tls_answer(&after), 200);
  tls_close(&before);
  tls_close(&after);
}

static void answer_kept(struct gate *g, void *arg) {
  (void)arg;
  CG_CHECK(g->n_kept == 1 && !cg_exchange_alive(g->kept[0]));
  cg_exchange_reply(g->kept[0], 200, "text/plain", "late", 4);
}

static void test_leaver_while_freeing(void **state) {
  struct gate *g = *state;
  struct tls t = tls_open(g);
  tls_puts(&t, GET("/never") GET("/echo"));
  struct tls other = tls_open(g);
  tls_puts(&other, GET("/echo"));
  assert_int_equal(tls_answer(&other), 200);
  tls_close(&other);
  gate_do(g, gate_unlisten, NULL);
  gate_do(g, answer_kept, NULL);
  tls_close(&t);
  g->conf.ssl_ctx = NULL; /* for tear_down */
  gate_do(g, gate_listen, NULL);
}

static int64_t cpu_us(const struct gate *g) {
  clockid_t clock;
  struct timespec t;
  assert_int_equal(pthread_getcpuclockid(g->thread, &clock), 0);
  assert_int_equal(clock_gettime(clock, &t), 0);
  return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Requests of n bytes in all; the last one is not whole. */
static char *requests_of(size_t n) {
  static const char one[] = GET("/echo");
  char *text = malloc(n + sizeof one);
  assert_non_null(text);
  for (size_t at = 0; at < n; at += sizeof one - 1) memcpy(text + at, one, sizeof one);
  text[n] = '\0';
  return text;
}

/* As much as is held of one client waits behind a request, and then the client's end. */
static void test_a_full_input_rests(void **state) {
  struct gate *g = *state;
  gate_do(g, gate_unlisten, NULL);
  SSL_CTX *ctx = server_ctx("one");
  g->conf.ssl_ctx = ctx;
  g->conf.limits.in_flight = 8;
  gate_do(g, gate_listen, NULL);
  struct tls t = tls_open(g);
  tls_puts(&t, GET("/never"));
  assert_true(gate_until(g, gate_count_kept, 1));
  char *behind = requests_of(cg_message_size_max(&g->conf.limits.message));
  tls_puts(&t, behind);
  SSL_shutdown(t.ssl);
  free(behind);
  poll(NULL, 0, 100);
  int64_t before = cpu_us(g);
  poll(NULL, 0, 300);
  assert_true(cpu_us(g) - before < 150000);
  gate_do(g, reply_kept, NULL);
  assert_true(gate_until(g, gate_count_open, 0));
  tls_close(&t);
  SSL_CTX_free(ctx);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_pipeline_then_refusal),
      TEST(test_continue),
      TEST(test_close_after_a_large_reply),
      TEST(test_plain_text_on_a_tls_port),
      TEST(test_changed_certificate),
      TEST(test_the_handshake_has_a_deadline_of_its_own),
      TEST(test_leaver_while_freeing),
      TEST(test_a_full_input_rests),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
