#include "plugin/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/meant.h"
#include "base/mem.h"

#define OPTIONS_MAX  64
#define TEXT_DEFAULT 4096

struct value {
  char *text; /* NULL: absent */
  int64_t number;
};

struct cg_options {
  const struct cgp_option *table;
  size_t n;
  struct value values[OPTIONS_MAX];
};

/* One option on its way. */
struct at {
  const struct cgp_option *option;
  struct value *value;
  const char *conf_dir, *pointer;
  struct cg_arena *arena;
  struct cg_field_errors *errs;
};

static bool parse_int(const char *text, int64_t *ret) {
  char *end;
  errno = 0;
  long long n = strtoll(text, &end, 10);
  if (errno || end == text || *end) return false;
  *ret = n;
  return true;
}

static bool is_text(enum cgp_option_type type) {
  return type != CGP_OPT_INT && type != CGP_OPT_BOOL;
}

static bool default_fits(const struct cgp_option *o) {
  int64_t n;
  if (!o->def || is_text(o->type)) return true;
  if (o->type == CGP_OPT_BOOL) return !strcmp(o->def, "true") || !strcmp(o->def, "false");
  return parse_int(o->def, &n) && n >= o->min && (!o->max || n <= o->max);
}

const char *cg_options_odd(const struct cgp_option *table, size_t n) {
  if (n && !table) return "n_options without options";
  if (n > OPTIONS_MAX) return "more than 64 options";
  for (size_t i = 0; i < n; i++) {
    const struct cgp_option *o = CGP_AT(table, i);
    if (o->size < sizeof *o) return "an option is shorter than the ABI's";
    if (!o->name || !o->name[0] || !o->help) return "an option without name or help";
    if ((unsigned)o->type > CGP_OPT_PATH) return "an option of unknown type";
    if (!default_fits(o))
      return "an option whose default does not fit its type and range";
    for (size_t j = 0; j < i; j++)
      if (!strcmp(o->name, table[j].name)) return "two options of one name";
  }
  return NULL;
}

static bool wrong(const struct at *at, const char *fmt, ...) CG_PRINTF(2, 3);

static bool wrong(const struct at *at, const char *fmt, ...) {
  struct cg_err err;
  va_list ap;
  va_start(ap, fmt);
  cg_failv(&err, CG_E_INVALID, fmt, ap);
  va_end(ap);
  cg_field_error(at->errs, at->arena, at->pointer, "%s", err.text);
  return false;
}

static bool keep(const struct at *at, const char *text) {
  bool relative = at->option->type == CGP_OPT_PATH && text[0] && text[0] != '/';
  size_t n = strlen(text) + (relative ? strlen(at->conf_dir) + 1 : 0) + 1;
  char *copy = cg_alloc(n);
  if (!copy) return wrong(at, "no memory for it");
  snprintf(copy, n, "%s%s%s", relative ? at->conf_dir : "", relative ? "/" : "", text);
  at->value->text = copy;
  return true;
}

static bool url_ok(const char *text) {
  size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.-");
  return scheme && !strncmp(text + scheme, "://", 3) && text[scheme + 3] &&
         !strpbrk(text, " \t\r\n\"<>");
}

static bool take_text(const struct at *at, const char *text) {
  const struct cgp_option *o = at->option;
  bool ranged = o->type == CGP_OPT_STRING || o->type == CGP_OPT_SECRET;
  int64_t n = (int64_t)strlen(text), min = ranged ? o->min : 0;
  int64_t max = ranged && o->max ? o->max : TEXT_DEFAULT;
  bool secret = o->type == CGP_OPT_SECRET;
  const char *odd =
      secret ? cg_secret_odd(text, (size_t)n) : cg_text_odd(text, (size_t)n);
  if (odd) return wrong(at, "%s", odd);
  if (n < min || n > max)
    return wrong(at, "must be %" PRId64 " to %" PRId64 " bytes, is %" PRId64, min, max,
                 n);
  if (o->type == CGP_OPT_URL && !url_ok(text))
    return wrong(at, "must be a URL such as http://host:port");
  if (o->type == CGP_OPT_PATH && !n) return wrong(at, "must not be empty");
  return keep(at, text);
}

static bool take_int(const struct at *at, int64_t n) {
  const struct cgp_option *o = at->option;
  if (n < o->min || (o->max && n > o->max))
    return wrong(at, "must be %" PRId64 " to %" PRId64 ", is %" PRId64, o->min,
                 o->max ? o->max : INT64_MAX, n);
  at->value->number = n;
  return keep(at, "");
}

static bool take_bool(const struct at *at, bool b) {
  at->value->number = b;
  return keep(at, "");
}

