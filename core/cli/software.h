/* software.h - what the gate runs with: libraries it is linked with, those of its
 * plugins, and servers that answered; each with its version, and with its Debian
 * package's where it is one, because that says which holes the distribution has mended.
 *
 * dpkg's own list is read (of DPKG_ADMINDIR, when that is set); a package counts when its
 * version begins with the one that runs.  coturn says its version to nobody: it is named
 * when it is installed on this machine.
 */
#ifndef CG_CLI_SOFTWARE_H
#define CG_CLI_SOFTWARE_H

#include "base/buf.h"
#include "plugin/load.h"

#define CG_SOFTWARE_MAX 48

struct cg_component {
  const char *name, *version, *package,
      *by; /* package NULL: none; by: "camgate", a plugin */
};

struct cg_software {
  struct cg_component items[CG_SOFTWARE_MAX]; /* texts live in the arena */
  size_t n;
  struct cg_arena *arena;
};

/* Beyond CG_SOFTWARE_MAX they are left out. */
void cg_software_add(struct cg_software *software, const char *name, const char *version,
                     const char *by);
void cg_software_own(struct cg_software *software);
void cg_software_plugin(struct cg_software *software, const struct cgp_plugin *abi);
/* After all are there: their packages, and what else is installed here. */
void cg_software_packages(struct cg_software *software);

/* Warnings: one line each, of what somebody has to see to or of all; or members
 * "runs_with" and "known_bad" (all) of an open object. */
void cg_software_print(const struct cg_software *software, bool all);
void cg_software_json(const struct cg_software *software, struct cg_buf *out);

#endif
