/* zone_names.h - is this the name of a time zone, and which one was meant. */
#ifndef CG_CONF_ZONE_NAMES_H
#define CG_CONF_ZONE_NAMES_H

#include <stdbool.h>

#include "base/arena.h"

/* NULL: it looks like one.  Else what it is instead, to follow its quotation. */
const char *cg_zone_name_wrong(const char *name);

/* "CET-1CEST", "<+03>-3", "JST-9": an offset behind a name of no place.  Zones may have
 * such names, too ("EST5EDT"): look for the file first. */
#define CG_ZONE_RULE_WORDS "is a rule, not the name of a time zone"
bool cg_zone_name_is_rule(const char *name);

/* "PST", "CEST": what a zone is called for a part of the year, if not several are.  A few
 * are names, too ("CET"). */
#define CG_ZONE_SHORT_WORDS "is an abbreviation: name a zone such as Europe/Berlin"
bool cg_zone_name_is_short(const char *name);

/* The folder with the system's zones: TZDIR, which tzset(3) knows, or its default. */
const char *cg_zone_folder(void);

/* The name in the folder that is nearest, by all of it or by its last part ("Berlin").
 * NULL: none is near.  Lives in the arena. */
const char *cg_zone_nearest(const char *name, struct cg_arena *arena);

#endif