static bool take_given(const struct at *at, const json_t *v) {
  enum cgp_option_type type = at->option->type;
  if (type == CGP_OPT_INT)
    return json_is_integer(v) ? take_int(at, json_integer_value(v))
                              : wrong(at, "must be a whole number");
  if (type == CGP_OPT_BOOL)
    return json_is_boolean(v) ? take_bool(at, json_is_true(v))
                              : wrong(at, "must be true or false");
  if (!json_is_string(v)) return wrong(at, "must be a string");
  if (strlen(json_string_value(v)) != json_string_length(v))
    return wrong(at, "must not hold a NUL byte");
  return take_text(at, json_string_value(v));
}

static bool take_default(const struct at *at) {
  const struct cgp_option *o = at->option;
  int64_t n = 0;
  if (!o->def) return true;
  if (o->type == CGP_OPT_BOOL) return take_bool(at, !strcmp(o->def, "true"));
  if (o->type == CGP_OPT_INT) return parse_int(o->def, &n) && take_int(at, n);
  return take_text(at, o->def);
}

static const char *pointer_to(const struct cgp_plugin *abi, const char *option,
                              struct cg_arena *arena) {
  const char *p = cg_arena_printf(arena, "/plugins/%s/%s", abi->name, option);
  return p ? p : "/plugins";
}

bool cg_options_has(const struct cgp_plugin *abi, const char *name, size_t n) {
  for (size_t i = 0; i < abi->n_options; i++) {
    const char *own = CGP_AT(abi->options, i)->name;
    if (strlen(own) == n && !strncmp(own, name, n)) return true;
  }
  return false;
}

static void refuse_unknown(const struct cgp_plugin *abi, json_t *given,
                           struct cg_arena *arena, struct cg_field_errors *errs) {
  const char *names[OPTIONS_MAX], *name;
  for (size_t i = 0; i < abi->n_options; i++) names[i] = CGP_AT(abi->options, i)->name;
  json_t *v;
  json_object_foreach(given, name, v) {
    if (cg_options_has(abi, name, strlen(name))) continue;
    const char *near = cg_nearest(name, names, abi->n_options);
    cg_field_error(errs, arena, pointer_to(abi, name, arena), "unknown%s%s%s",
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
  }
}

struct cg_options *cg_options_read(const struct cgp_plugin *abi, json_t *given,
                                   const char *conf_dir, struct cg_log *log,
                                   struct cg_arena *arena, struct cg_field_errors *errs) {
  size_t before = errs->n;
  struct cg_options *o = cg_alloc(sizeof *o);
  CG_CHECK(o);
  *o = (struct cg_options){.table = abi->options, .n = abi->n_options};
  if (given && !json_is_object(given))
    cg_field_error(errs, arena, pointer_to(abi, "", arena), "must be an object");
  else if (given)
    refuse_unknown(abi, given, arena, errs);
  for (size_t i = 0; i < o->n; i++) {
    const struct cgp_option *option = CGP_AT(o->table, i);
    struct at at = {option, &o->values[i], conf_dir, pointer_to(abi, option->name, arena),
                    arena,  errs};
    const json_t *v = json_object_get(given, option->name);
    bool ok = v && !json_is_null(v) ? take_given(&at, v) : take_default(&at);
    if (ok && option->type == CGP_OPT_SECRET && at.value->text)
      cg_log_secret(log, at.value->text);
  }
  if (errs->n == before) return o;
  cg_options_free(o);
  return NULL;
}

void cg_options_free(struct cg_options *o) {
  if (!o) return;
  for (size_t i = 0; i < o->n; i++) cg_free_secret(o->values[i].text);
  cg_free(o);
}

static const struct value *find(const struct cg_options *o, const char *name, bool text,
                                enum cgp_option_type type) {
  size_t i = 0;
  while (i < o->n && strcmp(CGP_AT(o->table, i)->name, name)) i++;
  CG_CHECK(i < o->n && "no such option in the plugin's own table");
  enum cgp_option_type is = CGP_AT(o->table, i)->type;
  CG_CHECK((text ? is_text(is) : is == type) && "the option is of another type");
  return &o->values[i];
}

const char *cg_options_string(const struct cg_options *o, const char *name) {
  return find(o, name, true, CGP_OPT_STRING)->text;
}

int64_t cg_options_int(const struct cg_options *o, const char *name) {
  return find(o, name, false, CGP_OPT_INT)->number;
}

bool cg_options_bool(const struct cg_options *o, const char *name) {
  return find(o, name, false, CGP_OPT_BOOL)->number;
}
