#include "lease/stub.h"

/* ---- what ops do ---- */

static void stub_say(struct stub *s, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  if (!*s->trace) s->n_trace = 0; /* the test has emptied it */
  int n = vsnprintf(s->trace + s->n_trace, sizeof s->trace - s->n_trace, fmt, ap);
  va_end(ap);
  s->n_trace += (size_t)n;
  assert_true(s->n_trace < sizeof s->trace);
}

/* Durable rows of that kind about that lease; "" = any. */
size_t stub_count(const struct stub *s, const char *kind, const char *id) {
  size_t n = 0;
  for (size_t i = 0; i < s->n_rows; i++)
    n += (!*kind || !strcmp(s->rows[i].kind, kind)) &&
         (!*id || !strcmp(s->rows[i].lease_id, id));
  return n;
}

/* A row with nothing in it but this. */
struct cgp_audit_row stub_row(const char *kind, const char *lease_id) {
  return (struct cgp_audit_row)CGP_INIT(
      cgp_audit_row, .kind = kind, .lease_id = lease_id, .request_id = "",
      .decision_id = "", .subject = "", .camera = "", .quality_requested = "",
      .quality = "", .outcome = "", .reason = "", .rule = "", .policy_revision = "",
      .client_addr = "", .facts = "{}", .seq = 1, .id = "", .time = "", .node = "",
      .prev = "", .hash = "");
}

/* Of those that a test has put there, the kind that was asked for. */
static size_t stub_told(const struct stub *s, const char *kind,
                        struct cgp_audit_row out[8]) {
  size_t n = 0;
  for (size_t i = 0; i < s->n_told; i++)
    if (!strcmp(s->told[i].kind, kind)) out[n++] = s->told[i];
  return n;
}

static void stub_succeed(struct stub *s, const struct stub_held *h) {
  enum stub_op op = h->op;
  struct cgp_call call = h->call;
  const struct cgp_audit_row end = stub_row("end", h->asked);
  bool has_end = *h->asked && stub_count(s, "end", h->asked) > 0;
  struct cgp_audit_row told[8];
  size_t n_told = stub_told(s, h->kind, told);
  bool looks = !strcmp(h->kind, "join") || !strcmp(h->kind, "leave");
  static const char *const urls[] = {"turn:turn.example:3478"};
  static const char *const tags[] = {"lobby"};
  const struct cgp_camera camera =
      CGP_INIT(cgp_camera, .id = "lobby-1", .name = "Lobby", .site = "north",
               .tags = tags, .n_tags = 1, .level = 1, .attributes = "{}");
  const struct cgp_ice_server server =
      CGP_INIT(cgp_ice_server, .urls = urls, .n_urls = 1, .username = "u",
               .credential = "c", .ttl_s = 60);
  const struct cgp_camera *const cameras[] = {&camera};
  const void *results[STUB_OPS] = {
      [STUB_GET] = &camera,
      [STUB_LIST] = &CGP_MAKE(cgp_camera_list, .cameras = cameras, .n = 1),
      [STUB_RESERVE] = &CGP_MAKE(cgp_quota_verdict, .granted = !s->full, .rung = s->rung,
                                 .scope = "uplink:north", .limit = 1, .in_use = 1,
                                 .holders = &s->holder, .n_holders = s->holder ? 1 : 0),
      [STUB_RENEW] = &CGP_MAKE(cgp_quota_renewed, .known = !s->unknown),
      [STUB_USAGE] = &CGP_MAKE(cgp_quota_usage, .in_use = s->in_use),
      [STUB_SWEEP] = &CGP_MAKE(cgp_quota_swept, .lapsed = 0),
      [STUB_TOKEN] = &CGP_MAKE(cgp_room_token, .token = "room-token", .url = "ws://sfu",
                               .expires_at_us = 1),
      [STUB_ISSUE] = &CGP_MAKE(cgp_ice_servers, .servers = &server, .n = 1),
      [STUB_APPEND] = &CGP_MAKE(cgp_audit_appended, .seq = (int64_t)s->n_rows),
      [STUB_PEOPLE] =
          &CGP_MAKE(cgp_participants, .again_ms = s->again_ms, .room_sid = "RM_1",
                    .participants = s->people, .n = s->n_people),
      [STUB_QUERY] = looks ? &CGP_MAKE(cgp_audit_rows, .rows = told, .n = n_told)
                     : s->n_live > 0
                         ? &CGP_MAKE(cgp_audit_rows, .rows = s->live, .n = s->n_live)
                         : &CGP_MAKE(cgp_audit_rows, .rows = &end, .n = has_end),
      [STUB_LIVE] = &CGP_MAKE(cgp_audit_rows, .rows = s->live, .n = s->n_live),
      [STUB_HEALTH] = &CGP_MAKE(cgp_health, .ok = !s->unwell, .text = "as told"),
  };
  if (op == STUB_GET && s->missing)
    (s->host->fail)(s->host, call, CGP_E_NOTFOUND, "no such camera");
  else
    s->host->done(s->host, call, results[op]);
}

