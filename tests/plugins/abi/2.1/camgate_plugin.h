/* camgate_plugin.h - write a driver for camgate.  This file is the whole contract.
 *
 * AUTHOR'S GUIDE
 *
 * A plugin is one shared object that exports one symbol, `camgate_plugin`, a
 * `const struct cgp_plugin`.  It includes this header and nothing else of camgate.
 * plugins/skeleton is a complete one; plugins/README.md walks through it.
 *
 * The gate loads it once (RTLD_NOW | RTLD_LOCAL) and never unloads it.  Then:
 *
 *   init    main thread, once.  Read options, check them, refuse with words.
 *   start   each worker's thread, once.  Make what one event loop needs (connections,
 *           caches, keyed contexts).  What it returns is handed to every op as `w`.
 *   ops     that same worker's thread, many times.
 *   reload  main thread, on SIGHUP or POST /reload.  New data whole, or the old kept.
 *   stop    each worker's thread, once, after the last op of that worker.
 *   fini    main thread, once, after every stop.
 *
 * THREADS.  A worker is one thread with one libevent loop.  An op runs on it and MUST NOT
 * block: no sleep, no file or socket wait, no lock held across I/O.  Slow work goes to a
 * thread of the plugin's own, which comes back with host->post (any thread may call it).
 *
 * CALLS.  Each op gets a `struct cgp_call` and completes it exactly once, with
 * host->done or host->fail, on the same worker: inside the op or at any later turn.
 *   - The deadline is the host's.  When it passes the caller is told CGP_E_TIMEOUT; a
 *     completion after that is dropped, and the host undoes what the op may have done
 *     (release after reserve, and so on), so undoing ops MUST accept unknown ids.
 *   - A second completion, or one from another thread, is dropped, logged and counted.
 *   - Arguments of an op live until the op RETURNS.  Copy what you need later, best into
 *     host->call_alloc's memory: it lives until the plugin completes the call, even late.
 *   - A result handed to host->done is read before done returns; it stays the plugin's.
 *     One that is missing or not whole (a NULL text) ends the call CGP_E_INTERNAL.
 *
 * ANSWERS.  "No" is a result, not an error: a full quota is `granted = false` through
 * done.  host->fail is for "could not find out": its text is shown to operators, so name
 * the peer and the cause, never a secret.
 *
 * VERSIONS.  Every struct that crosses begins with `size`, its sizeof when compiled, and
 * is only appended to; a new field is marked "since 2.x".  CGP_INIT and CGP_MAKE fill it
 * in.  Who reads an array of structs steps by the elements' own size: with CGP_AT, never
 * with [].  (cgp_call is a handle: it crosses by value and never grows.)  The host
 * refuses another major, a newer minor than its own, a short struct, a kind with a
 * missing op, and a file others may write to; what an older minor's struct lacks reads as
 * zero.
 *
 * CHANGELOG
 *   2.0  2026-11-29  first version of this major: every struct can be appended to.
 *   2.1  2026-11-29  cgp_room_event.room_sid; host->room_event_told, which says when an
 *                    event is kept; cgp_room_ops.participants, which may be absent;
 *                    cgp_plugin.check, likewise.
 */
#ifndef CAMGATE_PLUGIN_H
#define CAMGATE_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CGP_ABI_MAJOR 2
#define CGP_ABI_MINOR 1

#define CGP_EXPORT       __attribute__((visibility("default")))
#define CGP_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* The rest of the members behind `size`: CGP_INIT(cgp_option, "port", CGP_OPT_INT, 1) in
 * a table, &CGP_MAKE(cgp_health, .ok = true) as an argument. */
#define CGP_INIT(type, ...)                                                              \
  { .size = sizeof(struct type), __VA_ARGS__ }
#define CGP_MAKE(type, ...) ((struct type){.size = sizeof(struct type), __VA_ARGS__})

/* Element i of an array of structs, whatever the minor of who made it. */
#define CGP_AT(array, i)                                                                 \
  ((const __typeof__(*(array)) *)((const char *)(array) + (size_t)(i) * (array)->size))

/* ---- shared shapes ---- */

