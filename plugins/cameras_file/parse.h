/* parse.h - a JSON document into a directory, whole or not at all.
 *
 *   {"cameras": [{"id": "lobby-1", "name": "Lobby", "site": "north", "tags": ["lobby"],
 *                 "level": 1, "attributes": {}, "feeds": {"high": "rtsp://..."}}]}
 *
 * Only `id` is required.  Every fault is named with its JSON pointer (RFC 6901), not just
 * the first; an unknown member is a fault.  Bounds: 16 MiB, 20,000 cameras, 32 tags, 8
 * feeds, attributes of 4 KiB; the lengths stand beside the members in parse.c.  The words
 * never repeat a feed's URL, which may hold a password.
 */
#ifndef CAMERAS_FILE_PARSE_H
#define CAMERAS_FILE_PARSE_H

#include "directory.h"

#define PARSE_BYTES_MAX (16 * 1024 * 1024)

/* A directory with one reference, or NULL with words in err.  Any thread. */
struct directory *parse_file(const char *path, char *err, size_t err_size);

#endif