static void stub_durable(struct stub *s, struct stub_held *h) {
  for (size_t i = 0; i < h->n_rows; i++) {
    assert_true(s->n_rows < STUB_ROWS_MAX);
    s->rows[s->n_rows++] = s->pending[h->first_row + i];
    s->pending[h->first_row + i].facts = NULL;
  }
  h->n_rows = 0;
}

static void stub_act(struct stub *s, struct stub_held h) {
  enum stub_how how = s->how[h.op];
  s->n[h.op]++;
  if (s->times[h.op] > 0 && --s->times[h.op] == 0) s->how[h.op] = NOW;
  if (how == HOLD) {
    assert_true(s->n_held < STUB_HELD_MAX);
    s->held[s->n_held++] = h;
  } else if (how == FAIL) {
    (s->host->fail)(s->host, h.call, s->code, "the stub was told to fail");
  } else {
    stub_durable(s, &h);
    if (how == WRONG)
      s->host->done(s->host, h.call, NULL);
    else
      stub_succeed(s, &h);
  }
}

/* Takes the oldest held call of that op out; fails the test when there is none. */
static struct stub_held stub_take(struct stub *s, enum stub_op op) {
  for (size_t i = 0; i < s->n_held; i++) {
    if (s->held[i].op != op) continue;
    struct stub_held h = s->held[i];
    s->n_held--;
    memmove(&s->held[i], &s->held[i + 1], (s->n_held - i) * sizeof h);
    return h;
  }
  fail_msg("no call of op %d is held", op);
  return (struct stub_held){0};
}

void stub_let_go(struct stub *s, enum stub_op op) {
  struct stub_held h = stub_take(s, op);
  stub_durable(s, &h);
  stub_succeed(s, &h);
}

/* The next `times` calls (0: all) go so. */
void stub_next(struct stub *s, enum stub_op op, enum stub_how how, unsigned times) {
  s->how[op] = how;
  s->times[op] = times;
  if (how == FAIL && s->code == CGP_OK) s->code = CGP_E_UNAVAILABLE;
}

size_t stub_holds(const struct stub *s, enum stub_op op) {
  size_t n = 0;
  for (size_t i = 0; i < s->n_held; i++) n += s->held[i].op == op;
  return n;
}

/* The rows of the oldest held append that is not durable become so. */
void stub_write(struct stub *s) {
  size_t i = 0;
  while (i < s->n_held && s->held[i].n_rows == 0) i++;
  assert_true(i < s->n_held);
  stub_durable(s, &s->held[i]);
}

void stub_let_fail(struct stub *s, enum stub_op op, enum cgp_code code) {
  struct stub_held h = stub_take(s, op);
  (s->host->fail)(s->host, h.call, code, "the stub was told to fail");
}