/* Ids of cameras, tiers and leases: a letter or digit, then letters, digits, _ and -.
 * Scopes: any text; to a plugin of 2.0, which knew 200 bytes, the host gives a longer
 * one shortened.  Lengths in bytes.  The host checks what it passes and is told. */
#define CGP_CAMERA_ID_MAX 63
#define CGP_TIER_MAX      31
#define CGP_LEASE_ID_MAX  63
#define CGP_SCOPE_MAX     384 /* since 2.1; 200 before */
#define CGP_SCOPES_MAX    32  /* in one request; unique */
#define CGP_LADDER_MAX    16  /* at least 1 */
#define CGP_HOLDERS_MAX   64

enum cgp_code {
  CGP_OK = 0,
  CGP_E_UNAVAILABLE, /* the peer is away or refuses service: caller answers 503 */
  CGP_E_TIMEOUT,     /* the peer did not answer in time: 503                    */
  CGP_E_NOTFOUND,    /* no such camera, room, row                               */
  CGP_E_INVALID,     /* the request can never work as asked                     */
  CGP_E_BUSY,        /* a bound of the plugin's own is reached: 503, retry      */
  CGP_E_INTERNAL,    /* a defect, or a peer that talks nonsense                 */
};

enum cgp_level { CGP_DEBUG, CGP_INFO, CGP_WARN, CGP_ERROR };

/* Handle of one asynchronous call.  Passed by value; never 0; never used again, so a
 * stale handle is recognised, not dereferenced. */
struct cgp_call {
  uint64_t id;
};

enum cgp_option_type {
  CGP_OPT_STRING,
  CGP_OPT_SECRET, /* as string; its value is masked wherever text leaves the gate */
  CGP_OPT_INT,
  CGP_OPT_BOOL,
  CGP_OPT_URL,
  CGP_OPT_PATH, /* relative paths are made absolute against the configuration file */
};

/* One option.  The host checks type and range, and names file and line on refusal. */
struct cgp_option {
  uint32_t size;
  const char *name;
  enum cgp_option_type type;
  int64_t min, max; /* INT: the range; STRING, SECRET: bytes (max 0 = 4096) */
  const char *def;  /* text form; NULL = absent unless configured */
  const char *help; /* one sentence, ends in a full stop */
};

/* ---- cameras: who they are ---- */

struct cgp_feed {
  uint32_t size;
  const char *tier, *url; /* the URL may hold a password: never log or return it */
};

struct cgp_camera {
  uint32_t size;
  const char *id, *name, *site; /* name and site: "" when not given; site: 256 bytes */
  const char *const *tags;
  size_t n_tags;
  int32_t level;
  const char *attributes; /* a JSON object as text, "{}" when empty */
  const struct cgp_feed *feeds;
  size_t n_feeds;
};
struct cgp_camera_list {
  uint32_t size;
  const struct cgp_camera *const *cameras;
  size_t n;
};
/* What a reload changes of the directory; handed to host->cameras_changed. */
enum cgp_change { CGP_CAMERA_ADDED, CGP_CAMERA_CHANGED, CGP_CAMERA_REMOVED };
struct cgp_camera_change {
  uint32_t size;
  enum cgp_change change;
  const char *id;
};
struct cgp_cameras_ops {
  uint32_t size;
  /* result: struct cgp_camera; CGP_E_NOTFOUND when there is none of that id */
  void (*get)(void *w, const char *id, struct cgp_call call);
  /* result: struct cgp_camera_list, ordered by id */
  void (*list)(void *w, struct cgp_call call);
};

/* ---- quota: how many ---- */

/* A counter with a limit.  `weighted`: a holder counts its tier's kbit/s, else 1. */
struct cgp_scope {
  uint32_t size;
  bool weighted;
  const char *name;
  uint64_t limit;
};

/* Take one place in every scope, at the first tier of the ladder that fits in all of
 * them, in one atomic step.  A lease that already holds is asked anew: its own holding
 * does not count against it, and is replaced on success, kept on refusal. */
