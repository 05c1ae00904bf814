#include "conf/zone_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "conf/conf_path.h"
#include "conf/zone_names.h"

#define ZONES_BYTES ((size_t)16 << 20) /* CG_SITES_MAX of them */
#define FILE_BYTES  ((size_t)1 << 20)
#define SITE_BYTES  256
#define SYSTEM      "/etc/localtime"
#define OPTION      "policies.zone"

/* ---- what the configuration names ---- */

static const struct cg_field site_fields[] = {
    {.name = "zone",
     .type = CG_STRING,
     .required = true,
     .max = 256,
     .offset = offsetof(struct cg_site_conf, zone),
     .help = "Time zone of its cameras."},
    {0},
};

static int by_site(const void *a, const void *b) {
  const struct cg_site_conf *x = a, *y = b;
  return strcmp(x->site, y->site);
}

const struct cg_site_conf *cg_site_conf_find(const struct cg_zone_conf *c,
                                             const char *site) {
  const struct cg_site_conf key = {.site = site};
  return bsearch(&key, c->sites, c->n_sites, sizeof key, by_site);
}

/* A name as it can be shown, whatever it is. */
static const char *shown(const char *name, struct cg_arena *arena) {
  char *copy = cg_arena_strndup(arena, name, strnlen(name, CG_ZONE_NAME_MAX));
  for (char *p = copy; p && *p; p++)
    if (*p < ' ' || *p > '~') *p = '?';
  return copy ? copy : "?";
}

/* What no camera's site is: empty, long, or with a control character. */
static bool is_site(const char *name) {
  for (const char *p = name; *p; p++)
    if (*(const unsigned char *)p < ' ' || *p == 0x7f) return false;
  return *name && strlen(name) <= SITE_BYTES;
}

static void take_sites(json_t *given, struct cg_zone_conf *out, struct cg_arena *arena,
                       struct cg_field_errors *errs) {
  size_t n = json_object_size(given);
  if (!json_is_object(given) || n > CG_SITES_MAX) {
    cg_field_error(errs, arena, "/sites",
                   "must be a table of at most %d sites: [\"north\"] = { zone = "
                   "\"Europe/Berlin\" }",
                   CG_SITES_MAX);
    return;
  }
  struct cg_site_conf *sites = cg_arena_zalloc(arena, (n + 1) * sizeof *sites);
  const char *name;
  json_t *value;
  CG_CHECK(sites);
  json_object_foreach(given, name, value) {
    const char *at = cg_arena_printf(arena, "/sites/%s", name);
    struct cg_site_conf *site = &sites[out->n_sites];
    site->site = cg_arena_strdup(arena, name);
    CG_CHECK(at && site->site);
    if (!is_site(name))
      cg_field_error(errs, arena, "/sites", "\"%s\" is no name of a site",
                     shown(name, arena));
    else if (cg_schema_check(site_fields, value, at, site, arena, errs))
      out->n_sites++;
  }
  qsort(sites, out->n_sites, sizeof *sites, by_site);
  out->sites = sites;
}

void cg_conf_zones(const char *option, json_t *sites, struct cg_zone_conf *out,
                   struct cg_arena *arena, struct cg_field_errors *errs) {
  const char *tz = option ? NULL : getenv("TZ");
  *out = (struct cg_zone_conf){
      .name = option ? option : cg_arena_strdup(arena, tz),
      .from = option ? OPTION
              : tz   ? "TZ"
                     : SYSTEM,
  };
  CG_CHECK(out->name || !tz);
  if (sites) take_sites(sites, out, arena, errs);
}

/* ---- their files ---- */

struct reading {
  struct cg_arena *arena; /* of texts */
  struct cg_field_errors *errs;
  struct cg_arena *zones; /* of what is read */
  const char *from;       /* who gave the name, when it is not the option itself */
};

static const struct cg_zone *refuse(struct reading *r, const char *pointer,
                                    const char *name, const char *words) {
  bool told = r->errs->n < CG_FIELD_ERRORS_MAX; /* later ones are only counted */
  const char *meant = told ? cg_zone_nearest(name, r->arena) : NULL;
  cg_field_error(r->errs, r->arena, pointer, "\"%s\"%s%s%s %s%s%s%s",
                 shown(name, r->arena), r->from ? " (from " : "", r->from ? r->from : "",
                 r->from ? ")" : "", words, meant ? "; did you mean " : "",
                 meant ? meant : "", meant ? "?" : "");
  return NULL;
}

static const struct cg_zone *parse(struct reading *r, const char *pointer,
                                   const char *name, const char *path) {
  struct cg_err err = {0};
  size_t n;
  const char *words = NULL;
  const struct cg_zone *z = NULL;
  struct cg_arena *arena = cg_arena_new(NULL, FILE_BYTES);
  const char *text = arena ? cg_conf_slurp(path, arena, &n, &words) : NULL;
  if (text) z = cg_zone_read(name, text, n, r->zones, &err);
  if (!z) refuse(r, pointer, name, text ? err.text : arena ? words : "found no memory");
  cg_arena_free(arena, NULL);
  return z;
}

