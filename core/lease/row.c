#include "lease/row.h"

struct cgp_audit_row cg_row_of_lease(const struct cg_service *home, const char *kind,
                                     const struct cg_lease *l, struct cg_buf *buf) {
  struct cgp_audit_row row = cg_row_blank(kind);
  row.lease_id = l->id;
  row.subject = l->subject;
  row.camera = l->camera;
  row.quality_requested = cg_tier_name(&home->conf->tiers, l->requested);
  row.quality = cg_tier_name(&home->conf->tiers, l->tier);
  if (l->state == CG_LEASE_ENDED) {
    row.outcome = cg_ended_by_name(l->ended_by);
    row.reason = l->ended_reason;
  }
  cg_json_open(buf, NULL, '{');
  cg_json_str(buf, "room", l->room);
  cg_json_close(buf, '}');
  row.facts = cg_buf_text(buf);
  return row;
}

struct cgp_audit_filter cg_row_end_of(const char *lease_id) {
  struct cgp_audit_filter f = cg_filter_blank();
  f.kind = "end";
  f.lease_id = lease_id;
  f.limit = 1;
  return f;
}