struct cgp_quota_reserve {
  uint32_t size, ttl_ms; /* the holding lapses when not renewed for this long */
  const char *lease_id;
  const struct cgp_scope *scopes;
  size_t n_scopes;
  const uint32_t *ladder_kbps; /* best tier first */
  size_t n_ladder;
  int64_t priority; /* the policies'; advice: who is refused stays so for now */
};
struct cgp_quota_verdict {
  uint32_t size;
  bool granted;
  size_t rung;       /* granted: index into the ladder */
  const char *scope; /* refused: the first scope that was full at the lowest rung */
  uint64_t limit, in_use;
  const char *const *holders; /* refused: other leases that hold it; none = not known */
  size_t n_holders;           /* at most CGP_HOLDERS_MAX: then there may be more */
};

/* Keep a holding, with the scopes and weight that now apply.  Never refuses for lack of
 * room: who holds, keeps.  Unknown lease: known = false, nothing taken. */
struct cgp_quota_hold {
  uint32_t size, kbps, ttl_ms;
  const char *lease_id;
  const struct cgp_scope *scopes;
  size_t n_scopes;
};
struct cgp_quota_renewed {
  uint32_t size, known; /* known: 1 or 0 */
};
struct cgp_quota_usage {
  uint32_t size;
  uint64_t in_use; /* in the scope's own unit; 0 for a scope nobody holds */
};
struct cgp_quota_swept {
  uint32_t size;
  uint64_t lapsed; /* holdings dropped because nobody renewed them */
};
struct cgp_quota_ops {
  uint32_t size;
  void (*reserve)(void *w, const struct cgp_quota_reserve *req, struct cgp_call call);
  void (*renew)(void *w, const struct cgp_quota_hold *hold, struct cgp_call call);
  /* gives back what n >= 1 leases hold; no result; an unknown lease is success.  When it
   * fails some may be given back and others not: all of them are asked for again */
  void (*release)(void *w, const char *const *lease_ids, size_t n, struct cgp_call call);
  void (*usage)(void *w, const char *scope, struct cgp_call call);
  /* called about once a second by one worker */
  void (*sweep)(void *w, struct cgp_call call);
  /* what is held, whatever the limits: before the first reserve as the trail says, and
   * when the gate stood still.  Who is known keeps what it has, for the whole time again.
   * Where others may have got in meanwhile a renewal beyond a limit may then hear that
   * its lease is unknown.  No result. */
  void (*restore)(void *w, const struct cgp_quota_hold *holds, size_t n,
                  struct cgp_call call);
};

/* ---- room: the SFU ---- */

struct cgp_room_token_request {
  uint32_t size, ttl_s;
  const char *room, *identity; /* identity = lease id */
  const char *name;            /* shown to other participants; "" = none */
};
struct cgp_room_token {
  uint32_t size;
  const char *token;
  const char *url;       /* where clients connect */
  int64_t expires_at_us; /* wall clock */
};
/* Who is in a room (since 2.1).  sid: of this connection; joined_us: wall clock at the
 * SFU, 0 = not known. */
struct cgp_participant {
  uint32_t size;
  const char *identity, *sid;
  int64_t joined_us;
};
struct cgp_participants {
  uint32_t size, again_ms; /* list this room again after so long; 0: the host's choice */
  const char *room_sid;    /* "" when nobody is there, or not known */
  const struct cgp_participant *participants;
  size_t n;
};
struct cgp_room_ops {
  uint32_t size;
  /* the room exists when this completes; no result */
  void (*ensure)(void *w, const char *room, struct cgp_call call);
  /* may join and subscribe in that one room; nothing else.  Result: cgp_room_token */
  void (*token)(void *w, const struct cgp_room_token_request *req, struct cgp_call call);
  /* put a participant out; one that is not there is success; no result */
  void (*remove)(void *w, const char *room, const char *identity, struct cgp_call call);
  /* since 2.1; may be NULL.  result: struct cgp_participants; a room that is not there is
   * empty.  CGP_E_INVALID: there are no lists, and nobody asks again */
  void (*participants)(void *w, const char *room, struct cgp_call call);
};

