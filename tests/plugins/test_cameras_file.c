/* cameras_file: what it serves, what it refuses and how, and what a reload changes. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define CITY                                                                             \
  "{\"cameras\": [{\"id\": \"quay\", \"feeds\": {\"high\": "                             \
  "\"rtsp://u:hunter2@nvr/1\"}},"                                                        \
  " {\"id\": \"lobby-1\", \"name\": \"Lobby\", \"site\": \"north\","                     \
  "  \"tags\": [\"lobby\", \"public\"], \"level\": 2, \"attributes\": {\"ptz\": "        \
  "true}}]}"

struct folder {
  char dir[64], path[128], options[192];
};

static int setup(void **state) {
  struct folder *f = calloc(1, sizeof *f);
  if (!f) return -1;
  snprintf(f->dir, sizeof f->dir, "/tmp/camgate_cameras_XXXXXX");
  if (!mkdtemp(f->dir)) return -1;
  snprintf(f->path, sizeof f->path, "%s/cameras.json", f->dir);
  snprintf(f->options, sizeof f->options, "{\"path\": \"%s\"}", f->path);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct folder *f = *state;
  unlink(f->path);
  rmdir(f->dir);
  free(f);
  return 0;
}

static void write_bytes(const struct folder *f, const void *bytes, size_t n) {
  FILE *out = fopen(f->path, "w");
  assert_non_null(out);
  assert_int_equal(fwrite(bytes, 1, n, out), n);
  assert_int_equal(fclose(out), 0);
}

static void write_text(const struct folder *f, const char *text) {
  write_bytes(f, text, strlen(text));
}

static struct harness *open_with(const struct folder *f, const char *text) {
  write_text(f, text);
  return harness_open("cameras_file", f->options);
}

/* The words with which a start is refused. */
static struct cg_err refusal_of(const struct folder *f) {
  const struct harness_config c = {.plugin = "cameras_file", .options = f->options};
  struct cg_err err = {0};
  struct harness *h = harness_try(&c, &err);
  assert_null(h);
  return err;
}

static void assert_refused(const struct folder *f, const char *text, const char *words) {
  write_text(f, text);
  struct cg_err err = refusal_of(f);
  if (!strstr(err.text, words)) fail_msg("\"%s\" is not in \"%s\"", words, err.text);
}

struct copied {
  char id[64], name[64], site[64], tag[64], attributes[64], tier[32], url[64];
  size_t n_tags, n_feeds;
  int level;
};

static void copy_camera(void *to, const void *result) {
  const struct cgp_camera *cam = result;
  struct copied *c = to;
  snprintf(c->id, sizeof c->id, "%s", cam->id);
  snprintf(c->name, sizeof c->name, "%s", cam->name);
  snprintf(c->site, sizeof c->site, "%s", cam->site);
  snprintf(c->attributes, sizeof c->attributes, "%s", cam->attributes);
  c->n_tags = cam->n_tags;
  c->n_feeds = cam->n_feeds;
  c->level = cam->level;
  if (cam->n_tags > 1) snprintf(c->tag, sizeof c->tag, "%s", cam->tags[1]);
  if (cam->n_feeds > 0) {
    snprintf(c->tier, sizeof c->tier, "%s", cam->feeds[0].tier);
    snprintf(c->url, sizeof c->url, "%s", cam->feeds[0].url);
  }
}

static enum cgp_code get(struct harness *h, uint32_t worker, const char *id,
                         struct copied *to) {
  struct harness_call c = {.copy = copy_camera, .to = to};
  cg_cameras_get(harness_drivers(h, worker), id, harness_answered, &c);
  return harness_wait(h, &c);
}

static void copy_ids(void *to, const void *result) {
  const struct cgp_camera_list *list = result;
  char *text = to;
  text[0] = '\0';
  for (size_t i = 0; i < list->n; i++) {
    size_t n = strlen(text);
    snprintf(text + n, 256 - n, "%s ", list->cameras[i]->id);
  }
}

