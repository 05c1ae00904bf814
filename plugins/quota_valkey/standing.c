#include "standing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const standing_sections[] = {"memory", "replication", "cluster",
                                         "persistence", NULL};

static bool is(const char *value, size_t n, const char *word) {
  return strlen(word) == n && memcmp(value, word, n) == 0;
}

static void take(struct standing *s, const char *name, size_t n_name, const char *value,
                 size_t n) {
  if (is(name, n_name, "role")) s->replica = is(value, n, "slave");
  if (is(name, n_name, "cluster_enabled")) s->cluster = is(value, n, "1");
  if (is(name, n_name, "rdb_last_bgsave_status")) s->bgsave_failed = !is(value, n, "ok");
  if (is(name, n_name, "aof_last_write_status")) s->aof_failed = !is(value, n, "ok");
  if (is(name, n_name, "maxmemory")) s->maxmemory = strtoull(value, NULL, 10);
  if (is(name, n_name, "used_memory")) s->used_memory = strtoull(value, NULL, 10);
  if (is(name, n_name, "maxmemory_policy"))
    snprintf(s->policy, sizeof s->policy, "%.*s", n < 31 ? (int)n : 31, value);
}

void standing_read(struct standing *s, const char *info) {
  *s = (struct standing){.replica = false};
  for (const char *line = info; *line;) {
    size_t n = strcspn(line, "\r\n");
    const char *colon = memchr(line, ':', n);
    if (colon)
      take(s, line, (size_t)(colon - line), colon + 1, n - (size_t)(colon + 1 - line));
    line += n;
    line += strspn(line, "\r\n");
  }
}

/* volatile-* evict what has a time to live; the quota's keys have none. */
static bool evicts(const struct standing *s) {
  return s->maxmemory > 0 && strncmp(s->policy, "allkeys-", 8) == 0;
}

bool standing_refuses(const struct standing *s, char *words, size_t n) {
  if (s->replica)
    snprintf(words, n, "it is a replica, which takes no writes: name the primary");
  else if (s->maxmemory > 0 && !evicts(s) && s->used_memory > s->maxmemory)
    snprintf(words, n,
             "it is at maxmemory (%" PRIu64 " of %" PRIu64
             " bytes) and takes no more: give it more memory",
             s->used_memory, s->maxmemory);
  else
    return false;
  return true;
}

bool standing_advises(const struct standing *s, const char *prefix, char *words,
                      size_t n) {
  const char *open = strchr(prefix, '{');
  bool one_slot = open && strchr(open, '}') > open + 1;
  if (s->cluster && !one_slot)
    snprintf(words, n,
             "it runs in cluster mode: the keys need one slot, with a prefix such as "
             "{camgate}:");
  else if (evicts(s))
    snprintf(words, n,
             "maxmemory-policy %s may evict what is counted, and limits are passed until "
             "it is: set noeviction",
             s->policy);
  else if (s->bgsave_failed || s->aof_failed)
    snprintf(words, n, "its last save failed: see its log, it may refuse writes");
  else
    return false;
  return true;
}

/* Error replies whose own words do not say what to do. */
static const struct {
  const char *prefix, *words;
} errors[] = {
    {"READONLY", "it is a replica, which takes no writes: name the primary"},
    {"OOM", "it is at maxmemory and takes no more: give it more memory"},
    {"MISCONF", "its last save failed, so it refuses writes: see its log"},
    {"NOREPLICAS", "too few replicas are in reach (min-replicas-to-write)"},
    {"CROSSSLOT",
     "it runs in cluster mode: the keys need one slot, with a prefix such as {camgate}:"},
    {"MOVED",
     "it runs in cluster mode, and another node has the keys' slot: name that one"},
    {"CLUSTERDOWN", "the cluster is down"},
    {"NOPERM", "the user lacks a right: plugins/quota_valkey/README.md lists them"},
    {"ERR ACL failure in script",
     "the user lacks a right: plugins/quota_valkey/README.md lists them"},
    {"ERR Script attempted to access keys that do not hash to the same slot",
     "it runs in cluster mode: the keys need one slot, with a prefix such as {camgate}:"},
};

void standing_explain(const char *error, char *words, size_t n) {
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
    if (strncmp(error, errors[i].prefix, strlen(errors[i].prefix)) == 0) {
      snprintf(words, n, "%s (%.100s)", errors[i].words, error);
      return;
    }
  snprintf(words, n, "%.200s", error);
}
