#include "plugin/changes.h"

#include <string.h>

#include "plugin/names.h"

bool cg_camera_changes_note(struct cg_camera_changes *all,
                            const struct cgp_camera_change *changes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const struct cgp_camera_change *c = CGP_AT(changes, i);
    if (c->size < sizeof *c || (unsigned)c->change > CGP_CAMERA_REMOVED || !c->id ||
        !cg_camera_id_valid(c->id))
      return false;
    all->n[c->change]++;
    if (all->n_ids == CG_CHANGES_NAMED) continue;
    memcpy(all->ids[all->n_ids++], c->id, strlen(c->id) + 1);
  }
  return true;
}

void cg_camera_changes_json(struct cg_buf *b, const struct cg_camera_changes *all) {
  cg_json_open(b, "cameras", '{');
  cg_json_int(b, "added", all->n[CGP_CAMERA_ADDED]);
  cg_json_int(b, "changed", all->n[CGP_CAMERA_CHANGED]);
  cg_json_int(b, "removed", all->n[CGP_CAMERA_REMOVED]);
  cg_json_open(b, "ids", '[');
  for (uint32_t i = 0; i < all->n_ids; i++) cg_json_str(b, NULL, all->ids[i]);
  cg_json_close(b, ']');
  cg_json_close(b, '}');
}
