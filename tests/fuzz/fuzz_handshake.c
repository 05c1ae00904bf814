/* Requests that want to become WebSockets: what message.h takes is judged without a
 * crash, and what is accepted as an opening has all that an opening needs. */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "http/exchange.h"
#include "http/intake.h"
#include "http/wire.h"
#include "ws/handshake.h"

struct stage {
  struct event_base *base;
  struct cg_listener listener;
  struct cg_intake intake;
  struct cg_wire wire;
};

static void set_up(struct stage *s) {
  s->base = event_base_new();
  s->listener =
      (struct cg_listener){.limits = cg_server_limits_default, .clock = &cg_clock_system};
  s->wire = (struct cg_wire){.listener = &s->listener,
                             .intake = &s->intake,
                             .bev = bufferevent_socket_new(s->base, -1, 0)};
  CG_CHECK(s->base && s->wire.bev);
}

static void check_opening(struct cg_exchange *x) {
  char accept[CG_WS_ACCEPT + 1];
  const char *key = cg_exchange_header(x, "sec-websocket-key"), *offered;
  CG_CHECK(x->method == CG_GET && key && strlen(key) == CG_WS_KEY);
  CG_CHECK(cg_exchange_header(x, "upgrade") && cg_exchange_header(x, "connection"));
  CG_CHECK(strcmp(cg_exchange_header(x, "sec-websocket-version"), "13") == 0);
  cg_ws_accept_key(key, accept);
  CG_CHECK(strlen(accept) == CG_WS_ACCEPT);
  size_t n = 0;
  while ((offered = cg_ws_offered(x, n))) {
    CG_CHECK(cg_is_token(offered, strlen(offered)));
    n++;
  }
  CG_CHECK(n <= 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct stage stage;
  static struct cg_message m;
  struct stage *s = &stage;
  if (!s->base) set_up(s);
  cg_message_init(&m);
  if (cg_message_feed(&m, &s->listener.limits.message, (const char *)data, size) !=
      CG_MESSAGE_READY)
    return 0;
  const struct cg_exchange_origin origin = {.wire = &s->wire, .client_addr = "a"};
  struct cg_exchange *x = cg_exchange_new(&origin, &m, (const char *)data);
  CG_CHECK(x);
  s->wire.exchange = x;
  s->wire.inside = true;
  s->wire.last = m.close;
  if (cg_ws_asked(x)) {
    check_opening(x);
    cg_exchange_reply(x, 204, NULL, NULL, 0);
  }
  CG_CHECK(!s->wire.exchange);
  return 0;
}
