/* Answers to an opening handshake, taken or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "ws/handshake.h"
#include "ws/response.h"

#define LINE     "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE  "Upgrade: websocket\r\n"
#define CONN     "Connection: Upgrade\r\n"
#define ACCEPT   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: "
#define END      "\r\n"

static const struct row {
  const char *head, *told; /* the protocol, or what is wrong */
} rows[] = {
    {LINE UPGRADE CONN ACCEPT END, ""},
    {"HTTP/1.1 101\r\n" UPGRADE CONN ACCEPT END, ""},
    {LINE "UPGRADE:WebSocket \r\nconnection:keep-alive,\tupgrade\r\nX: y\r\n" ACCEPT END,
     ""},
    {LINE UPGRADE CONN ACCEPT PROTOCOL "a.v1\r\n" END, "a.v1"},
    {LINE UPGRADE CONN ACCEPT "Sec-WebSocket-Extensions:\r\n" END, ""},
    {"HTTP/1.0 101 x\r\n" UPGRADE CONN ACCEPT END, "answer is no HTTP/1.1"},
    {"HTTP/1.1 1010 x\r\n" UPGRADE CONN ACCEPT END, "answer is no HTTP/1.1"},
    {"HTTP/1.1 101x\r\n" UPGRADE CONN ACCEPT END, "answer is no HTTP/1.1"},
    {"hello\r\n" END, "answer is no HTTP/1.1"},
    {"HTTP/1.1 200 OK\r\n" UPGRADE CONN ACCEPT END, "answers 200 to a WebSocket"},
    {LINE CONN ACCEPT END, "does not upgrade to websocket"},
    {LINE "Upgrade: h2c\r\n" CONN ACCEPT END, "does not upgrade to websocket"},
    {LINE UPGRADE ACCEPT END, "does not name upgrade in Connection"},
    {LINE UPGRADE "Connection: close\r\n" ACCEPT END,
     "does not name upgrade in Connection"},
    {LINE UPGRADE CONN END, "does not accept this handshake's key"},
    {LINE UPGRADE CONN "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" END,
     "does not accept this handshake's key"},
    {LINE UPGRADE CONN ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n" END,
     "has extensions"},
    {LINE UPGRADE CONN ACCEPT PROTOCOL "other\r\n" END,
     "subprotocol that was not offered"},
    {LINE UPGRADE CONN ACCEPT PROTOCOL "A.V1\r\n" END,
     "subprotocol that was not offered"},
    {LINE UPGRADE CONN ACCEPT PROTOCOL "a.v1, b\r\n" END,
     "subprotocol that was not offered"},
    {LINE UPGRADE UPGRADE CONN ACCEPT END, "says the same field twice"},
    {LINE UPGRADE CONN ACCEPT "no colon\r\n" END, "has a field that is none"},
    {LINE UPGRADE CONN ACCEPT "a b: c\r\n" END, "has a field that is none"},
    {LINE UPGRADE CONN ACCEPT ": c\r\n" END, "has a field that is none"},
    {LINE " folded\r\n" UPGRADE CONN ACCEPT END, "has a field that is none"},
};

static void test_rows(void **state) {
  (void)state;
  char head[1024], protocol[CG_WS_PROTOCOL_MAX + 1];
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    struct cg_err err = {.code = CG_OK};
    snprintf(head, sizeof head, "%s", rows[i].head);
    bool ok = cg_ws_response_judge(
        head, strlen(head), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "b, a.v1", protocol, &err);
    if (ok ? strcmp(protocol, rows[i].told) != 0 : !strstr(err.text, rows[i].told))
      fail_msg("%s-> %s %s", rows[i].head, ok ? protocol : "", err.text);
    if (!ok) assert_true(*rows[i].told);
  }
}

static void test_a_nul_byte(void **state) {
  (void)state;
  char head[] = LINE UPGRADE CONN ACCEPT "X: \0y\r\n" END,
       protocol[CG_WS_PROTOCOL_MAX + 1];
  struct cg_err err;
  assert_false(cg_ws_response_judge(head, sizeof head - 1, "x", NULL, protocol, &err));
  assert_non_null(strstr(err.text, "NUL"));
}

/* RFC 6455 1.3's own sample. */
static void test_accept_key(void **state) {
  (void)state;
  char accept[CG_WS_ACCEPT + 1];
  cg_ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept);
  assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows),
      cmocka_unit_test(test_a_nul_byte),
      cmocka_unit_test(test_accept_key),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
