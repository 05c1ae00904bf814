#include "resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

static bool in_digits(const char *host) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

struct ask {
  struct resolve *r;
  uint32_t turn;
};

static void on_answer(int error, struct evutil_addrinfo *found, void *arg) {
  struct ask ask = *(struct ask *)arg;
  char address[INET6_ADDRSTRLEN] = "";
  free(arg);
  if (!error && found)
    getnameinfo(found->ai_addr, (socklen_t)found->ai_addrlen, address, sizeof address,
                NULL, 0, NI_NUMERICHOST);
  if (found) evutil_freeaddrinfo(found);
  if (error == EVUTIL_EAI_CANCEL || ask.turn != ask.r->turn) return;
  ask.r->request = NULL;
  if (address[0])
    ask.r->done(ask.r->arg, address, NULL);
  else
    ask.r->done(ask.r->arg, NULL, error ? evutil_gai_strerror(error) : "no address");
}

static void cancel(struct resolve *r) {
  r->turn++;
  if (r->request) evdns_getaddrinfo_cancel(r->request);
  r->request = NULL;
}

void resolve_begin(struct resolve *r, struct event_base *base, const char *host) {
  struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  cancel(r);
  if (in_digits(host)) {
    r->done(r->arg, host, NULL);
    return;
  }
  if (!r->dns)
    r->dns = evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                      EVDNS_BASE_DISABLE_WHEN_INACTIVE);
  struct ask *ask = malloc(sizeof *ask);
  if (!r->dns || !ask) {
    free(ask);
    r->done(r->arg, NULL, "no resolver");
    return;
  }
  *ask = (struct ask){.r = r, .turn = r->turn};
  struct evdns_getaddrinfo_request *request =
      evdns_getaddrinfo(r->dns, host, NULL, &hints, on_answer, ask);
  if (request) r->request = request; /* NULL: it has answered already */
}

void resolve_clear(struct resolve *r) {
  cancel(r);
  if (r->dns) evdns_base_free(r->dns, 1);
  r->dns = NULL;
}
