#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"

#define NAME_BYTES       256
#define SITE_BYTES       64
#define TAG_BYTES        64
#define TAGS_MAX         32
#define ATTRIBUTES_BYTES 4096
#define FEEDS_MAX        8
#define URL_BYTES        2048
#define LEVEL_MAX        1000000

struct parse {
  struct directory *d;
  struct faults faults;
  bool out_of_memory;
  size_t at; /* index of the camera being read */
};

struct member {
  const char *name;
  void (*read)(struct parse *p, struct cgp_camera *cam, json_t *value);
};

static char *keep(struct parse *p, const char *text) {
  char *copy = directory_text(p->d, text);
  if (!copy) p->out_of_memory = true;
  return copy;
}

static void *make(struct parse *p, size_t n) {
  void *at = directory_alloc(p->d, n);
  if (!at) p->out_of_memory = true;
  return at;
}

static bool word(const char *s, size_t max) {
  static const char set[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  size_t n = strlen(s);
  return n > 0 && n <= max && strspn(s, set) == n && *s != '-' && *s != '_';
}

static bool printable(const char *s, size_t max) {
  size_t n = strlen(s);
  if (n > max) return false;
  for (; *s; s++) {
    if ((unsigned char)*s < 0x20 || *s == 0x7f) return false;
  }
  return true;
}

static void read_id(struct parse *p, struct cgp_camera *cam, json_t *value) {
  const char *id = json_string_value(value);
  if (id && word(id, CGP_CAMERA_ID_MAX)) {
    cam->id = keep(p, id);
  } else {
    faults_add(
        &p->faults,
        "/cameras/%zu/id must be 1 to 63 letters, digits, _ or -, the first a letter "
        "or digit",
        p->at);
  }
}

static void read_text(struct parse *p, const char *name, size_t max, json_t *value,
                      const char **ret) {
  const char *text = json_string_value(value);
  if (text && printable(text, max)) {
    *ret = keep(p, text);
  } else {
    faults_add(
        &p->faults,
        "/cameras/%zu/%s must be text of at most %zu bytes without control characters",
        p->at, name, max);
  }
}

static void read_name(struct parse *p, struct cgp_camera *cam, json_t *value) {
  read_text(p, "name", NAME_BYTES, value, &cam->name);
}

static void read_site(struct parse *p, struct cgp_camera *cam, json_t *value) {
  read_text(p, "site", SITE_BYTES, value, &cam->site);
}

static void read_tags(struct parse *p, struct cgp_camera *cam, json_t *value) {
  size_t n = json_array_size(value);
  if (!json_is_array(value) || n > TAGS_MAX) {
    faults_add(&p->faults, "/cameras/%zu/tags must be a list of at most %d tags", p->at,
               TAGS_MAX);
    return;
  }
  const char **tags = make(p, (n + 1) * sizeof *tags);
  for (size_t i = 0; tags && i < n; i++) {
    const char *tag = json_string_value(json_array_get(value, i));
    if (tag && *tag && printable(tag, TAG_BYTES)) {
      tags[i] = keep(p, tag);
    } else {
      faults_add(&p->faults, "/cameras/%zu/tags/%zu must be text of 1 to %d bytes", p->at,
                 i, TAG_BYTES);
    }
  }
  cam->tags = tags;
  cam->n_tags = n;
}

static void read_level(struct parse *p, struct cgp_camera *cam, json_t *value) {
  json_int_t level = json_integer_value(value);
  if (json_is_integer(value) && level >= 0 && level <= LEVEL_MAX) {
    cam->level = (int32_t)level;
  } else {
    faults_add(&p->faults, "/cameras/%zu/level must be a whole number from 0 to %d",
               p->at, LEVEL_MAX);
  }
}

static void read_attributes(struct parse *p, struct cgp_camera *cam, json_t *value) {
  char *text = json_is_object(value) ? json_dumps(value, JSON_COMPACT) : NULL;
  if (text && strlen(text) <= ATTRIBUTES_BYTES) {
    cam->attributes = keep(p, text);
  } else {
    faults_add(&p->faults,
               "/cameras/%zu/attributes must be an object of at most %d bytes", p->at,
               ATTRIBUTES_BYTES);
  }
  free(text);
}

static bool feed_url(const char *url) {
  static const char *const schemes[] = {"rtsp://", "rtsps://", "http://", "https://",
                                        "srt://"};
  if (strlen(url) > URL_BYTES || !printable(url, URL_BYTES) || strchr(url, ' ')) {
    return false;
  }
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    size_t n = strlen(schemes[i]);
    if (strncmp(url, schemes[i], n) == 0) return url[n] != '\0' && url[n] != '/';
  }
  return false;
}

static void read_feed(struct parse *p, struct cgp_feed *feed, const char *tier,
                      json_t *value) {
  if (!word(tier, CGP_TIER_MAX)) {
    faults_add(&p->faults, "/cameras/%zu/feeds has a name that cannot be a tier", p->at);
    return;
  }
  const char *url = json_string_value(value);
  if (url && feed_url(url)) {
    *feed = CGP_MAKE(cgp_feed, keep(p, tier), keep(p, url));
  } else {
    faults_add(
        &p->faults,
        "/cameras/%zu/feeds/%s must be an rtsp, rtsps, http, https or srt URL with a "
        "host",
        p->at, tier);
  }
}

