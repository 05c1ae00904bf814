/* zone_files.h - the time zones that the configuration names, read from the system.
 *
 * A zone has a name of the IANA database, such as "Europe/Berlin", and its file in TZDIR,
 * else in /usr/share/zoneinfo (package tzdata).  POSIX rules ("CET-1CEST"), paths and
 * ":Europe/Berlin" are refused: they would be UTC, or right until a law changes.  Without
 * tzdata there is UTC.  The gate's zone is policies.zone, else TZ, else what
 * /etc/localtime is, else UTC.  Main thread.
 */
#ifndef CG_CONF_ZONE_FILES_H
#define CG_CONF_ZONE_FILES_H

#include "base/schema.h"
#include "policy/zones.h"

#define CG_SITES_MAX 1024

struct cg_site_conf {
  const char *site, *zone;
};

struct cg_zone_conf {
  const char *name; /* of the gate's; NULL: as /etc/localtime says when it is read */
  const char *from; /* "policies.zone", "TZ", "/etc/localtime" */
  const struct cg_site_conf *sites; /* ascending by site */
  size_t n_sites;
};

/* The line of the table for this site.  NULL: it has none. */
const struct cg_site_conf *cg_site_conf_find(const struct cg_zone_conf *c,
                                             const char *site);

/* From the file's option (NULL: not given) and its table `sites` (NULL: none). */
void cg_conf_zones(const char *option, json_t *sites, struct cg_zone_conf *out,
                   struct cg_arena *arena, struct cg_field_errors *errs);

/* Reads all of them, new at each call; one reference.  NULL: errs says all that is wrong,
 * its texts live in the arena. */
const struct cg_zones *cg_zone_files_read(const struct cg_zone_conf *c,
                                          struct cg_arena *arena,
                                          struct cg_field_errors *errs) CG_MUST_USE;

#endif
