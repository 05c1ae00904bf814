#include "ws/handshake.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "http/wire.h"

#define OFFERED_MAX 16
#define VERSION     "13"

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* 1.3 */

/* ---- lists in fields (RFC 9110 5.6.1), which may stand in several lines ---- */

struct walk {
  const char *name, *line, *at;
};

/* The next item, without the space around it; empty ones are none. */
static bool next_item(const struct cg_exchange *x, struct walk *w, const char **item,
                      size_t *len) {
  for (;;) {
    if (!w->at || !*w->at) {
      w->line = w->at = cg_exchange_header_next(x, w->name, w->line);
      if (!w->at) return false;
    }
    w->at += strspn(w->at, ", \t");
    size_t n = strcspn(w->at, ",");
    *item = w->at;
    w->at += n;
    while (n && strchr(" \t", (*item)[n - 1])) n--;
    *len = n;
    if (n) return true;
  }
}

static bool lists(const struct cg_exchange *x, const char *name, const char *wanted) {
  struct walk w = {.name = name};
  const char *item;
  size_t len;
  while (next_item(x, &w, &item, &len))
    if (len == strlen(wanted) && strncasecmp(item, wanted, len) == 0) return true;
  return false;
}

const char *cg_ws_offered(struct cg_exchange *x, size_t nth) {
  struct walk w = {.name = "Sec-WebSocket-Protocol"};
  const char *item;
  size_t len;
  while (next_item(x, &w, &item, &len))
    if (nth-- == 0) return cg_arena_strndup(x->arena, item, len);
  return NULL;
}

/* ---- the request ---- */

static bool once(const struct cg_exchange *x, const char *name, const char **value) {
  *value = cg_exchange_header(x, name);
  return *value && !cg_exchange_header_next(x, name, *value);
}

/* Base64 of 16 bytes: 21 characters, one that leaves four bits unused, "==". */
static bool is_key(const char *s) {
  static const char alphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return strlen(s) == CG_WS_KEY && strspn(s, alphabet) == CG_WS_KEY - 2 &&
         strchr("AQgw", s[CG_WS_KEY - 3]) && strcmp(s + CG_WS_KEY - 2, "==") == 0;
}

static bool has_key(const struct cg_exchange *x) {
  const char *key;
  return once(x, "Sec-WebSocket-Key", &key) && is_key(key);
}

static bool has_version(const struct cg_exchange *x) {
  const char *version;
  return once(x, "Sec-WebSocket-Version", &version) && strcmp(version, VERSION) == 0;
}

static bool is_get(const struct cg_exchange *x) {
  return x->method == CG_GET;
}

static bool wants_upgrade(const struct cg_exchange *x) {
  return lists(x, "Upgrade", "websocket");
}

static bool says_connection(const struct cg_exchange *x) {
  return lists(x, "Connection", "upgrade");
}

/* A handler may ask after its client has left: then whatever is answered is dropped. */
static bool is_not_draining(const struct cg_exchange *x) {
  return x->wire && !x->wire->listener->draining;
}

static bool stays_open(const struct cg_exchange *x) {
  return !cg_wire_closes(x->wire);
}

static bool offers_tokens(const struct cg_exchange *x) {
  struct walk w = {.name = "Sec-WebSocket-Protocol"};
  const char *item;
  size_t len, n = 0;
  while (next_item(x, &w, &item, &len))
    if (!cg_is_token(item, len) || ++n > OFFERED_MAX) return false;
  return true;
}

static const struct rule {
  bool (*holds)(const struct cg_exchange *x);
  enum cg_code code;
  const char *why;
} rules[] = {
    {is_get, CG_E_UPGRADE, "a WebSocket is opened by GET"},
    {wants_upgrade, CG_E_UPGRADE, "this path speaks WebSocket only (RFC 6455)"},
    {is_not_draining, CG_E_BUSY, "the gate is stopping"},
    {stays_open, CG_E_MALFORMED,
     "a WebSocket needs HTTP/1.1 and a connection that stays open"},
    {says_connection, CG_E_MALFORMED, "Connection does not name upgrade"},
    {has_version, CG_E_UPGRADE, "the WebSocket version spoken here is " VERSION},
    {has_key, CG_E_MALFORMED, "Sec-WebSocket-Key is not base64 of 16 bytes"},
    {offers_tokens, CG_E_MALFORMED, "Sec-WebSocket-Protocol is no list of tokens"},
};

bool cg_ws_asked(struct cg_exchange *x) {
  for (size_t i = 0; i < CG_COUNT(rules); i++) {
    if (rules[i].holds(x)) continue;
    if (rules[i].code == CG_E_UPGRADE) {
      cg_exchange_set_header(x, "Connection", "Upgrade");
      cg_exchange_set_header(x, "Upgrade", "websocket");
      cg_exchange_set_header(x, "Sec-WebSocket-Version", VERSION);
    }
    cg_exchange_failf(x, rules[i].code, "%s", rules[i].why);
    return false;
  }
  return true;
}

/* ---- the answer ---- */

void cg_ws_accept_key(const char key[CG_WS_KEY], char out[CG_WS_ACCEPT + 1]) {
  char both[CG_WS_KEY + sizeof guid];
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  memcpy(both, key, CG_WS_KEY);
  memcpy(both + CG_WS_KEY, guid, sizeof guid);
  CG_CHECK(EVP_Digest(both, sizeof both - 1, digest, &n, EVP_sha1(), NULL) == 1);
  EVP_EncodeBlock((unsigned char *)out, digest, (int)n);
}

struct cg_ws *cg_ws_accept(struct cg_exchange *x, const char *protocol,
                           const struct cg_ws_conf *conf) {
  char accept[CG_WS_ACCEPT + 1];
  struct cg_ws *ws = cg_exchange_alive(x) && stays_open(x) ? cg_ws_new(conf) : NULL;
  if (!ws) {
    cg_exchange_failf(x, CG_E_BUSY, "there is no room for a WebSocket now");
    return NULL;
  }
  cg_ws_accept_key(cg_exchange_header(x, "Sec-WebSocket-Key"), accept);
  cg_exchange_set_header(x, "Connection", "Upgrade");
  cg_exchange_set_header(x, "Upgrade", "websocket");
  cg_exchange_set_header(x, "Sec-WebSocket-Accept", accept);
  if (protocol) cg_exchange_set_header(x, "Sec-WebSocket-Protocol", protocol);
  return cg_ws_begin_taken(ws, x) ? ws : NULL;
}
