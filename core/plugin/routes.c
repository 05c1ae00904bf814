#include "plugin/routes.h"

#include <string.h>

/* An exact one best, then the longest. */
static size_t fit_of(const char *route, const char *path) {
  size_t n = strlen(route);
  if (route[n - 1] != '*') return strcmp(route, path) ? 0 : SIZE_MAX;
  return strncmp(route, path, n - 1) ? 0 : n;
}

const struct cgp_route *cg_route_better(const struct cgp_plugin *abi,
                                        const struct cgp_http_request *req, size_t *fit,
                                        struct cg_buf *allow) {
  const struct cgp_route *best = NULL;
  for (size_t i = 0; i < abi->n_routes; i++) {
    const struct cgp_route *r = CGP_AT(abi->routes, i);
    size_t fits = fit_of(r->path, req->path);
    if (fits == 0) continue;
    if (!strstr(cg_buf_text(allow), r->method))
      cg_buf_printf(allow, "%s%s", allow->len ? ", " : "", r->method);
    if (fits <= *fit || strcmp(r->method, req->method)) continue;
    *fit = fits;
    best = r;
  }
  return best;
}