static const struct cg_zone *no_memory(struct reading *r) {
  cg_field_error(r->errs, r->arena, "/policies/zone", "no memory to read time zones");
  return NULL;
}

static const struct cg_zone *utc(struct reading *r, const char *name) {
  struct cg_zone *z = cg_arena_zalloc(r->zones, sizeof *z);
  const char *own = cg_arena_strdup(r->zones, name);
  if (!z || !own) return no_memory(r);
  z->name = own;
  return z;
}

static bool is_utc(const char *name) {
  return !strcmp(name, "UTC") || !strcmp(name, "Etc/UTC");
}

static const struct cg_zone *no_file(struct reading *r, const char *pointer,
                                     const char *name) {
  const char *dir = cg_zone_folder();
  if (is_utc(name)) return utc(r, name);
  const char *words = cg_zone_name_is_rule(name)    ? CG_ZONE_RULE_WORDS
                      : cg_zone_name_is_short(name) ? CG_ZONE_SHORT_WORDS
                                                    : "is no time zone";
  if (!access(dir, F_OK)) return refuse(r, pointer, name, words);
  words = cg_arena_printf(r->arena,
                          "cannot be read: there is no %s (is tzdata installed?)", dir);
  return words ? refuse(r, pointer, name, words) : no_memory(r);
}

static const struct cg_zone *read_named(struct reading *r, const char *pointer,
                                        const char *name) {
  const char *wrong = cg_zone_name_wrong(name);
  if (wrong) return refuse(r, pointer, name, wrong);
  const char *path = cg_arena_printf(r->arena, "%s/%s", cg_zone_folder(), name);
  struct stat st = {.st_mode = 0};
  if (!path) return no_memory(r);
  bool absent = stat(path, &st) && (errno == ENOENT || errno == ENOTDIR);
  if (absent || S_ISDIR(st.st_mode)) return no_file(r, pointer, name);
  return parse(r, pointer, name, path);
}

/* The link's end behind "zoneinfo/" is the name; a copy of a zone's file has none. */
static const struct cg_zone *read_system(struct reading *r) {
  char target[512];
  ssize_t n = readlink(SYSTEM, target, sizeof target - 1);
  target[n > 0 ? n : 0] = 0;
  const char *at = strstr(target, "zoneinfo/"), *name = at ? at + 9 : "localtime";
  if (!access(SYSTEM, F_OK)) return parse(r, "/policies/zone", name, SYSTEM);
  if (n >= 0) return no_file(r, "/policies/zone", name);
  r->from = "there is no " SYSTEM;
  return utc(r, "UTC");
}

static const struct cg_zone *read_before(const struct cg_site_zone *sites, size_t n,
                                         const char *name) {
  for (size_t i = 0; i < n; i++)
    if (sites[i].zone && !strcmp(sites[i].zone->name, name)) return sites[i].zone;
  return NULL;
}

static void read_site(struct reading *r, const struct cg_site_conf *from,
                      struct cg_site_zone *sites, size_t i) {
  const char *at = cg_arena_printf(r->arena, "/sites/%s/zone", from->site);
  sites[i].site = cg_arena_strdup(r->zones, from->site);
  sites[i].zone = read_before(sites, i, from->zone);
  if (!at || !sites[i].site)
    no_memory(r);
  else if (!sites[i].zone)
    sites[i].zone = read_named(r, at, from->zone);
}

static const struct cg_zones *read_all(struct reading *r, const struct cg_zone_conf *c) {
  size_t before = r->errs->n;
  struct cg_site_zone *sites =
      cg_arena_zalloc(r->zones, (c->n_sites + 1) * sizeof *sites);
  bool by_option = !strcmp(c->from, OPTION);
  if (!sites) return NULL;
  r->from = by_option ? NULL : c->from;
  const struct cg_zone *gate =
      c->name ? read_named(r, "/policies/zone", c->name) : read_system(r);
  const struct cg_zones all = {
      .gate = gate,
      .from = by_option ? OPTION : r->from,
      .sites = sites,
      .n_sites = c->n_sites,
  };
  r->from = NULL;
  for (size_t i = 0; i < c->n_sites; i++) read_site(r, &c->sites[i], sites, i);
  return r->errs->n > before ? NULL : cg_zones_new(&all, r->zones);
}

const struct cg_zones *cg_zone_files_read(const struct cg_zone_conf *c,
                                          struct cg_arena *arena,
                                          struct cg_field_errors *errs) {
  struct reading r = {
      .arena = arena, .errs = errs, .zones = cg_arena_new(NULL, ZONES_BYTES)};
  const struct cg_zones *all = r.zones ? read_all(&r, c) : NULL;
  if (all) return all;
  if (!errs->n) no_memory(&r);
  cg_arena_free(r.zones, NULL);
  return NULL;
}