/* Lines of the trace that begin so. */
size_t stub_asked(const struct stub *s, const char *begin) {
  size_t n = 0, len = strlen(begin);
  for (const char *at = s->trace; *at; at = strchr(at, '\n') + 1)
    n += strncmp(at, begin, len) == 0;
  return n;
}

const struct stub_row *stub_last_row(const struct stub *s) {
  assert_true(s->n_rows > 0);
  return &s->rows[s->n_rows - 1];
}

/* ---- ops ---- */

static void stub_get(void *w, const char *id, struct cgp_call call) {
  stub_say(w, "get %s\n", id);
  stub_act(w, (struct stub_held){.op = STUB_GET, .call = call});
}

static void stub_list(void *w, struct cgp_call call) {
  stub_act(w, (struct stub_held){.op = STUB_LIST, .call = call});
}

static void stub_reserve(void *w, const struct cgp_quota_reserve *r,
                         struct cgp_call call) {
  ((struct stub *)w)->priority = r->priority;
  stub_say(w, "reserve %s of %zu\n", r->lease_id, r->n_ladder);
  stub_act(w, (struct stub_held){.op = STUB_RESERVE, .call = call});
}

static void stub_renew(void *w, const struct cgp_quota_hold *h, struct cgp_call call) {
  stub_say(w, "renew %s at %u\n", h->lease_id, (unsigned)h->kbps);
  stub_act(w, (struct stub_held){.op = STUB_RENEW, .call = call});
}

static void stub_release(void *w, const char *const *ids, size_t n,
                         struct cgp_call call) {
  for (size_t i = 0; i < n; i++) stub_say(w, "release %s\n", ids[i]);
  stub_act(w, (struct stub_held){.op = STUB_RELEASE, .call = call});
}

static void stub_usage(void *w, const char *scope, struct cgp_call call) {
  stub_say(w, "usage %s\n", scope);
  stub_act(w, (struct stub_held){.op = STUB_USAGE, .call = call});
}

static void stub_sweep(void *w, struct cgp_call call) {
  stub_act(w, (struct stub_held){.op = STUB_SWEEP, .call = call});
}

static void stub_restore(void *w, const struct cgp_quota_hold *holds, size_t n,
                         struct cgp_call call) {
  ((struct stub *)w)->n_restored += n;
  for (size_t i = 0; i < n && n < 8; i++) stub_say(w, "hold %s\n", holds[i].lease_id);
  stub_act(w, (struct stub_held){.op = STUB_RESTORE, .call = call});
}

static void stub_ensure(void *w, const char *room, struct cgp_call call) {
  stub_say(w, "ensure %s\n", room);
  stub_act(w, (struct stub_held){.op = STUB_ENSURE, .call = call});
}

static void stub_token(void *w, const struct cgp_room_token_request *r,
                       struct cgp_call call) {
  stub_say(w, "token %s for %u\n", r->room, (unsigned)r->ttl_s);
  stub_act(w, (struct stub_held){.op = STUB_TOKEN, .call = call});
}

static void stub_remove(void *w, const char *room, const char *identity,
                        struct cgp_call call) {
  stub_say(w, "remove %s from %s\n", identity, room);
  stub_act(w, (struct stub_held){.op = STUB_REMOVE, .call = call});
}

static void stub_people(void *w, const char *room, struct cgp_call call) {
  struct stub *s = w;
  if (s->no_lists) {
    (s->host->fail)(s->host, call, CGP_E_INVALID, "the stub has no lists");
    return;
  }
  stub_say(w, "people %s\n", room);
  stub_act(w, (struct stub_held){.op = STUB_PEOPLE, .call = call});
}

static void stub_issue(void *w, const struct cgp_ice_request *r, struct cgp_call call) {
  stub_say(w, "ice %s\n", r->lease_id);
  stub_act(w, (struct stub_held){.op = STUB_ISSUE, .call = call});
}