static void a_camera_has_all_that_the_file_says(void **state) {
  struct harness *h = open_with(*state, CITY);
  struct copied c = {0};
  assert_int_equal(get(h, 0, "lobby-1", &c), CGP_OK);
  assert_string_equal(c.id, "lobby-1");
  assert_string_equal(c.name, "Lobby");
  assert_string_equal(c.site, "north");
  assert_int_equal(c.n_tags, 2);
  assert_string_equal(c.tag, "public");
  assert_int_equal(c.level, 2);
  assert_string_equal(c.attributes, "{\"ptz\":true}");
  assert_int_equal(c.n_feeds, 0);
  harness_close(h);
}

static void what_is_not_given_is_empty(void **state) {
  struct harness *h = open_with(*state, CITY);
  struct copied c = {0};
  assert_int_equal(get(h, 0, "quay", &c), CGP_OK);
  assert_string_equal(c.name, "");
  assert_string_equal(c.site, "");
  assert_int_equal(c.n_tags, 0);
  assert_int_equal(c.level, 0);
  assert_string_equal(c.attributes, "{}");
  assert_string_equal(c.tier, "high");
  assert_string_equal(c.url, "rtsp://u:hunter2@nvr/1");
  harness_close(h);
}

static void an_unknown_camera_is_not_found(void **state) {
  struct harness *h = open_with(*state, CITY);
  struct copied c = {0};
  assert_int_equal(get(h, 0, "lobby", &c), CGP_E_NOTFOUND);
  assert_int_equal(get(h, 0, "", &c), CGP_E_NOTFOUND);
  harness_close(h);
}

static void the_list_is_in_order_of_id(void **state) {
  struct harness *h = open_with(*state, CITY);
  char ids[256];
  struct harness_call c = {.copy = copy_ids, .to = ids};
  cg_cameras_list(harness_drivers(h, 0), harness_answered, &c);
  assert_int_equal(harness_wait(h, &c), CGP_OK);
  assert_string_equal(ids, "lobby-1 quay ");
  harness_close(h);
}

static void no_cameras_are_a_valid_city(void **state) {
  struct harness *h = open_with(*state, "{\"cameras\": []}");
  struct copied c = {0};
  char text[128] = "";
  assert_int_equal(get(h, 0, "any", &c), CGP_E_NOTFOUND);
  assert_true(harness_health(h, 0, text, sizeof text));
  assert_string_equal(text, "0 cameras");
  harness_close(h);
}

struct bad {
  const char *text, *words;
};

static const struct bad bad_files[] = {
    {"", "line"},
    {"[]", "the document must be"},
    {"{}", "the document must be"},
    {"{\"cameras\": {}}", "the document must be"},
    {"{\"cameras\": [], \"x\": 1}", "members beside"},
    {"{\"cameras\": [1]}", "/cameras/0 must be an object"},
    {"{\"cameras\": [{}]}", "/cameras/0/id is missing"},
    {"{\"cameras\": [{\"id\": 1}]}", "/cameras/0/id must be"},
    {"{\"cameras\": [{\"id\": \"\"}]}", "/cameras/0/id must be"},
    {"{\"cameras\": [{\"id\": \"-a\"}]}", "/cameras/0/id must be"},
    {"{\"cameras\": [{\"id\": \"a.b\"}]}", "/cameras/0/id must be"},
    {"{\"cameras\": [{\"id\": \"a/../b\"}]}", "/cameras/0/id must be"},
    {"{\"cameras\": [{\"id\": \"a\"}, {\"id\": \"a\"}]}",
     "\"a\" is there more than once"},
    {"{\"cameras\": [{\"id\": \"a\", \"id\": \"b\"}]}", "duplicate"},
    {"{\"cameras\": [{\"id\": \"a\", \"nmae\": \"x\"}]}", "unknown member \"nmae\""},
    {"{\"cameras\": [{\"id\": \"a\", \"name\": \"x\\ny\"}]}", "/cameras/0/name must be"},
    {"{\"cameras\": [{\"id\": \"a\", \"site\": 5}]}", "/cameras/0/site must be"},
    {"{\"cameras\": [{\"id\": \"a\", \"tags\": \"x\"}]}", "/cameras/0/tags must be"},
    {"{\"cameras\": [{\"id\": \"a\", \"tags\": [\"x\", \"\"]}]}",
     "/cameras/0/tags/1 must"},
    {"{\"cameras\": [{\"id\": \"a\", \"level\": 1.5}]}", "/cameras/0/level must be"},
    {"{\"cameras\": [{\"id\": \"a\", \"level\": -1}]}", "/cameras/0/level must be"},
    {"{\"cameras\": [{\"id\": \"a\", \"attributes\": []}]}",
     "/cameras/0/attributes must"},
    {"{\"cameras\": [{\"id\": \"a\", \"feeds\": []}]}", "/cameras/0/feeds must be"},
    {"{\"cameras\": [{\"id\": \"a\", \"feeds\": {\"/\": \"x\"}}]}", "cannot be a tier"},
    {"{\"cameras\": [{\"id\": \"a\", \"feeds\": {\"low\": \"file:///etc/passwd\"}}]}",
     "/cameras/0/feeds/low must be"},
    {"{\"cameras\": [{\"id\": \"a\", \"feeds\": {\"low\": \"rtsp://\"}}]}",
     "/cameras/0/feeds/low must be"},
};