enum cgp_room_event_type {
  CGP_ROOM_JOINED,
  CGP_ROOM_LEFT,
  CGP_ROOM_OPENED,
  CGP_ROOM_CLOSED,
  CGP_ROOM_TRACK_PUBLISHED,
  CGP_ROOM_TRACK_UNPUBLISHED,
  CGP_ROOM_EVENTS_LOST, /* some were dropped: trust lists, not counts */
};

/* What the SFU reports; handed to host->room_event.  Twice, late and out of order are
 * normal: `sid` tells two joins of one identity apart. */
struct cgp_room_event {
  uint32_t size;
  enum cgp_room_event_type type;
  const char *room, *identity, *sid; /* "" when the event has none */
  int64_t at_us;                     /* wall clock at the SFU */
  const char *room_sid; /* since 2.1: tells two rooms of one name apart; NULL = none */
};

/* ---- ice: TURN servers ---- */

struct cgp_ice_request {
  uint32_t size, ttl_s;
  const char *lease_id;
};
struct cgp_ice_server {
  uint32_t size, ttl_s;
  const char *const *urls;
  size_t n_urls;
  const char *username, *credential; /* NULL for STUN */
};
struct cgp_ice_servers {
  uint32_t size;
  const struct cgp_ice_server *servers;
  size_t n;
};
struct cgp_ice_ops {
  uint32_t size;
  /* result: struct cgp_ice_servers, possibly none */
  void (*issue)(void *w, const struct cgp_ice_request *req, struct cgp_call call);
};

/* ---- audit: the trail ---- */

/* One event of the trail.  Strings are UTF-8, never NULL; "" = does not apply.
 * kind: decision (an answer to reserve), change (tier, scopes, hard end, token or
 * identity of a lease), join, leave, end, admin, reload, start, stop, auth (refused
 * credentials, counted), clock (the wall clock was set: facts.step_ms).  seq orders, time
 * tells what the clock said. */
struct cgp_audit_row {
  uint32_t size;
  const char *kind;
  const char *lease_id, *request_id, *decision_id;
  const char *subject, *camera;
  const char *quality_requested, *quality; /* tiers */
  const char *outcome;                     /* allow | deny | error | ended_by | "" */
  const char *reason, *rule;               /* rule: policy name */
  const char *policy_revision, *client_addr;
  const char *facts; /* a JSON object as text */
  /* the trail's own; ignored by append */
  int64_t seq;
  const char *id, *time, *node, *prev, *hash; /* time: RFC 3339 UTC, microseconds */
};
struct cgp_audit_appended {
  uint32_t size;
  int64_t seq; /* of the last row */
};

#define CGP_AUDIT_ROWS_MAX 256
struct cgp_audit_filter {
  uint32_t size, limit; /* rows at most, 1..1000 */
  bool newest_first;
  const char *since, *until;                     /* RFC 3339; since <= time < until */
  const char *subject, *camera, *kind, *outcome; /* "" = any */
  const char *lease_id;                          /* "" = any */
  int64_t after_seq; /* cursor: rows behind this one, 0 = start */
};
struct cgp_audit_rows {
  uint32_t size;
  const struct cgp_audit_row *rows;
  size_t n;
  int64_t next_seq; /* cursor for the following page, 0 = no more */
};
struct cgp_audit_verdict {
  uint32_t size;
  bool intact;
  int64_t rows, first_bad_seq; /* 0: the rows are whole, but not what they lie in */
  const char *text;            /* what is wrong, or the head's hash */
};
struct cgp_audit_ops {
  uint32_t size;
  /* A group: 1 to CGP_AUDIT_ROWS_MAX rows, `size` of the first apart; all are written or
   * none, in order, with consecutive seq.  Completes with struct cgp_audit_appended once
   * all would survive a power cut.  Failing means: none is there, nor will be while this
   * process runs.  CGP_E_TIMEOUT comes of the host's deadline alone (0.9 s) and means:
   * not known.  So fail, unwritten, what waited for 0.8 s.  Where the host has to know it
   * appends without a deadline: complete however late, in `stop` at the latest. */
  void (*append)(void *w, const struct cgp_audit_row *rows, size_t n, struct cgp_call c);
  void (*query)(void *w, const struct cgp_audit_filter *f, struct cgp_call call);
  /* result: struct cgp_audit_rows: for each lease granted and not ended, its newest
   * decision or change row, in order of seq; and, among them, the rows of kind clock
   * behind the first of those (since 2.1) */
  void (*live)(void *w, struct cgp_call call);
  void (*verify)(void *w, struct cgp_call call); /* result: struct cgp_audit_verdict */
};