static struct stub_row stub_row_of(const struct cgp_audit_row *row) {
  struct stub_row r = {.facts = strdup(row->facts)};
  snprintf(r.kind, sizeof r.kind, "%s", row->kind);
  snprintf(r.lease_id, sizeof r.lease_id, "%s", row->lease_id);
  snprintf(r.subject, sizeof r.subject, "%s", row->subject);
  snprintf(r.camera, sizeof r.camera, "%s", row->camera);
  snprintf(r.outcome, sizeof r.outcome, "%s", row->outcome);
  snprintf(r.reason, sizeof r.reason, "%s", row->reason);
  snprintf(r.quality, sizeof r.quality, "%s", row->quality);
  snprintf(r.quality_requested, sizeof r.quality_requested, "%s", row->quality_requested);
  return r;
}

static void stub_append(void *w, const struct cgp_audit_row *rows, size_t n,
                        struct cgp_call call) {
  struct stub *s = w;
  struct stub_held h = {
      .op = STUB_APPEND, .call = call, .first_row = s->n_pending, .n_rows = n};
  for (size_t i = 0; i < n; i++) {
    assert_true(s->n_pending < STUB_ROWS_MAX);
    s->pending[s->n_pending++] = stub_row_of(CGP_AT(rows, i));
    stub_say(s, "append %s %s\n", CGP_AT(rows, i)->kind, CGP_AT(rows, i)->outcome);
  }
  stub_act(s, h);
}

static void stub_query(void *w, const struct cgp_audit_filter *f, struct cgp_call call) {
  struct stub_held h = {.op = STUB_QUERY, .call = call};
  snprintf(h.asked, sizeof h.asked, "%s", f->lease_id);
  snprintf(h.kind, sizeof h.kind, "%s", f->kind);
  stub_say(w, "query %s %s\n", f->kind, f->lease_id);
  stub_act(w, h);
}

static void stub_live(void *w, struct cgp_call call) {
  stub_act(w, (struct stub_held){.op = STUB_LIVE, .call = call});
}

static void stub_verify(void *w, struct cgp_call call) {
  struct stub *s = w;
  s->host->done(s->host, call, &CGP_MAKE(cgp_audit_verdict, .intact = true, .text = ""));
}

static void stub_health(void *w, struct cgp_call call) {
  stub_say(w, "health\n");
  stub_act(w, (struct stub_held){.op = STUB_HEALTH, .call = call});
}

static int stub_start(void *self, struct cgp_host *h, void **ret_w, char *err, size_t n) {
  struct stub *s = self;
  (void)err, (void)n;
  s->host = h;
  *ret_w = s;
  return 0;
}

static const struct cgp_cameras_ops stub_cameras_ops =
    CGP_INIT(cgp_cameras_ops, .get = stub_get, .list = stub_list);
static const struct cgp_quota_ops stub_quota_ops = CGP_INIT(
    cgp_quota_ops, .reserve = stub_reserve, .renew = stub_renew, .release = stub_release,
    .usage = stub_usage, .sweep = stub_sweep, .restore = stub_restore);
static const struct cgp_room_ops stub_room_ops =
    CGP_INIT(cgp_room_ops, .ensure = stub_ensure, .token = stub_token,
             .remove = stub_remove, .participants = stub_people);
static const struct cgp_ice_ops stub_ice_ops = CGP_INIT(cgp_ice_ops, .issue = stub_issue);
static const struct cgp_audit_ops stub_audit_ops =
    CGP_INIT(cgp_audit_ops, .append = stub_append, .query = stub_query, .live = stub_live,
             .verify = stub_verify);

const struct cgp_plugin stub_plugin = CGP_INIT(
    cgp_plugin, .abi_major = CGP_ABI_MAJOR, .abi_minor = CGP_ABI_MINOR, .name = "stub",
    .version = "1", .summary = "What a test says.", .start = stub_start,
    .health = stub_health, .cameras = &stub_cameras_ops, .quota = &stub_quota_ops,
    .room = &stub_room_ops, .ice = &stub_ice_ops, .audit = &stub_audit_ops);