static void each_fault_is_named_with_its_place(void **state) {
  for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
    assert_refused(*state, bad_files[i].text, bad_files[i].words);
  }
}

static void all_faults_are_named_not_just_the_first(void **state) {
  const char *text =
      "{\"cameras\": [{\"id\": \"a b\"}, {\"id\": \"b\", \"level\": \"x\"},"
      " {\"id\": \"c\", \"x\": 1}]}";
  assert_refused(*state, text, "/cameras/0/id");
  assert_refused(*state, text, "/cameras/1/level");
  assert_refused(*state, text, "/cameras/2 has an unknown member \"x\"");
}

static void faults_that_do_not_fit_are_counted(void **state) {
  char text[4096] = "{\"cameras\": [";
  for (int i = 0; i < 100; i++) {
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, "%s{\"id\": \"?\"}", i ? "," : "");
  }
  size_t n = strlen(text);
  snprintf(text + n, sizeof text - n, "]}");
  assert_refused(*state, text, " more");
  assert_refused(*state, text, "/cameras/0/id");
}

static void a_password_is_not_repeated_in_words(void **state) {
  write_text(*state, "{\"cameras\": [{\"id\": \"a\", \"feeds\":"
                     " {\"low\": \"gopher://u:hunter2@nvr/1\"}}]}");
  struct cg_err err = refusal_of(*state);
  assert_non_null(strstr(err.text, "/cameras/0/feeds/low"));
  assert_null(strstr(err.text, "hunter2"));
}

static void an_id_has_63_characters_at_most(void **state) {
  char id[65], text[128];
  memset(id, 'a', 64);
  id[64] = '\0';
  snprintf(text, sizeof text, "{\"cameras\": [{\"id\": \"%s\"}]}", id);
  assert_refused(*state, text, "/cameras/0/id must be");
  id[63] = '\0';
  snprintf(text, sizeof text, "{\"cameras\": [{\"id\": \"%s\"}]}", id);
  struct harness *h = open_with(*state, text);
  struct copied c = {0};
  assert_int_equal(get(h, 0, id, &c), CGP_OK);
  harness_close(h);
}

static void a_file_over_16_mib_is_refused(void **state) {
  size_t n = 16 * 1024 * 1024 + 1;
  char *spaces = malloc(n);
  assert_non_null(spaces);
  memset(spaces, ' ', n);
  write_bytes(*state, spaces, n);
  free(spaces);
  struct cg_err err = refusal_of(*state);
  assert_non_null(strstr(err.text, "larger than 16 MiB"));
}

/* n cameras c0, c1, ... */
static void write_many(const struct folder *f, int n) {
  FILE *out = fopen(f->path, "w");
  assert_non_null(out);
  fputs("{\"cameras\": [", out);
  for (int i = 0; i < n; i++) fprintf(out, "%s{\"id\": \"c%d\"}", i ? "," : "", i);
  fputs("]}", out);
  assert_int_equal(fclose(out), 0);
}

