/* Sound but for what it is asked to say: routes that name themselves, and replies with
 * fields of their own, some of which are the host's. */
#include <string.h>

#include "bad.h"

static const struct cgp_header bad_headers[] = {
    CGP_INIT(cgp_header, "Content-Length", "0"),
    CGP_INIT(cgp_header, "transfer-encoding", "chunked"),
    CGP_INIT(cgp_header, "Connection", "close"),
    CGP_INIT(cgp_header, "X-Split", "a\r\nSet-Cookie: b"),
    CGP_INIT(cgp_header, "X Name", "a"),
    CGP_INIT(cgp_header, "", "a"),
};
#define BAD_HEADERS (sizeof bad_headers / sizeof *bad_headers)

static void answer(struct cgp_host *h, const struct cgp_http_request *req,
                   struct cgp_call call, const char *route) {
  const char *bad = req->query(req, "bad"), *say = req->query(req, "say");
  const char *other = req->header(req, "X-Say");
  struct cgp_header headers[] = {
      CGP_INIT(cgp_header, "X-Route", route),
      CGP_INIT(cgp_header, "X-Said",
               say     ? say
               : other ? other
                       : "nothing"),
      CGP_INIT(cgp_header, "Cache-Control", "max-age=60"),
  };
  if (bad) headers[1] = bad_headers[strtoul(bad, NULL, 10) % BAD_HEADERS];
  bool refused = req->query(req, "refuse");
  h->done(h, call,
          &CGP_MAKE(cgp_http_reply, refused ? 401 : 200, "text/plain", route,
                    strlen(route), headers, sizeof headers / sizeof *headers));
}

#define ROUTE(name, words)                                                               \
  static void name(void *w, const struct cgp_http_request *req, struct cgp_call call) {  \
    answer(w, req, call, words);                                                         \
  }
ROUTE(all, "all")
ROUTE(deep, "deep")
ROUTE(exact, "exact")
ROUTE(posted, "posted")

static void issue(void *w, const struct cgp_ice_request *req, struct cgp_call call) {
  struct cgp_host *h = w;
  (void)req;
  h->done(h, call, &CGP_MAKE(cgp_ice_servers, NULL, 0));
}

static const struct cgp_route routes[] = {
    CGP_INIT(cgp_route, "GET", "/zoo/*", all),
    CGP_INIT(cgp_route, "GET", "/zoo/deep/*", deep),
    CGP_INIT(cgp_route, "GET", "/zoo/deep/exact", exact),
    CGP_INIT(cgp_route, "POST", "/zoo/deep/exact", posted),
};

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    BAD_PLUGIN("routes"),
    .ice = BAD_ICE(issue),
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
};
