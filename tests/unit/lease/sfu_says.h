/* sfu_says.h - what the SFU says, in a test of one worker's lease service. */
#ifndef TEST_LEASE_SFU_SAYS_H
#define TEST_LEASE_SFU_SAYS_H

#include "base/mem.h"
#include "lease/harness.h"
#include "lease/presence.h"

#define ROOM "camera_lobby-1"

static inline int make(void **state) {
  struct harness *h = cg_alloc(sizeof *h);
  harness_open(h, "return allow {}");
  *state = h;
  return 0;
}

static inline int drop(void **state) {
  harness_close(*state);
  cg_free(*state);
  return 0;
}

struct heard {
  int times;
  enum cgp_code code;
};

static inline void hear(void *arg, enum cgp_code code) {
  struct heard *heard = arg;
  heard->times++;
  heard->code = code;
}

static inline struct cgp_room_event event(const struct harness *h,
                                          enum cgp_room_event_type type, const char *room,
                                          const char *identity, const char *sid) {
  return (struct cgp_room_event)CGP_INIT(cgp_room_event, .type = type, .room = room,
                                         .identity = identity, .sid = sid,
                                         .at_us = h->clock.fake_wall_us, .room_sid = "");
}

static inline void say(struct harness *h, enum cgp_room_event_type type, const char *room,
                       const char *identity, const char *sid) {
  const struct cgp_room_event ev = event(h, type, room, identity, sid);
  cg_presence_event(&h->service, &ev, NULL, NULL);
  harness_run(h);
}

/* What who tells it hears, or -1: nothing yet. */
static inline int tell(struct harness *h, const struct cgp_room_event *ev,
                       struct heard *heard) {
  *heard = (struct heard){0};
  cg_presence_event(&h->service, ev, hear, heard);
  harness_run(h);
  assert_true(heard->times <= 1);
  return heard->times ? (int)heard->code : -1;
}

static inline struct cg_lease *lease(struct harness *h) {
  return harness_lease(h, "alice", "lobby-1");
}

static inline size_t rows(struct harness *h, const char *kind) {
  return stub_count(h->stub, kind, "");
}

#endif
