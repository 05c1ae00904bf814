/* directory.h - an immutable set of cameras, found by id and listed in order of id.
 *
 * Built once by directory_parse (parse.h), then only read, by any number of threads.  All
 * of it lies in the chunks of one arena, which goes with the last reference.  Camera
 * structs, their strings and the list live as long as the directory.
 */
#ifndef CAMERAS_FILE_DIRECTORY_H
#define CAMERAS_FILE_DIRECTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "camgate_plugin.h"

#define DIRECTORY_CAMERAS_MAX 20000

struct chunk;

struct directory {
  atomic_uint refs;
  struct chunk *chunks;
  const struct cgp_camera **sorted; /* by id, n of them */
  size_t n;
  const struct cgp_camera **slots; /* hash table, power of two, at most half full */
  size_t mask;
};

struct directory *directory_new(void); /* one reference; NULL: out of memory */
struct directory *directory_ref(struct directory *d);
void directory_unref(struct directory *d); /* NULL is fine */

/* Zeroed memory that lives as long as d, or NULL. */
void *directory_alloc(struct directory *d, size_t n);
char *directory_text(struct directory *d, const char *text);

/* d->sorted holds n cameras in any order: sort and index them.  Returns the number of ids
 * that came twice; the first such id in *ret_twice.  SIZE_MAX: out of memory. */
size_t directory_index(struct directory *d, const char **ret_twice);

/* Calls fn for each camera that is in one of them alone, or not the same in both. */
void directory_compare(const struct directory *old, const struct directory *new,
                       void (*fn)(void *arg, enum cgp_change change, const char *id),
                       void *arg);

const struct cgp_camera *directory_find(const struct directory *d, const char *id);

#endif
