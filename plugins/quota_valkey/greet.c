#include "greet.h"

#include <stdio.h>
#include <string.h>

#include "standing.h"

static void next(struct greet *g);

static void end(struct greet *g, const char *words) {
  char why[256];
  if (words) standing_explain(words, why, sizeof why);
  g->done(g->arg, words ? why : NULL);
}

static void say(struct greet *g, void (*heard)(struct greet *g, const redisReply *reply),
                size_t n, const char *const *words) {
  g->heard = heard;
  wire_begin(&g->wire, n);
  for (size_t i = 0; i < n; i++) wire_text(&g->wire, words[i]);
  if (g->wire.failed || !stream_write(g->stream, g->wire.p, g->wire.n))
    end(g, "out of memory");
}

void greet_replied(struct greet *g, const redisReply *reply) {
  g->heard(g, reply);
}

/* AUTH, SELECT and FUNCTION LOAD: anything but an error leads on. */
static void on_plain(struct greet *g, const redisReply *reply) {
  if (reply->type == REDIS_REPLY_ERROR)
    end(g, reply->str);
  else
    next(g);
}

static bool say_auth(struct greet *g) {
  const char *argv[3] = {"AUTH"};
  size_t argc = 1;
  if (g->url->password[0] == '\0') return false;
  if (g->url->user[0]) argv[argc++] = g->url->user;
  argv[argc++] = g->url->password;
  say(g, on_plain, argc, argv);
  return true;
}

static bool say_select(struct greet *g) {
  char db[16];
  const char *argv[2] = {"SELECT", db};
  if (g->url->db == 0) return false;
  snprintf(db, sizeof db, "%u", g->url->db);
  say(g, on_plain, 2, argv);
  return true;
}

/* "server", "valkey", "version", "8.0.1", ...: text of one of them, or "". */
static const char *named(const redisReply *reply, const char *name) {
  for (size_t i = 0; i + 1 < reply->elements; i += 2) {
    const redisReply *key = reply->element[i], *value = reply->element[i + 1];
    if (key->type == REDIS_REPLY_STRING && value->type == REDIS_REPLY_STRING &&
        strcmp(key->str, name) == 0)
      return value->str;
  }
  return "";
}

/* It takes no connection of ours, and says so to whatever comes first. */
static bool is_shut(const redisReply *reply) {
  return reply->type == REDIS_REPLY_ERROR &&
         (strncmp(reply->str, "ERR max number of clients", 25) == 0 ||
          strncmp(reply->str, "DENIED", 6) == 0);
}

static void on_hello(struct greet *g, const redisReply *reply) {
  if (is_shut(reply)) {
    end(g, reply->str);
    return;
  }
  bool told = reply->type == REDIS_REPLY_ARRAY;
  snprintf(g->server, sizeof g->server, "%.31s", told ? named(reply, "server") : "");
  snprintf(g->version, sizeof g->version, "%.31s", told ? named(reply, "version") : "");
  next(g);
}

static bool say_hello(struct greet *g) {
  const char *argv[2] = {"HELLO", "2"};
  say(g, on_hello, 2, argv);
  return true;
}

/* Before anything is loaded: the rights that version 1001 did without, so that a user who
 * lacks them does not break the gates that still run. */
static bool say_scan(struct greet *g) {
  const char *argv[3] = {"HSCAN", g->no_key, "0"};
  say(g, on_plain, 3, argv);
  return true;
}

static bool say_write(struct greet *g) {
  const char *argv[2] = {"UNLINK", g->no_key};
  say(g, on_plain, 2, argv);
  return true;
}

static void load(struct greet *g) {
  const char *argv[4] = {"FUNCTION", "LOAD", "REPLACE", quota_library};
  g->loaded = true;
  g->step--; /* ask for the version again */
  say(g, on_plain, 4, argv);
}

static void judge_version(struct greet *g, long long version) {
  char words[160];
  long long major = version / 1000, ours = QUOTA_LIBRARY_VERSION / 1000;
  if (major == ours && version >= QUOTA_LIBRARY_VERSION)
    next(g);
  else if (major <= ours && !g->loaded && g->load_functions && !g->read_only)
    load(g);
  else {
    const char *off = !g->load_functions ? " (load_functions is off)"
                      : g->read_only     ? " (a start of the gate loads it)"
                                         : "";
    if (version == 0)
      snprintf(words, sizeof words, "function library camgate_quota is absent%s", off);
    else
      snprintf(words, sizeof words,
               "function library camgate_quota is version %lld, this gate needs %d%s",
               version, QUOTA_LIBRARY_VERSION, off);
    end(g, words);
  }
}

static bool is_absent(const redisReply *reply) {
  return reply->type == REDIS_REPLY_ERROR &&
         strncmp(reply->str, "ERR Function not found", 22) == 0;
}

static void on_version(struct greet *g, const redisReply *reply) {
  if (reply->type == REDIS_REPLY_INTEGER)
    judge_version(g, reply->integer);
  else if (is_absent(reply))
    judge_version(g, 0);
  else
    end(g, reply->type == REDIS_REPLY_ERROR ? reply->str : "it answers nonsense");
}

static bool say_version(struct greet *g) {
  const char *argv[3] = {"FCALL_RO", "camgate_version", "0"};
  say(g, on_version, 3, argv);
  return true;
}

/* Commands of the functions, in forms that change nothing.  NO_KEY: the key that never
 * exists. */
#define NO_KEY ""
static const char *const rights[][5] = {
    {"FCALL", "camgate_version", "0"},
    {"TIME"},
    {"HMGET", NO_KEY, "f"},
    {"HSET", NO_KEY, "f", "v", "no value"},
    {"HDEL", NO_KEY, "f"},
    {"ZADD", NO_KEY, "XX", "0", "m"},
    {"ZREM", NO_KEY, "m"},
    {"ZRANGE", NO_KEY, "0", "0"},
};

static void on_right(struct greet *g, const redisReply *reply) {
  bool odd_hset = reply->type == REDIS_REPLY_ERROR &&
                  strncmp(reply->str, "ERR wrong number of arguments", 29) == 0;
  if (odd_hset)
    next(g);
  else
    on_plain(g, reply);
}

static bool say_right(struct greet *g) {
  const char *argv[5];
  size_t n = 0;
  if (!g->read_only || g->right == sizeof rights / sizeof rights[0]) return false;
  for (; n < 5 && rights[g->right][n]; n++)
    argv[n] = rights[g->right][n][0] ? rights[g->right][n] : g->no_key;
  g->right++;
  g->step--; /* the next one */
  say(g, on_right, n, argv);
  return true;
}

/* Each is said in turn; false: nothing to say, go on. */
static bool (*const steps[])(struct greet *g) = {
    say_auth, say_select, say_hello, say_scan, say_write, say_version, say_right};

static void next(struct greet *g) {
  while (g->step < sizeof steps / sizeof steps[0])
    if (steps[g->step++](g)) return;
  end(g, NULL);
}

void greet_begin(struct greet *g, struct stream *stream) {
  g->stream = stream;
  g->step = 0;
  g->right = 0;
  g->loaded = false;
  next(g);
}
