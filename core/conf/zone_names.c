#include "conf/zone_names.h"

#include <ctype.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "base/schema.h"
#include "base/zone.h"

#define NAMES_MAX 2048
#define LETTERS   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define PART      LETTERS "0123456789._+-"

const char *cg_zone_folder(void) {
  const char *dir = getenv("TZDIR");
  return dir && *dir ? dir : "/usr/share/zoneinfo";
}

bool cg_zone_name_is_rule(const char *name) {
  size_t n = strspn(name, LETTERS);
  if (name[0] == '<' || strchr(name, ',')) return true;
  if (name[n] == '+' || name[n] == '-') n++;
  return n >= 3 && isdigit((unsigned char)name[n]);
}

/* Parts of letters, digits and . _ + -, with one slash between two; none is hidden, goes
 * up, or looks like an option. */
static bool has_form(const char *name) {
  for (;; name++) {
    size_t n = strspn(name, PART);
    if (!n || name[0] == '.' || name[0] == '-') return false;
    name += n;
    if (*name != '/') return !*name;
  }
}

const char *cg_zone_name_wrong(const char *name) {
  if (!*name) return "is no time zone: name one such as Europe/Berlin, or UTC";
  if (strlen(name) > CG_ZONE_NAME_MAX) return "is too long for the name of a time zone";
  if (name[0] == '/') return "is a path, not the name of a time zone";
  if (name[0] == ':') return "begins with a colon, as no name of a time zone does";
  if (has_form(name)) return NULL;
  return cg_zone_name_is_rule(name) ? CG_ZONE_RULE_WORDS
                                    : "is not the name of a time zone";
}

/* ---- the nearest ---- */

struct names {
  struct cg_arena *arena;
  const char *all[NAMES_MAX], *last_parts[NAMES_MAX];
  size_t n;
};

/* Zones begin with a capital; tables and copies (zone.tab, right/) do not. */
static bool take_name(struct names *names, const char *name) {
  if (!isupper((unsigned char)name[0]) || strchr(name, '.')) return true;
  char *own = cg_arena_strdup(names->arena, name);
  if (!own || names->n == NAMES_MAX) return false;
  const char *slash = strrchr(own, '/');
  names->all[names->n] = own;
  names->last_parts[names->n++] = slash ? slash + 1 : own;
  return true;
}

static void take_folder(struct names *names, const char *folder) {
  char *own = cg_arena_strdup(names->arena, folder);
  char *const paths[] = {own, NULL};
  FTS *tree = own ? fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
  size_t skip = own ? strlen(own) + 1 : 0;
  for (FTSENT *at; tree && (at = fts_read(tree));) {
    bool is_name = at->fts_level > 0 && at->fts_info != FTS_D && at->fts_info != FTS_DP;
    if (is_name && !take_name(names, at->fts_path + skip)) break;
  }
  if (tree) fts_close(tree);
}

const char *cg_zone_nearest(const char *name, struct cg_arena *arena) {
  struct names *names = cg_arena_zalloc(arena, sizeof *names);
  if (!names) return NULL;
  names->arena = arena;
  take_folder(names, cg_zone_folder());
  const char *found = cg_nearest(name, names->all, names->n);
  const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
  const char *part = found ? NULL : cg_nearest(last, names->last_parts, names->n);
  for (size_t i = 0; part && !found; i++)
    if (names->last_parts[i] == part) found = names->all[i];
  return found && strcmp(found, name) != 0 ? found : NULL;
}