static void read_feeds(struct parse *p, struct cgp_camera *cam, json_t *value) {
  size_t n = json_object_size(value);
  if (!json_is_object(value) || n > FEEDS_MAX) {
    faults_add(&p->faults, "/cameras/%zu/feeds must be an object of at most %d tiers",
               p->at, FEEDS_MAX);
    return;
  }
  struct cgp_feed *feeds = make(p, (n + 1) * sizeof *feeds);
  const char *tier;
  json_t *url;
  size_t i = 0;
  json_object_foreach(value, tier, url) {
    if (feeds) read_feed(p, &feeds[i++], tier, url);
  }
  cam->feeds = feeds;
  cam->n_feeds = n;
}

static const struct member members[] = {
    {"id", read_id},       {"name", read_name},   {"site", read_site},
    {"tags", read_tags},   {"level", read_level}, {"attributes", read_attributes},
    {"feeds", read_feeds},
};

static const struct member *member_of(const char *name) {
  for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
    if (strcmp(members[i].name, name) == 0) return &members[i];
  }
  return NULL;
}

static void read_camera(struct parse *p, json_t *object) {
  struct cgp_camera *cam = make(p, sizeof *cam);
  if (!cam) return;
  *cam = (struct cgp_camera){.size = sizeof *cam, .id = "", .name = "", .site = ""};
  cam->attributes = "{}";
  p->d->sorted[p->at] = cam;
  if (!json_is_object(object)) {
    faults_add(&p->faults, "/cameras/%zu must be an object", p->at);
    return;
  }
  if (!json_object_get(object, "id")) {
    faults_add(&p->faults, "/cameras/%zu/id is missing", p->at);
  }
  const char *name;
  json_t *value;
  json_object_foreach(object, name, value) {
    const struct member *m = member_of(name);
    if (m) {
      m->read(p, cam, value);
    } else {
      faults_add(&p->faults, "/cameras/%zu has an unknown member \"%.63s\"", p->at,
                 printable(name, SIZE_MAX) ? name : "?");
    }
  }
}

static void read_root(struct parse *p, json_t *root) {
  json_t *list = json_object_get(root, "cameras");
  size_t n = json_array_size(list);
  if (!json_is_object(root) || !json_is_array(list)) {
    faults_add(&p->faults, "the document must be {\"cameras\": [...]}");
    return;
  }
  if (json_object_size(root) != 1) {
    faults_add(&p->faults, "the document has members beside \"cameras\"");
  }
  if (n > DIRECTORY_CAMERAS_MAX) {
    faults_add(&p->faults, "/cameras has %zu cameras, at most %d are served", n,
               DIRECTORY_CAMERAS_MAX);
    return;
  }
  p->d->sorted = make(p, (n + 1) * sizeof *p->d->sorted);
  if (!p->d->sorted) return;
  p->d->n = n;
  for (p->at = 0; p->at < n && !p->out_of_memory; p->at++) {
    read_camera(p, json_array_get(list, p->at));
  }
}

static void index_all(struct parse *p) {
  const char *twice = "";
  size_t n = directory_index(p->d, &twice);
  if (n == SIZE_MAX) p->out_of_memory = true;
  if (n != SIZE_MAX && n > 0) {
    faults_add(&p->faults, "the id \"%s\" is there more than once (%zu such rows)", twice,
               n);
  }
}

static struct directory *parse_text(const char *text, size_t len, char *err,
                                    size_t err_size) {
  struct parse p = {.d = directory_new()};
  faults_begin(&p.faults, err, err_size);
  json_error_t at;
  json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
  if (!p.d) {
    p.out_of_memory = true;
  } else if (root) {
    read_root(&p, root);
  } else {
    faults_add(&p.faults, "line %d, column %d: %s", at.line, at.column, at.text);
  }
  json_decref(root);
  if (p.faults.n == 0 && !p.out_of_memory) index_all(&p);
  if (p.out_of_memory) faults_add(&p.faults, "out of memory");
  faults_end(&p.faults);
  if (p.faults.n == 0) return p.d;
  directory_unref(p.d);
  return NULL;
}

/* Reads until the end, or until there is one byte more than allowed. */
static char *read_all(int fd, size_t *ret_len) {
  size_t size = 64 * 1024, len = 0;
  char *text = malloc(size);
  while (text) {
    ssize_t n = read(fd, text + len, size - len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    len += (size_t)n;
    *ret_len = len;
    if (n == 0 || len > PARSE_BYTES_MAX) return text;
    if (len < size) continue;
    size *= 2;
    char *more = realloc(text, size);
    if (!more) break;
    text = more;
  }
  free(text);
  return NULL;
}

struct directory *parse_file(const char *path, char *err, size_t err_size) {
  struct faults faults;
  struct stat st;
  faults_begin(&faults, err, err_size);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
    faults_add(&faults, "cannot be opened: %s",
               fd < 0 ? strerror(errno) : "not a regular file");
    if (fd >= 0) close(fd);
    return NULL;
  }
  size_t len = 0;
  char *text = read_all(fd, &len);
  close(fd);
  struct directory *d = NULL;
  if (!text) {
    faults_add(&faults, "cannot be read");
  } else if (len > PARSE_BYTES_MAX) {
    faults_add(&faults, "is larger than %d MiB", PARSE_BYTES_MAX / 1024 / 1024);
  } else if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
    faults_add(&faults, "begins with a byte order mark: save it as UTF-8 without one");
  } else {
    d = parse_text(text, len, err, err_size);
  }
  free(text);
  return d;
}
