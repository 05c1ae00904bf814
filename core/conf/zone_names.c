#include "conf/zone_names.h"

#include <ctype.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "base/schema.h"
#include "base/zone.h"

#define NAMES_MAX   2048
#define NAMES_BYTES ((size_t)1 << 20)
#define CAPITALS    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LETTERS     CAPITALS "abcdefghijklmnopqrstuvwxyz"
#define PART        LETTERS "0123456789._+-"

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

bool cg_zone_name_is_short(const char *name) {
  size_t n = strspn(name, CAPITALS);
  return n >= 3 && n <= 5 && !name[n];
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

/* Of each zone: its name, that in small letters, and the last part of that. */
struct names {
  struct cg_arena *arena;
  const char *all[NAMES_MAX], *small[NAMES_MAX], *last[NAMES_MAX];
  size_t n;
};

static char *in_small(const char *name, struct cg_arena *arena) {
  char *copy = cg_arena_strdup(arena, name);
  for (char *p = copy; p && *p; p++) *p = (char)tolower((unsigned char)*p);
  return copy;
}

static const char *last_part(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash ? slash + 1 : name;
}

/* Zones begin with a capital; tables and copies (zone.tab, right/) do not. */
static bool take_name(struct names *names, const char *name) {
  if (!isupper((unsigned char)name[0]) || strchr(name, '.')) return true;
  const char *own = cg_arena_strdup(names->arena, name);
  const char *small = in_small(name, names->arena);
  if (!own || !small || names->n == NAMES_MAX) return false;
  names->all[names->n] = own;
  names->small[names->n] = small;
  names->last[names->n++] = last_part(small);
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

/* "UTC0" is UTC; no other rule is the zone that it begins with. */
static const char *named_by_rule(const struct names *names, const char *rule) {
  size_t n = strspn(rule, LETTERS);
  if (rule[n + strspn(rule + n, "+-0:")]) return NULL;
  for (size_t i = 0; i < names->n; i++)
    if (!strncmp(names->all[i], rule, n) && !names->all[i][n]) return names->all[i];
  return NULL;
}

static const char *nearest(const struct names *names, const char *name) {
  const char *small = in_small(name, names->arena);
  if (!small) return NULL;
  const char *found = cg_nearest(small, names->small, names->n);
  const char *part = found ? NULL : cg_nearest(last_part(small), names->last, names->n);
  for (size_t i = 0; (found || part) && i < names->n; i++)
    if (names->small[i] == found || names->last[i] == part) return names->all[i];
  return NULL;
}

static const char *meant(const struct names *names, const char *name) {
  const char *found =
      cg_zone_name_is_rule(name) ? named_by_rule(names, name) : nearest(names, name);
  return found && strcmp(found, name) != 0 ? found : NULL;
}

const char *cg_zone_nearest(const char *name, struct cg_arena *arena) {
  struct cg_arena *own = cg_arena_new(NULL, NAMES_BYTES);
  struct names *names = own ? cg_arena_zalloc(own, sizeof *names) : NULL;
  const char *found = NULL;
  if (names && !cg_zone_name_is_short(name)) {
    names->arena = own;
    take_folder(names, cg_zone_folder());
    found = cg_arena_strdup(arena, meant(names, name));
  }
  cg_arena_free(own, NULL);
  return found;
}