/* ---- http: routes of the plugin's own ---- */

/* path: as sent, without the query.  header and query: the value of a header (caseless),
 * of a query parameter (decoded); NULL: there is none. */
struct cgp_http_request {
  uint32_t size;
  const char *method, *path, *client_addr, *request_id;
  const char *body;
  size_t body_len;
  const void *given; /* for the two below */
  const char *(*header)(const struct cgp_http_request *req, const char *name);
  const char *(*query)(const struct cgp_http_request *req, const char *name);
};

/* A field of a reply.  Framing, connection and what the host adds itself (Content-Length,
 * Content-Type, Date, Connection, ...) are not the plugin's; nor is a name twice. */
struct cgp_header {
  uint32_t size;
  const char *name, *value; /* a token; at most 320 bytes without control characters */
};
struct cgp_http_reply {
  uint32_t size, status;    /* of a refusal `body` is the detail: the guide says which */
  const char *content_type; /* NULL = none is sent */
  const char *body;
  size_t body_len;
  const struct cgp_header *headers;
  size_t n_headers; /* at most CGP_HEADERS_MAX */
};
#define CGP_HEADERS_MAX 6

/* Reached without a user token: the handler authenticates its peer by itself.  A path
 * that ends in a slash and a star has all that lies below: of the routes for a request's
 * path and method an exact one wins, then the longest.  HEAD is asked as GET. */
struct cgp_route {
  uint32_t size;
  const char *method, *path;
  void (*handle)(void *w, const struct cgp_http_request *req, struct cgp_call call);
};

/* ---- what the host gives ---- */

struct cgp_timer; /* the host's */
struct cgp_fetch {
  uint32_t size, timeout_ms, max_reply; /* bytes of body: above it the fetch fails */
  struct cgp_call call; /* on whose behalf: its trace goes along (W3C); {0} = nobody's */
  const char *method, *url;
  const char *const *headers; /* "Name: value" */
  size_t n_headers;
  const char *body; /* copied */
  size_t body_len;
};
struct cgp_fetched {
  uint32_t size, status;
  enum cgp_code code; /* CGP_OK: an answer came, whatever its status */
  const char *body;   /* NUL-terminated, valid inside the callback */
  size_t body_len;
  const char *error; /* words, when code is not CGP_OK */
};

/* One per worker, and one for init (whose timer, fetch, call and post functions abort:
 * there is no loop yet).  Every function takes the host itself first; all but log and
 * post belong to that worker's thread. */
struct cgp_host {
  uint32_t size, worker, n_workers; /* this worker's number, how many there are */
  /* never blocks; lines of one fmt (if it is no mere "%s") that repeat within a second
   * are one with their number */
  void (*log)(struct cgp_host *h, enum cgp_level level, const char *fmt, ...)
      CGP_PRINTF(3, 4);
  /* options, checked; strings live as long as the process; NULL = absent */
  const char *(*conf_string)(struct cgp_host *h, const char *name);
  int64_t (*conf_int)(struct cgp_host *h, const char *name);
  bool (*conf_bool)(struct cgp_host *h, const char *name);
  const char *(*state_dir)(struct cgp_host *h); /* absolute, exists, mode 0700 */
  const char *(*node)(struct cgp_host *h);

