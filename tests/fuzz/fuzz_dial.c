/* What a dialer reads of others' words: a URL, and a server's answer to an opening.
 *
 * First byte even: the rest is a URL; else the head of an answer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "ws/response.h"
#include "ws/url.h"

#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/* A URL that was taken says the same when it is put together and taken again, and none of
 * it can end a line of the request. */
static void fuzz_url(const char *text) {
  struct cg_ws_url url, again;
  struct cg_err err;
  char whole[sizeof url.authority + sizeof url.target + 8];
  if (!cg_ws_url_parse(text, &url, &err)) {
    CG_CHECK(err.code == CG_E_MALFORMED && *err.text);
    return;
  }
  CG_CHECK(!strpbrk(url.authority, "\r\n \t/") && !strpbrk(url.target, "\r\n \t#"));
  CG_CHECK(url.target[0] == '/' && url.host[0] && url.port);
  snprintf(whole, sizeof whole, "%s://%s%s", url.tls ? "wss" : "ws", url.authority,
           url.target);
  CG_CHECK(cg_ws_url_parse(whole, &again, &err));
  CG_CHECK(strcmp(again.host, url.host) == 0 && again.port == url.port &&
           strcmp(again.target, url.target) == 0 && again.is_address == url.is_address);
}

static void fuzz_answer(const uint8_t *data, size_t size) {
  char protocol[CG_WS_PROTOCOL_MAX + 1] = "?";
  struct cg_err err;
  char *head = malloc(size + 4);
  CG_CHECK(head);
  memcpy(head, data, size);
  memcpy(head + size, "\r\n\r\n", 4);
  size_t n = (size_t)((char *)memmem(head, size + 4, "\r\n\r\n", 4) + 4 - head);
  if (cg_ws_response_judge(head, n, ACCEPT, "a.v1, b", protocol, &err))
    CG_CHECK(!*protocol || strcmp(protocol, "a.v1") == 0 || strcmp(protocol, "b") == 0);
  else
    CG_CHECK(err.code == CG_E_UNAVAILABLE && *err.text);
  free(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1 || size > CG_WS_RESPONSE_MAX) return 0;
  if (data[0] & 1) {
    fuzz_answer(data + 1, size - 1);
    return 0;
  }
  char *text = strndup((const char *)data + 1, size - 1);
  CG_CHECK(text);
  fuzz_url(text);
  free(text);
  return 0;
}
