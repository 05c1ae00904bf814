/* The step "camera": what the directory says; a lease does not outlive its camera. */
#include "grant/camera.h"
#include "grant/step.h"

static void got_camera(void *arg, enum cgp_code code, const void *result,
                       const char *text) {
  struct cg_grant *g = arg;
  if (code == CGP_E_NOTFOUND) {
    cg_step_refuse(g, CG_E_NOT_FOUND, "the camera is gone",
                   "there is no camera \"%.63s\"", g->out.camera_id);
  } else if (code != CGP_OK) {
    cg_step_fail_call(g, "cameras", code, text);
  } else if (!(g->walk.camera = cg_camera_copy(g->walk.arena, result))) {
    cg_step_no_memory(g);
  } else {
    g->out.camera_id = g->walk.camera->id;
    cg_step_done(g);
  }
}

void cg_step_camera(struct cg_grant *g) {
  cg_cameras_get(g->walk.home->drivers, g->out.camera_id, got_camera, g);
}
