#include "http/conns.h"

#include <event2/event.h>

#include "base/mem.h"
#include "http/intake.h"

#define REFUSING_MAX 64 /* connections over the bound that are told so, at a time */

/* ---- accept ---- */

/* Counts it with its client's address.  False: it is not even told that there are too
 * many. */
static bool admit(struct cg_conns *all, uint64_t client, bool *ret_refusing) {
  const struct cg_server_limits *limits = &all->listener->limits;
  uint32_t of_client = cg_peers_add(all->peers, client);
  if (of_client == 0) return false;
  *ret_refusing = all->open - all->refusing >= limits->connections ||
                  of_client > limits->connections_per_address;
  if (!*ret_refusing || all->refusing < REFUSING_MAX) return true;
  cg_peers_drop(all->peers, client);
  return false;
}

bool cg_conns_accept(struct cg_conns *all, struct evhtp_connection *evhtp,
                     const struct cg_addr *peer) {
  uint64_t client = cg_addr_client(peer);
  bool refusing;
  if (!admit(all, client, &refusing)) return false;
  if (cg_conn_new(all, evhtp, peer, refusing)) return true;
  cg_peers_drop(all->peers, client);
  return false;
}

/* ---- all of them ---- */

void cg_conns_sweep(struct cg_conns *all) {
  all->swept_us = cg_listener_now(all->listener);
  for (struct cg_conn *c = all->first; c; c = cg_conn_next(c)) cg_conn_expire(c);
}

void cg_conns_drain(struct cg_conns *all) {
  for (struct cg_conn *c = all->first; c; c = cg_conn_next(c)) cg_conn_drain(c);
}

/* ---- life ---- */

static void free_closed(struct cg_conns *all) {
  while (all->closed) cg_conn_free(all->closed);
}

static void on_turn_end(evutil_socket_t fd, short what, void *arg) {
  (void)fd, (void)what;
  free_closed(arg);
}

bool cg_conns_init(struct cg_conns *all, struct cg_loop *loop) {
  all->peers = cg_peers_new(all->listener->limits.connections);
  all->turn_end = event_new(cg_loop_base(loop), -1, 0, on_turn_end, all);
  if (!all->listener->tls) all->room = cg_alloc(CG_INTAKE_ROOM);
  return all->peers && all->turn_end && (all->room || all->listener->tls);
}

void cg_conns_close(struct cg_conns *all) {
  for (struct cg_conn *c = all->first; c; c = cg_conn_next(c)) cg_conn_lose(c);
  free_closed(all);
  if (all->turn_end) event_free(all->turn_end);
  cg_peers_free(all->peers);
  cg_free(all->room);
}
