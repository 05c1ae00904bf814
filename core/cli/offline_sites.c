/* Sites of the configuration against those of the cameras. */
#include <string.h>

#include "base/check.h"
#include "cli/offline.h"

#define NAMES_MAX 1024 /* among which the nearest is looked for */

struct looking {
  const struct cg_zone_conf *zones;
  struct cg_arena *arena;
  bool *seen; /* by place in zones->sites */
  const char *names[NAMES_MAX];
  size_t n_names;
  bool listed, done;
};

static void note_name(struct looking *l, const char *site) {
  for (size_t i = 0; i < l->n_names; i++)
    if (!strcmp(l->names[i], site)) return;
  if (l->n_names == NAMES_MAX || !*site) return;
  l->names[l->n_names] = cg_arena_strdup(l->arena, site);
  CG_CHECK(l->names[l->n_names++]);
}

static void note_site(struct looking *l, const char *site) {
  const struct cg_site_conf *found = cg_site_conf_find(l->zones, site);
  if (found) l->seen[found - l->zones->sites] = true;
  note_name(l, site);
}

static void listed(void *arg, enum cgp_code code, const void *result, const char *text) {
  struct looking *l = arg;
  const struct cgp_camera_list *list = result;
  (void)text; /* how the plugin is, is told elsewhere */
  l->done = true;
  l->listed = code == CGP_OK;
  for (size_t i = 0; l->listed && i < list->n; i++) note_site(l, list->cameras[i]->site);
}

static void warn(const struct looking *l, const char *site,
                 struct cg_field_errors *warnings) {
  const char *at = cg_arena_printf(l->arena, "/sites/%s", site);
  const char *meant = cg_nearest(site, l->names, l->n_names);
  CG_CHECK(at);
  cg_field_error(warnings, l->arena, at, "no camera is of this site%s%s%s",
                 meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
}

void cg_offline_sites(struct cg_offline *o, struct cg_arena *arena,
                      struct cg_field_errors *warnings) {
  const struct cg_zone_conf *zones = &o->conf->zones;
  if (!zones->n_sites || !o->set->cameras) return;
  struct looking *l = cg_arena_zalloc(arena, sizeof *l);
  CG_CHECK(l);
  l->zones = zones;
  l->arena = arena;
  l->seen = cg_arena_zalloc(arena, zones->n_sites * sizeof *l->seen);
  CG_CHECK(l->seen);
  cg_cameras_list(o->drivers, listed, l);
  cg_offline_wait(o, &l->done);
  for (size_t i = 0; l->listed && i < zones->n_sites; i++)
    if (!l->seen[i]) warn(l, zones->sites[i].site, warnings);
}
