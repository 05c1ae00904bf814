/* route.h - which handler answers which path.
 *
 * Routes stand in constant tables, one per handler file.  The router is built once at
 * start and is read-only after: share it between workers.  A path is looked up whole in a
 * hash table, then with its last segment taken as the {parameter} ("/a/b/{id}": one
 * parameter at most, always last, never empty).  HEAD goes to the GET route.  A path
 * known under other methods only is 405 with Allow, or answers a preflight (cors.h); an
 * unknown one goes to the fallback, then 404.
 */
#ifndef CG_HTTP_ROUTE_H
#define CG_HTTP_ROUTE_H

#include "http/exchange.h"

enum {                     /* flags */
       CG_ROUTE_BODY = 1,  /* an empty body is answered 400 before the handler */
       CG_ROUTE_KEEPS = 2, /* keeps a grant true: admitted when new work is not */
};

struct cg_route {
  const char *method; /* "GET", "POST", ...; NULL ends a table */
  const char *path;   /* borrowed for the router's life, as the whole table is */
  void (*handle)(struct cg_exchange *x);
  unsigned flags;
};

struct cg_router;

/* tables: each ends with a row whose method is NULL.  NULL: a path or method is bad, or
 * there twice, or no memory; *err says which. */
struct cg_router *cg_router_new(const struct cg_route *const *tables, size_t n_tables,
                                struct cg_err *err) CG_MUST_USE;
void cg_router_free(struct cg_router *r);

/* For routes that come and go (plugins): asked when no path matches.  True: it took x. */
void cg_router_set_fallback(struct cg_router *r, bool (*take)(struct cg_exchange *x));

/* The path is there, under the methods in `allow`, as in an Allow header: 405, but a
 * preflight (cors.h) is answered with them; 403 when its origin is not listed. */
void cg_route_refuse_method(struct cg_exchange *x, const char *allow);

/* Is it for a CG_ROUTE_KEEPS route, for none of the tables', or a preflight? */
bool cg_router_keeps(const struct cg_router *r, const struct cg_exchange *x);

/* Sets x->param and runs the handler, or answers 404, 405, 415 (the body is encoded) or
 * 400 itself, and OPTIONS * with all methods that there are. */
void cg_router_dispatch(const struct cg_router *r, struct cg_exchange *x);

#endif
