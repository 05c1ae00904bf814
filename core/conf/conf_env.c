/* Variables of the environment that nobody reads: misspelt, or of another version. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "conf/conf_lua.h"

#define OURS       "CAMGATE_"
#define NAME_BYTES 64

/* Read by commands, not by the file. */
static const char *const commands[] = {"CAMGATE_TOKEN", "CAMGATE_CLIENT_CERT",
                                       "CAMGATE_CLIENT_KEY"};

#define COMMANDS (sizeof commands / sizeof *commands)

static bool is_set(const char *name) {
  const char *value = getenv(name);
  return value && *value;
}

static void warn(const char *name, const char *near, struct cg_arena *arena,
                 struct cg_field_errors *warnings) {
  cg_field_error(warnings, arena, "", "nothing reads the variable %s%s%s%s", name,
                 near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* "LIVEKIT_" of LIVEKIT_URL: how long it is. */
static size_t family(const char *name) {
  size_t n = strcspn(name, "_");
  return name[n] ? n + 1 : 0;
}

/* One of its family that is asked for and unset, by what stands behind the family's
 * name. */
static const char *meant(const char *name, const struct cg_conf_asked *asked) {
  const char *rests[CG_CONF_ENV_MAX], *near;
  size_t n = 0, own = family(name);
  for (size_t i = 0; own && i < asked->n; i++)
    if (!strncmp(asked->items[i], name, own) && !is_set(asked->items[i]))
      rests[n++] = asked->items[i] + own;
  near = cg_nearest(name + own, rests, n);
  return near ? near - own : NULL;
}

static void see(const char *entry, const struct cg_conf_asked *asked,
                struct cg_arena *arena, struct cg_field_errors *warnings) {
  const struct cg_strings file = {asked->items, asked->n}, ours = {commands, COMMANDS};
  char name[NAME_BYTES];
  size_t n = strcspn(entry, "=");
  if (n >= sizeof name || !entry[n] || !entry[n + 1]) return;
  memcpy(name, entry, n);
  name[n] = '\0';
  if (cg_strings_has(&file, name) || cg_strings_has(&ours, name)) return;
  const char *near = meant(name, asked);
  bool ours_in_any_case = !strncasecmp(name, OURS, sizeof OURS - 1);
  if (near || ours_in_any_case) warn(name, near, arena, warnings);
}

void cg_conf_env_unread(const struct cg_conf_asked *asked, struct cg_arena *arena,
                        struct cg_field_errors *warnings) {
  for (char **entry = environ; *entry; entry++) see(*entry, asked, arena, warnings);
}