static void twenty_thousand_cameras_are_served_and_no_more(void **state) {
  const struct folder *f = *state;
  struct copied c = {0};
  write_many(f, 20001);
  struct cg_err err = refusal_of(f);
  assert_non_null(strstr(err.text, "20001"));
  write_many(f, 20000);
  struct harness *h = harness_open("cameras_file", f->options);
  assert_int_equal(get(h, 0, "c19999", &c), CGP_OK);
  assert_int_equal(get(h, 0, "c0", &c), CGP_OK);
  assert_int_equal(get(h, 0, "c20000", &c), CGP_E_NOTFOUND);
  harness_close(h);
}

static void a_file_that_is_not_there_is_named(void **state) {
  struct cg_err err = refusal_of(*state);
  assert_non_null(strstr(err.text, "cameras.json"));
  assert_non_null(strstr(err.text, "No such file"));
}

static struct harness *open_two(const struct folder *f) {
  const struct harness_config config = {
      .plugin = "cameras_file", .options = f->options, .workers = 2};
  struct cg_err err = {0};
  struct harness *h = harness_try(&config, &err);
  if (!h) fail_msg("%s", err.text);
  return h;
}

static void reload_reaches_every_worker(void **state) {
  write_text(*state, CITY);
  struct harness *h = open_two(*state);
  struct copied c = {0};
  struct cg_err err = {0};
  write_text(*state, "{\"cameras\": [{\"id\": \"new\"}]}");
  assert_int_equal(get(h, 0, "lobby-1", &c), CGP_OK);
  assert_true(cg_plugins_reload(harness_set(h), &err));
  for (uint32_t worker = 0; worker < 2; worker++) {
    assert_int_equal(get(h, worker, "new", &c), CGP_OK);
    assert_int_equal(get(h, worker, "lobby-1", &c), CGP_E_NOTFOUND);
  }
  harness_close(h);
}

static void a_reload_says_what_changed(void **state) {
  struct harness *h = open_with(*state, CITY);
  const struct cg_camera_changes *all = &harness_set(h)->changes;
  struct cg_err err = {0};
  write_text(*state, "{\"cameras\": [{\"id\": \"a\"}, {\"id\": \"z\"},"
                     " {\"id\": \"quay\", \"feeds\": {\"high\": \"rtsp://nvr/1\"}}]}");
  assert_true(cg_plugins_reload(harness_set(h), &err));
  assert_int_equal(all->n[CGP_CAMERA_ADDED], 2);
  assert_true(all->n[CGP_CAMERA_CHANGED] == 1 && all->n[CGP_CAMERA_REMOVED] == 1);
  assert_string_equal(all->ids[0], "a");
  assert_string_equal(all->ids[1], "lobby-1");
  assert_true(cg_plugins_reload(harness_set(h), &err) && all->n_ids == 0);
  harness_close(h);
}

static void a_bad_reload_keeps_what_was_there(void **state) {
  struct harness *h = open_with(*state, CITY);
  struct copied c = {0};
  struct cg_err err = {0};
  write_text(*state, "{\"cameras\": [{\"id\": \"new\"}, {\"id\": \"\"}]}");
  assert_false(cg_plugins_reload(harness_set(h), &err));
  assert_non_null(strstr(err.text, "/cameras/1/id"));
  assert_int_equal(get(h, 0, "lobby-1", &c), CGP_OK);
  assert_int_equal(get(h, 0, "new", &c), CGP_E_NOTFOUND);
  harness_close(h);
}

/* Workers read while another thread swaps the directory under them. */
struct race {
  atomic_uint bad, good;
};

