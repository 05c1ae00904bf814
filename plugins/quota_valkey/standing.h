/* standing.h - what INFO says of the server, as far as the quota depends on it.
 *
 * For a user without the right to INFO nothing is known, and nothing is said.
 * Pure functions of a reply's text; any thread.
 */
#ifndef QUOTA_VALKEY_STANDING_H
#define QUOTA_VALKEY_STANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct standing {
  bool replica, cluster, bgsave_failed, aof_failed;
  uint64_t maxmemory, used_memory; /* bytes; maxmemory 0: no bound */
  char policy[32];                 /* maxmemory-policy, "" = not told */
};

/* The sections of INFO that standing_read wants, NULL at the end. */
extern const char *const standing_sections[];
void standing_read(struct standing *s, const char *info);

/* Why no place could be taken, in words; false: nothing is known against it. */
bool standing_refuses(const struct standing *s, char *words, size_t n);
/* What works and will not for long, or works by luck; false: nothing.  prefix: of the
 * keys. */
bool standing_advises(const struct standing *s, const char *prefix, char *words,
                      size_t n);

/* An error reply, behind what the operator should do about it where it does not say. */
void standing_explain(const char *error, char *words, size_t n);

#endif
