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
    {"name", CG_STRING, true, 1, 31, offsetof(struct tier_row, name), "Name.", 0, 0, 0},
    {"width", CG_INT, true, 16, 16384, offsetof(struct tier_row, width), "Pixels.", 0, 0,
     0},
    {"height", CG_INT, true, 16, 16384, offsetof(struct tier_row, height), "Pixels.", 0,
     0, 0},
    {"fps", CG_INT, true, 1, 240, offsetof(struct tier_row, fps), "Frames a second.", 0,
     0, 0},
    {"kbps", CG_INT, true, 1, 10000000, offsetof(struct tier_row, kbps), "kbit/s.", 0, 0,
     0},
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

/* "a, b" -> ["a", "b"] */
static json_t *split(const char *text) {
  json_t *list = json_array();
  for (bool more = true; more;) {
    text += strspn(text, " ");
    size_t n = strcspn(text, ","), used = n;
    while (used && text[used - 1] == ' ') used--;
    json_array_append_new(list, json_stringn(text, used));
    more = text[n];
    text += n + 1;
  }
  return list;
}

static json_t *list_of(const json_t *given) {
  if (json_is_string(given)) return split(json_string_value(given));
  return json_is_object(given) && !json_object_size(given) ? json_array() : NULL;
}

void cg_conf_lists(const struct cg_field *fields, json_t *table) {
  for (const struct cg_field *f = fields; f->name; f++) {
    json_t *v = json_object_get(table, f->name);
    if (f->type == CG_TABLE) cg_conf_lists(f->sub, v);
    json_t *list = f->type == CG_STRINGS ? list_of(v) : NULL;
    if (!list) continue;
    if (json_array_size(list) || f->min)
      json_object_set(table, f->name, list);
    else
      json_object_del(table, f->name);
    json_decref(list);
  }
}

static void tell_element(const char *list, size_t i, const struct cg_err *err,
                         struct cg_arena *arena, struct cg_field_errors *errs) {
  const char *at = cg_arena_printf(arena, "%s/%zu", list, i + 1);
  cg_field_error(errs, arena, at ? at : list, "%s", err->text);
}

struct cg_nets cg_conf_nets(const struct cg_strings *given, const char *pointer,
                            struct cg_arena *arena, struct cg_field_errors *errs) {
  struct cg_net *items = cg_arena_zalloc(arena, (given->n + 1) * sizeof *items);
  struct cg_err err;
  CG_CHECK(items);
  for (size_t i = 0; i < given->n; i++) {
    if (!cg_net_parse(given->items[i], &items[i], &err))
      tell_element(pointer, i, &err, arena, errs);
  }
  return (struct cg_nets){items, given->n};
}

const struct cg_cors *cg_conf_cors(const struct cg_strings *given, const char *pointer,
                                   struct cg_arena *arena, struct cg_field_errors *errs) {
  size_t before = errs->n;
  struct cg_err err;
  for (size_t i = 0; i < given->n; i++)
    if (!cg_origin_check(given->items[i], &err))
      tell_element(pointer, i, &err, arena, errs);
  if (!given->n || errs->n > before) return NULL;
  const struct cg_cors *cors = cg_cors_new(given, arena);
  CG_CHECK(cors);
  return cors;
}