static void read_or_reload(struct harness *h, uint32_t worker, void *arg) {
  struct race *r = arg;
  for (int i = 0; i < 200; i++) {
    struct copied got = {0};
    struct harness_call c = {.copy = copy_camera, .to = &got};
    struct cg_err err = {0};
    if (worker == 0 && !cg_plugins_reload(harness_set(h), &err)) r->bad++;
    cg_cameras_get(harness_drivers(h, worker), "lobby-1", harness_answered, &c);
    bool whole =
        c.done && c.code == CGP_OK && strcmp(got.attributes, "{\"ptz\":true}") == 0;
    atomic_fetch_add(whole ? &r->good : &r->bad, 1);
  }
  harness_thread_done(h, worker);
}

static void readers_never_see_a_directory_go(void **state) {
  write_text(*state, CITY);
  struct race race = {0};
  struct harness *h = open_two(*state);
  harness_threads(h, read_or_reload, &race);
  assert_int_equal(race.bad, 0);
  assert_int_equal(race.good, 400);
  harness_close(h);
}

/* An answer during which the directory changes and the next op begins. */
struct nested {
  struct harness *h;
  struct harness_call inner;
  struct copied inner_camera;
  char id_after[64];
  bool reloaded, done;
};

static void answered_nested(void *arg, enum cgp_code code, const void *result,
                            const char *text) {
  struct nested *n = arg;
  const struct cgp_camera *cam = result;
  struct cg_err err = {0};
  (void)text;
  n->reloaded = code == CGP_OK && cg_plugins_reload(harness_set(n->h), &err);
  cg_cameras_get(harness_drivers(n->h, 0), "new", harness_answered, &n->inner);
  if (cam) snprintf(n->id_after, sizeof n->id_after, "%s", cam->id);
  n->done = true;
}

static void an_answer_outlives_a_reload_inside_it(void **state) {
  struct nested n = {.h = open_with(*state, CITY)};
  struct copied c = {0};
  n.inner.copy = copy_camera;
  n.inner.to = &n.inner_camera;
  write_text(*state, "{\"cameras\": [{\"id\": \"new\"}]}");
  cg_cameras_get(harness_drivers(n.h, 0), "quay", answered_nested, &n);
  harness_run_until(n.h, &n.done);
  assert_true(n.reloaded);
  assert_string_equal(n.id_after, "quay");
  harness_wait(n.h, &n.inner);
  assert_int_equal(get(n.h, 0, "new", &c), CGP_OK);
  harness_close(n.h);
}

static void the_shipped_city_is_valid(void **state) {
  (void)state;
  struct harness *h =
      harness_open("cameras_file", "{\"path\": \"" SOURCE_DIR "/etc/cameras.json\"}");
  struct copied c = {0};
  assert_int_equal(get(h, 0, "lobby-1", &c), CGP_OK);
  assert_string_equal(c.site, "north");
  assert_int_equal(c.level, 1);
  assert_int_equal(c.n_feeds, 3);
  harness_close(h);
}

#define WITH_FOLDER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_FOLDER(a_camera_has_all_that_the_file_says),
      WITH_FOLDER(what_is_not_given_is_empty),
      WITH_FOLDER(an_unknown_camera_is_not_found),
      WITH_FOLDER(the_list_is_in_order_of_id),
      WITH_FOLDER(no_cameras_are_a_valid_city),
      WITH_FOLDER(each_fault_is_named_with_its_place),
      WITH_FOLDER(all_faults_are_named_not_just_the_first),
      WITH_FOLDER(faults_that_do_not_fit_are_counted),
      WITH_FOLDER(a_password_is_not_repeated_in_words),
      WITH_FOLDER(an_id_has_63_characters_at_most),
      WITH_FOLDER(a_file_over_16_mib_is_refused),
      WITH_FOLDER(twenty_thousand_cameras_are_served_and_no_more),
      WITH_FOLDER(a_file_that_is_not_there_is_named),
      WITH_FOLDER(reload_reaches_every_worker),
      WITH_FOLDER(a_reload_says_what_changed),
      WITH_FOLDER(a_bad_reload_keeps_what_was_there),
      WITH_FOLDER(readers_never_see_a_directory_go),
      WITH_FOLDER(an_answer_outlives_a_reload_inside_it),
      WITH_FOLDER(the_shipped_city_is_valid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
