/* trouble.h - a plugin's call that failed: in the client's words, and in the log's.
 *
 * A client hears which part of the gate could not help and that it may try again.  The
 * plugin's own words name peers and addresses, which are for operators: they go to the
 * log, at once and then, while it lasts, one line a second for each part and worker that
 * says how often.  Worker's thread.
 */
#ifndef CG_LEASE_TROUBLE_H
#define CG_LEASE_TROUBLE_H

#include "base/log.h"
#include "plugin/call.h"

enum cg_part {
  CG_PART_AUDIT,
  CG_PART_CAMERAS,
  CG_PART_ICE,
  CG_PART_PLUGIN, /* of an http route */
  CG_PART_QUOTA,
  CG_PART_ROOM,
  CG_PARTS
};

/* One worker's. */
struct cg_troubles {
  struct cg_log *log;
  const struct cg_clock *clock;
  struct {
    int64_t next_us; /* mono; no line before */
    int64_t untold;  /* failures since the last line */
  } parts[CG_PARTS];
};

const char *cg_part_name(enum cg_part part); /* as in a problem's `part` */

/* code is not CGP_OK, text the plugin's; request_id "" = nobody's.  Returns false. */
bool cg_trouble(struct cg_troubles *t, enum cg_part part, const char *request_id,
                enum cgp_code code, const char *text, struct cg_err *err);

#endif
