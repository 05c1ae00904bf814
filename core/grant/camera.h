/* camera.h - a plugin's camera as policies see it, without its feeds. */
#ifndef CG_GRANT_CAMERA_H
#define CG_GRANT_CAMERA_H

#include "base/arena.h"
#include "plugin/drivers.h"
#include "policy/policy.h"

/* Copied into the arena; NULL: no memory. */
const struct cg_camera *cg_camera_copy(struct cg_arena *a, const struct cgp_camera *from);

#endif
