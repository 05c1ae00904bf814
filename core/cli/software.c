#include "cli/software.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <evhtp/evhtp.h>
#include <jansson.h>
#include <lua.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cli/known_bad.h"

#define LINE_BYTES 4096
#define DPKG_DIR   "/var/lib/dpkg"

static const char *copy(const struct cg_software *software, const char *text) {
  const char *own = cg_arena_strdup(software->arena, text);
  CG_CHECK(own);
  return own;
}

void cg_software_add(struct cg_software *software, const char *name, const char *version,
                     const char *by) {
  if (software->n == CG_SOFTWARE_MAX) return;
  software->items[software->n++] =
      (struct cg_component){.name = copy(software, name),
                            .version = copy(software, version),
                            .by = copy(software, by)};
}

void cg_software_own(struct cg_software *software) {
  const struct {
    const char *name, *version;
  } libraries[] = {
      {"libevent", event_get_version()},
      {"evhtp", EVHTP_VERSION},
      {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
      {"curl", curl_version_info(CURLVERSION_NOW)->version},
      {"jansson", jansson_version_str()},
      {"libjwt", LIBJWT_VERSION},
      {"lua", LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE},
  };
  for (size_t i = 0; i < CG_COUNT(libraries); i++)
    cg_software_add(software, libraries[i].name, libraries[i].version, "camgate");
}

void cg_software_plugin(struct cg_software *software, const struct cgp_plugin *abi) {
  for (size_t i = 0; i < abi->n_libraries; i++) {
    const struct cgp_library *l = CGP_AT(abi->libraries, i);
    cg_software_add(software, l->name, l->version(), abi->name);
  }
}

/* ---- Debian packages ---- */

/* Names of packages begin so: they end in what differs from release to release. */
static const struct {
  const char *name, *package;
  bool server; /* told by nobody but dpkg */
} packages[] = {
    {"libevent", "libevent-2.1-7", false},
    {"evhtp", "libevhtp", false},
    {"openssl", "libssl3", false},
    {"curl", "libcurl", false},
    {"jansson", "libjansson4", false},
    {"libjwt", "libjwt", false},
    {"lua", "liblua5.4-0", false},
    {"sqlite", "libsqlite3-0", false},
    {"hiredis", "libhiredis", false},
    {"valkey", "valkey-server", false},
    {"coturn", "coturn", true},
};

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

/* "1:8.0.1+dfsg1-1" without its epoch. */
static const char *without_epoch(const char *version) {
  const char *colon = strchr(version, ':');
  return colon ? colon + 1 : version;
}

static void add_server(struct cg_software *software, const char *name,
                       const char *version) {
  const char *upstream = without_epoch(version);
  char text[64];
  snprintf(text, sizeof text, "%.*s", (int)strcspn(upstream, "-+~"), upstream);
  cg_software_add(software, name, text, "installed here");
}

static void installed(struct cg_software *software, const char *package,
                      const char *version) {
  for (size_t i = 0; i < CG_COUNT(packages); i++) {
    if (!begins(package, packages[i].package)) continue;
    if (packages[i].server) add_server(software, packages[i].name, version);
    for (size_t j = 0; j < software->n; j++) {
      struct cg_component *p = &software->items[j];
      if (!p->package && !strcmp(p->name, packages[i].name) &&
          begins(without_epoch(version), p->version))
        p->package = copy(software, version);
    }
  }
}

/* Stanzas of "Name: value" lines; a Version stands after its Package and Status. */
static void read_status(struct cg_software *software, FILE *file) {
  char line[LINE_BYTES], package[128] = "";
  bool is_installed = false;
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    if (begins(line, "Package: ")) {
      snprintf(package, sizeof package, "%.127s", line + 9);
      is_installed = false;
    } else if (begins(line, "Status: ")) {
      is_installed = strstr(line, " installed") != NULL;
    } else if (begins(line, "Version: ") && is_installed) {
      installed(software, package, line + 9);
    }
  }
}

void cg_software_packages(struct cg_software *software) {
  const char *dir = getenv("DPKG_ADMINDIR");
  char path[LINE_BYTES];
  snprintf(path, sizeof path, "%s/status", dir && *dir ? dir : DPKG_DIR);
  FILE *file = fopen(path, "re");
  if (!file) return; /* not a Debian */
  read_status(software, file);
  fclose(file);
}

/* ---- warnings ---- */

static void print_one(const struct cg_component *p, const struct cg_known_bad *bad) {
  printf("warning: %s %s (%s): %s [%s]. %s\n", p->name,
         p->package ? p->package : p->version, p->by, bad->what, bad->source, bad->ours);
}

void cg_software_print(const struct cg_software *software, bool all) {
  for (size_t i = 0; i < software->n; i++) {
    const struct cg_component *p = &software->items[i];
    const struct cg_known_bad *bad;
    size_t at = 0;
    while ((bad = cg_known_bad_next(&at, p->name, p->version, p->package)))
      if (all || !bad->harmless) print_one(p, bad);
  }
}

static void component_json(struct cg_buf *out, const struct cg_component *p) {
  cg_json_str(out, "name", p->name);
  cg_json_str(out, "version", p->version);
  cg_json_str(out, "package", p->package);
  cg_json_str(out, "by", p->by);
}

void cg_software_json(const struct cg_software *software, struct cg_buf *out) {
  cg_json_open(out, "runs_with", '[');
  for (size_t i = 0; i < software->n; i++) {
    cg_json_open(out, NULL, '{');
    component_json(out, &software->items[i]);
    cg_json_close(out, '}');
  }
  cg_json_close(out, ']');
  cg_json_open(out, "known_bad", '[');
  for (size_t i = 0; i < software->n; i++) {
    const struct cg_component *p = &software->items[i];
    const struct cg_known_bad *bad;
    size_t at = 0;
    while ((bad = cg_known_bad_next(&at, p->name, p->version, p->package))) {
      cg_json_open(out, NULL, '{');
      component_json(out, p);
      cg_json_str(out, "text", bad->what);
      cg_json_str(out, "source", bad->source);
      cg_json_str(out, "advice", bad->ours);
      cg_json_bool(out, "harmless", bad->harmless);
      cg_json_close(out, '}');
    }
  }
  cg_json_close(out, ']');
}
