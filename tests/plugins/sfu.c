#include "sfu.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ports.h"

/* ---- the server ---- */

static void send_answer(struct sfu *s, struct evhttp_request *req, const char *asked) {
  struct evbuffer *out = evbuffer_new();
  json_t *doc = json_loads(asked, 0, NULL);
  const char *name = json_string_value(json_object_get(doc, "name"));
  if (s->text) {
    evbuffer_add(out, s->text, strlen(s->text));
  } else {
    evbuffer_add_printf(out, "{\"sid\":\"RM_1\",\"name\":\"%s\"}", name ? name : "");
  }
  evhttp_send_reply(req, s->status, "told so", out);
  evbuffer_free(out);
  json_decref(doc);
}

static void asked(struct evhttp_request *req, void *arg) {
  struct sfu *s = arg;
  const char *auth =
      evhttp_find_header(evhttp_request_get_input_headers(req), "Authorization");
  struct evbuffer *in = evhttp_request_get_input_buffer(req);
  ssize_t n = evbuffer_copyout(in, s->body, sizeof s->body - 1);
  s->body[n > 0 ? n : 0] = '\0';
  snprintf(s->path, sizeof s->path, "%s", evhttp_request_get_uri(req));
  const char *trace =
      evhttp_find_header(evhttp_request_get_input_headers(req), "traceparent");
  snprintf(s->traceparent, sizeof s->traceparent, "%s", trace ? trace : "");
  snprintf(s->authorization, sizeof s->authorization, "%s", auth ? auth : "");
  s->hits++;
  if (s->hold) {
    s->held = req;
  } else {
    send_answer(s, req, s->body);
  }
}

void sfu_listen(struct sfu *s, char *options, size_t size, const char *more) {
  *s = (struct sfu){.port = ports_take(), .status = 200};
  snprintf(options, size,
           "{\"url\": \"ws://127.0.0.1:%u\", \"api_key\": \"" SFU_KEY
           "\", \"api_secret\": \"" SFU_SECRET "\"%s}",
           s->port, more);
}

void sfu_serve(struct sfu *s, struct harness *h) {
  s->http = evhttp_new(cg_loop_base(harness_loop(h, 0)));
  assert_non_null(s->http);
  evhttp_set_gencb(s->http, asked, s);
  assert_int_equal(evhttp_bind_socket(s->http, "127.0.0.1", s->port), 0);
}

void sfu_answer_held(struct sfu *s) {
  assert_non_null(s->held);
  s->hold = false;
  send_answer(s, s->held, s->body);
  s->held = NULL;
}

void sfu_close(struct sfu *s) {
  if (s->http) evhttp_free(s->http);
  s->http = NULL;
}

/* ---- the tokens ---- */

static size_t url_form(const void *data, size_t n, char *out) {
  EVP_EncodeBlock((unsigned char *)out, data, (int)n);
  for (char *p = out; *p; p++) {
    if (*p == '+') *p = '-';
    if (*p == '/') *p = '_';
    if (*p == '=') *p = '\0';
  }
  return strlen(out);
}

static size_t add_mac(char *token, size_t n, const char *secret) {
  unsigned char mac[32];
  unsigned int len = 0;
  assert_non_null(HMAC(EVP_sha256(), secret, (int)strlen(secret),
                       (const unsigned char *)token, n, mac, &len));
  token[n] = '.';
  return n + 1 + url_form(mac, len, token + n + 1);
}

char *sfu_sign(const char *header, const char *claims, const char *secret) {
  char *token = calloc(1, 2 * (strlen(header) + strlen(claims)) + 128);
  assert_non_null(token);
  size_t n = url_form(header, strlen(header), token);
  token[n++] = '.';
  n += url_form(claims, strlen(claims), token + n);
  add_mac(token, n, secret);
  return token;
}

json_t *sfu_claims(const char *token, const char *secret) {
  char copy[4096], text[4096];
  unsigned char decoded[4096];
  const char *dot1 = strchr(token, '.'), *dot2 = strrchr(token, '.');
  assert_true(dot1 && dot2 != dot1 && strlen(token) < sizeof copy);
  memcpy(copy, token, (size_t)(dot2 - token));
  size_t n = add_mac(copy, (size_t)(dot2 - token), secret);
  copy[n] = '\0';
  assert_string_equal(copy, token);
  n = 0;
  for (const char *p = dot1 + 1; p < dot2; p++) {
    text[n++] = *p;
    if (*p == '-') text[n - 1] = '+';
    if (*p == '_') text[n - 1] = '/';
  }
  size_t padding = (4 - n % 4) % 4;
  for (size_t i = 0; i < padding; i++) text[n++] = '=';
  int len = EVP_DecodeBlock(decoded, (unsigned char *)text, (int)n);
  assert_true(len > (int)padding);
  json_t *claims = json_loadb((char *)decoded, (size_t)len - padding, 0, NULL);
  assert_non_null(claims);
  return claims;
}

char *sfu_webhook_header(const char *body, int64_t now_s) {
  unsigned char digest[32];
  char hash[64], claims[512];
  SHA256((const unsigned char *)body, strlen(body), digest);
  EVP_EncodeBlock((unsigned char *)hash, digest, sizeof digest);
  snprintf(claims, sizeof claims,
           "{\"iss\":\"" SFU_KEY "\",\"nbf\":%lld,\"exp\":%lld,\"sha256\":\"%s\"}",
           (long long)now_s, (long long)now_s + 300, hash);
  char *token = sfu_sign("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", claims, SFU_SECRET);
  char *line = NULL;
  assert_true(asprintf(&line, "Authorization: %s", token) > 0);
  free(token);
  return line;
}
