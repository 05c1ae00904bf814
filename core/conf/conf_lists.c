#include "conf/conf_lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "plugin/names.h"

#define PLUGINS_MAX 32

struct tier_row {
  const char *name;
  int64_t width, height, fps, kbps;
};

static const struct cg_field tier_fields[] = {
    {"name", CG_STRING, true, 1, 31, offsetof(struct tier_row, name), "Name.", 0, 0},
    {"width", CG_INT, true, 16, 16384, offsetof(struct tier_row, width), "Pixels.", 0, 0},
    {"height", CG_INT, true, 16, 16384, offsetof(struct tier_row, height), "Pixels.", 0,
     0},
    {"fps", CG_INT, true, 1, 240, offsetof(struct tier_row, fps), "Frames a second.", 0,
     0},
    {"kbps", CG_INT, true, 1, 10000000, offsetof(struct tier_row, kbps), "kbit/s.", 0, 0},
    {0},
};

static void take_tier(const struct tier_row *row, const char *pointer,
                      struct cg_tiers *out, struct cg_arena *arena,
                      struct cg_field_errors *errs) {
  if (!cg_tier_name_valid(row->name))
    cg_field_error(errs, arena, pointer,
                   "name: letters, digits, _ and -, the first a letter or digit");
  for (int i = 0; i < out->n; i++) {
    if (!strcmp(out->items[i].name, row->name) || out->items[i].kbps == row->kbps)
      cg_field_error(errs, arena, pointer, "two tiers of one name, or of one kbps");
  }
  struct cg_tier *t = &out->items[out->n++];
  snprintf(t->name, sizeof t->name, "%s", row->name);
  t->width = (uint32_t)row->width;
  t->height = (uint32_t)row->height;
  t->fps = (uint32_t)row->fps;
  t->kbps = (uint32_t)row->kbps;
}

static int by_kbps(const void *a, const void *b) {
  const struct cg_tier *x = a, *y = b;
  return (x->kbps > y->kbps) - (x->kbps < y->kbps);
}

void cg_conf_tiers(json_t *given, struct cg_tiers *out, struct cg_arena *arena,
                   struct cg_field_errors *errs) {
  size_t n = json_array_size(given);
  *out = cg_tiers_default;
  if (!given) return;
  if (n < 1 || n > CG_TIERS_MAX) {
    cg_field_error(errs, arena, "/tiers", "must be a list of 1 to %d tiers",
                   CG_TIERS_MAX);
    return;
  }
  out->n = 0;
  for (size_t i = 0; i < n; i++) {
    char pointer[32];
    struct tier_row row = {0};
    snprintf(pointer, sizeof pointer, "/tiers/%zu", i + 1);
    if (cg_schema_check(tier_fields, json_array_get(given, i), pointer, &row, arena,
                        errs))
      take_tier(&row, pointer, out, arena, errs);
  }
  qsort(out->items, (size_t)out->n, sizeof out->items[0], by_kbps);
}

/* "name", or { "name", option = value }; without options that is a list of one. */
static const char *name_of(const json_t *entry) {
  if (json_is_array(entry) && json_array_size(entry) == 1)
    entry = json_array_get(entry, 0);
  return json_string_value(json_is_object(entry) ? json_object_get(entry, "") : entry);
}

static void take_plugin(json_t *entry, size_t i, json_t *options, struct cg_arena *arena,
                        struct cg_field_errors *errs) {
  const char *name = name_of(entry);
  char pointer[32];
  snprintf(pointer, sizeof pointer, "/plugins/%zu", i + 1);
  if (!name) {
    cg_field_error(errs, arena, pointer, "must be { \"name\", option = value, ... }");
  } else if (!*name || json_object_get(options, name)) {
    cg_field_error(errs, arena, pointer, "%s", *name ? "is there twice" : "has no name");
  } else {
    json_t *own = json_is_object(entry) ? json_copy(entry) : json_object();
    json_object_del(own, "");
    json_object_set_new(options, name, own);
  }
}

void cg_conf_plugins(json_t *given, struct cg_strings *names, json_t **ret_options,
                     struct cg_arena *arena, struct cg_field_errors *errs) {
  size_t n = json_array_size(given);
  json_t *options = json_object();
  *ret_options = options;
  if (n < 1 || n > PLUGINS_MAX)
    cg_field_error(errs, arena, "/plugins", "must be a list of 1 to %d plugins",
                   PLUGINS_MAX);
  for (size_t i = 0; i < n && i < PLUGINS_MAX; i++)
    take_plugin(json_array_get(given, i), i, options, arena, errs);
  const char **items = cg_arena_alloc(arena, (n + 1) * sizeof *items), *name;
  CG_CHECK(items && options);
  json_t *own;
  *names = (struct cg_strings){items, 0};
  json_object_foreach(options, name, own) items[names->n++] = name;
}

void cg_conf_drop_empty(const struct cg_field *fields, json_t *table) {
  for (const struct cg_field *f = fields; f->name; f++) {
    json_t *v = json_object_get(table, f->name);
    if (f->type == CG_TABLE)
      cg_conf_drop_empty(f->sub, v);
    else if (f->type == CG_STRINGS && json_is_object(v) && !json_object_size(v))
      json_object_del(table, f->name);
  }
}

struct cg_nets cg_conf_nets(const struct cg_strings *given, const char *pointer,
                            struct cg_arena *arena, struct cg_field_errors *errs) {
  struct cg_net *items = cg_arena_zalloc(arena, (given->n + 1) * sizeof *items);
  struct cg_err err;
  CG_CHECK(items);
  for (size_t i = 0; i < given->n; i++) {
    if (cg_net_parse(given->items[i], &items[i], &err)) continue;
    const char *at = cg_arena_printf(arena, "%s/%zu", pointer, i + 1);
    cg_field_error(errs, arena, at ? at : pointer, "%s", err.text);
  }
  return (struct cg_nets){items, given->n};
}
