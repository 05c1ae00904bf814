/* resolve.h - a host's address, without blocking the loop (libevent's evdns).
 *
 * Addresses in digits are answered at once.  One look-up at a time; beginning another or
 * clearing cancels the one under way, and a cancelled one does not answer.
 */
#ifndef QUOTA_VALKEY_RESOLVE_H
#define QUOTA_VALKEY_RESOLVE_H

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <stdbool.h>
#include <stdint.h>

struct resolve {
  struct evdns_base *dns; /* made at the first name that is not in digits */
  struct evdns_getaddrinfo_request *request;
  uint32_t turn; /* tells a cancelled answer from the awaited one */
  void (*done)(void *arg, const char *address, const char *words); /* one is NULL */
  void *arg;
};

void resolve_begin(struct resolve *r, struct event_base *base, const char *host);
void resolve_clear(struct resolve *r);

#endif
