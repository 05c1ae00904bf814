/* routes.h - which of a plugin's routes a request is for. */
#ifndef CG_PLUGIN_ROUTES_H
#define CG_PLUGIN_ROUTES_H

#include "../../plugins/camgate_plugin.h"
#include "base/buf.h"

/* The route that fits method and path best, when it does so better than *fit, which is
 * then its; else NULL.  0 fits not at all.  allow: the methods of those that have the
 * path are added. */
const struct cgp_route *cg_route_better(const struct cgp_plugin *abi,
                                        const struct cgp_http_request *req, size_t *fit,
                                        struct cg_buf *allow);

#endif
