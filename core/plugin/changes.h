/* changes.h - what a reload changed of the camera directory.
 *
 * A plugin of the kind cameras says it through its host while it reloads, the gate tells
 * it in the log and in the trail's row of the reload.  Main thread; plain values.
 */
#ifndef CG_PLUGIN_CHANGES_H
#define CG_PLUGIN_CHANGES_H

#include "../../plugins/camgate_plugin.h"
#include "base/buf.h"

#define CG_CHANGES_NAMED 32 /* ids kept; the rest is counted alone */

struct cg_camera_changes {
  uint32_t n[CGP_CAMERA_REMOVED + 1]; /* by enum cgp_change */
  uint32_t n_ids;
  char ids[CG_CHANGES_NAMED][CGP_CAMERA_ID_MAX + 1];
};

/* False: one of them is no change of a camera; those before it are noted. */
bool cg_camera_changes_note(struct cg_camera_changes *all,
                            const struct cgp_camera_change *changes, size_t n);
/* "cameras": {added, changed, removed, ids}, a member of the object being written. */
void cg_camera_changes_json(struct cg_buf *b, const struct cg_camera_changes *all);

#endif
