/* faulty_disk - a disk for the audit trail that a test spoils while the whole gate runs.
 *
 * Named before audit_sqlite in the list of plugins, it registers the VFS "faulty" (option
 * vfs of audit_sqlite).  What shall fail is posted as text to /test/disk:
 *
 *   fail OP NTH once|ever CODE    OP 2 write, 4 sync, as in enum shim_op; SQLite's code
 *   hold | letgo | heal
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "camgate_plugin.h"
#include "vfs_shim.h"

struct worker {
  struct cgp_host *host;
  struct shim *shim;
};

static int init(struct cgp_host *h, void **ret_self, char *err, size_t err_size) {
  (void)h;
  (void)err;
  (void)err_size;
  *ret_self = shim_register("faulty");
  return 0;
}

static int start(void *self, struct cgp_host *h, void **ret_w, char *err,
                 size_t err_size) {
  struct worker *w = calloc(1, sizeof *w);
  if (!w) {
    (void)snprintf(err, err_size, "out of memory");
    return -1;
  }
  *w = (struct worker){h, self};
  *ret_w = w;
  return 0;
}

static bool obey(struct shim *s, const char *order) {
  int op, code;
  long nth;
  char how[8];
  if (strcmp(order, "hold") == 0)
    shim_hold(s);
  else if (strcmp(order, "letgo") == 0)
    shim_let_go(s);
  else if (strcmp(order, "heal") == 0)
    shim_heal(s);
  else if (sscanf(order, "fail %d %ld %7s %d", &op, &nth, how, &code) == 4 && op >= 0 &&
           op < SHIM_OPS)
    shim_fail(s, (enum shim_op)op, nth, strcmp(how, "ever") == 0, code);
  else
    return false;
  return true;
}

static void handle(void *arg, const struct cgp_http_request *req, struct cgp_call call) {
  struct worker *w = arg;
  char order[64], said[96];
  (void)snprintf(order, sizeof order, "%.*s", (int)req->body_len, req->body);
  if (!obey(w->shim, order)) {
    w->host->fail(w->host, call, CGP_E_INVALID, "not an order: %s", order);
    return;
  }
  (void)snprintf(said, sizeof said, "failures %ld retried %ld\n", shim_failures(w->shim),
                 shim_retried_syncs(w->shim));
  const struct cgp_http_reply reply =
      CGP_INIT(cgp_http_reply, 200, "text/plain", said, strlen(said));
  w->host->done(w->host, call, &reply);
}

static void health(void *arg, struct cgp_call call) {
  struct worker *w = arg;
  w->host->done(w->host, call,
                &CGP_MAKE(cgp_health, .ok = true, .text = "as it was told"));
}

static void stop(void *w) {
  free(w);
}

/* The other plugins end before this one: the last file is closed. */
static void fini(void *self) {
  shim_unregister(self);
}

static const struct cgp_route routes[] = {
    CGP_INIT(cgp_route, "POST", "/test/disk", handle)};

CGP_EXPORT const struct cgp_plugin camgate_plugin = {
    .size = sizeof camgate_plugin,
    .abi_major = CGP_ABI_MAJOR,
    .abi_minor = CGP_ABI_MINOR,
    .name = "faulty_disk",
    .version = "0",
    .summary = "A disk that fails when a test says so.",
    .init = init,
    .start = start,
    .stop = stop,
    .fini = fini,
    .health = health,
    .routes = routes,
    .n_routes = 1,
};