  int64_t (*wall_us)(struct cgp_host *h); /* microseconds since 1970 UTC */
  int64_t (*mono_us)(struct cgp_host *h); /* never jumps */
  /* complete a call; see CALLS above */
  void *(*call_alloc)(struct cgp_host *h, struct cgp_call call, size_t n); /* or NULL */
  void (*done)(struct cgp_host *h, struct cgp_call call, const void *result);
  void (*fail)(struct cgp_host *h, struct cgp_call call, enum cgp_code code,
               const char *fmt, ...) CGP_PRINTF(4, 5);
  /* one shot; the handle is dead once it fired or was stopped.  NULL: out of memory */
  struct cgp_timer *(*timer)(struct cgp_host *h, uint32_t ms, void (*fn)(void *),
                             void *arg);
  void (*timer_stop)(struct cgp_host *h, struct cgp_timer *t);
  /* run fn on this worker's loop, soon.  Any thread.  false: it stopped or is too busy */
  bool (*post)(struct cgp_host *h, void (*fn)(void *arg), void *arg);
  /* HTTP on this loop: keep-alive, TLS verified, no redirects.  fn runs once, later */
  void (*fetch)(struct cgp_host *h, const struct cgp_fetch *f,
                void (*fn)(void *arg, const struct cgp_fetched *got), void *arg);

  void (*room_event)(struct cgp_host *h, const struct cgp_room_event *ev);
  /* inside reload, with main's host; once or bit by bit */
  void (*cameras_changed)(struct cgp_host *h, const struct cgp_camera_change *c,
                          size_t n);
  /* register in init, with main's host; count with any worker's */
  int (*metric)(struct cgp_host *h, const char *name, const char *help, bool gauge);
  void (*metric_add)(struct cgp_host *h, int metric, int64_t n);
  /* the libevent 2.1 loop, for client libraries that bring an adapter */
  struct event_base *(*event_base)(struct cgp_host *h);

  /* Since 2.1.  As room_event; fn runs once, now or later: CGP_OK when what the event
   * makes is durable, or it makes nothing; else it is not kept, and may be told again */
  void (*room_event_told)(struct cgp_host *h, const struct cgp_room_event *ev,
                          void (*fn)(void *arg, enum cgp_code code), void *arg);
};

/* ---- what the plugin gives ---- */

struct cgp_health {
  uint32_t size;
  bool ok;
  const char *text; /* one line: "livekit 7880 answers", "valkey away since ..." */
  const char *server, *server_version; /* "valkey", "8.0.1"; NULL = it does not say */
};

/* What the plugin is linked with.  `camgate check` warns of versions known to be bad. */
struct cgp_library {
  uint32_t size;
  const char *name;
  const char *(*version)(void); /* any thread, before init too */
};

struct cgp_plugin {
  uint32_t size;
  uint16_t abi_major, abi_minor;
  const char *name; /* as the file: quota_local.so -> "quota_local" */
  const char *version, *summary;
  const struct cgp_option *options;
  size_t n_options;

  /* 0, or -1 with words in err (NUL-terminated), a line for each fault; one that begins
   * with "option NAME" is told at that option.  ret_self may stay NULL */
  int (*init)(struct cgp_host *h, void **ret_self, char *err, size_t err_size);
  void (*fini)(void *self); /* may be NULL */
  int (*start)(void *self, struct cgp_host *h, void **ret_w, char *err, size_t err_size);
  void (*stop)(void *w);                                 /* may be NULL */
  int (*reload)(void *self, char *err, size_t err_size); /* may be NULL */
  void (*health)(void *w, struct cgp_call call);         /* may be NULL; cgp_health */

  /* kinds: NULL = does not serve it */
  const struct cgp_cameras_ops *cameras;
  const struct cgp_quota_ops *quota;
  const struct cgp_room_ops *room;
  const struct cgp_ice_ops *ice;
  const struct cgp_audit_ops *audit;
  const struct cgp_route *routes;
  size_t n_routes;
  const struct cgp_library *libraries;
  size_t n_libraries;

  /* Since 2.1; may be NULL when init has no effect outside of the process.  What would
   * init refuse, in init's words, a line each?  Nothing is made, held or changed.
   * `camgate check` asks it instead of init, a start asks it before any effect.  0, or -1
   * with words in err. */
  int (*check)(struct cgp_host *h, char *err, size_t err_size);
};

/* The one exported symbol:  CGP_EXPORT const struct cgp_plugin camgate_plugin = {...}; */
extern CGP_EXPORT const struct cgp_plugin camgate_plugin;

#endif
