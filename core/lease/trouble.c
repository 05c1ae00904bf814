#include "lease/trouble.h"

#define SECOND_US INT64_C(1000000)

static const struct {
  const char *name, *words;
} names[CG_PARTS] = {
    [CG_PART_AUDIT] = {"audit", "the audit trail"},
    [CG_PART_CAMERAS] = {"cameras", "the camera directory"},
    [CG_PART_ICE] = {"ice", "the issuer of TURN credentials"},
    [CG_PART_PLUGIN] = {"plugin", "the plugin of this path"},
    [CG_PART_QUOTA] = {"quota", "the quota"},
    [CG_PART_ROOM] = {"room", "the video server"},
};

const char *cg_part_name(enum cg_part part) {
  return names[part].name;
}

static const char *what_it_does(enum cg_code code) {
  switch (code) {
  case CG_E_UNAVAILABLE: return "is not available now: try again";
  case CG_E_TIMEOUT: return "did not answer in time: try again";
  case CG_E_BUSY: return "has too much to do: try again";
  default: return "answered what it must not: the gate's log says more";
  }
}

static void tell_log(struct cg_troubles *t, enum cg_part part, const char *request_id,
                     const char *text) {
  int64_t now = t->clock->mono_us(t->clock);
  t->parts[part].untold++;
  if (now < t->parts[part].next_us) return;
  CG_LOG(t->log, CG_WARN, "a part of the gate failed", {"part", cg_part_name(part)},
         {"error", text}, {"times", NULL, t->parts[part].untold},
         {"request_id", request_id});
  t->parts[part].next_us = now + SECOND_US;
  t->parts[part].untold = 0;
}

bool cg_trouble(struct cg_troubles *t, enum cg_part part, const char *request_id,
                enum cgp_code code, const char *text, struct cg_err *err) {
  enum cg_code ours = cg_trouble_of(code);
  tell_log(t, part, request_id, text);
  return cg_fail_part(err, ours, cg_part_name(part), "%s %s", names[part].words,
                      what_it_does(ours));
}
