/* audit query, verify, export: the trail, read beside a running gate. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd_opts.h"
#include "cli/offline.h"
#include "plugin/columns.h"

#define PAGE    1000
#define ROW_MAX ((size_t)1 << 20)

/* One question to the trail, beside a running gate. */
struct trail {
  struct cg_offline off;
  const char *who; /* "audit": what complains */
  bool answered;
  int code;
};

struct reading {
  struct trail trail;
  struct cgp_audit_filter filter;
  int64_t left; /* rows wanted yet */
  int64_t told;
  void (*row)(struct reading *r, const struct cgp_audit_row *row);
};

static void complain(struct trail *t, const char *text) {
  fprintf(stderr, "camgate %s: %s\n", t->who, text);
  t->code = CG_EXIT_USAGE;
}

/* Opens it, asks, waits for the answer; the exit code. */
static int on_trail(const struct cg_cmd_env *env, struct trail *t, void (*ask)(void *arg),
                    void *arg) {
  struct cg_err err = {0};
  struct cg_conf *conf = cg_cmd_conf(env, CG_CONF_LOOK);
  if (!conf) return CG_EXIT_USAGE;
  if (cg_offline_open(&t->off, conf, CG_OFFLINE_AUDIT, &err)) {
    ask(arg);
    cg_offline_wait(&t->off, &t->answered);
  } else {
    complain(t, err.text);
  }
  cg_offline_close(&t->off);
  cg_conf_free(conf);
  return t->code;
}

/* ---- how a row is written ---- */

static void write_json(struct reading *r, const struct cgp_audit_row *row) {
  struct cg_buf out;
  (void)r;
  cg_buf_init(&out, ROW_MAX);
  cg_row_json(&out, row);
  puts(cg_buf_text(&out));
  cg_buf_done(&out);
}

static void write_table(struct reading *r, const struct cgp_audit_row *row) {
  if (r->told == 0)
    puts("     seq  time                         kind      subject          camera       "
         "    quality  outcome   lease, reason");
  printf("%8lld  ", (long long)row->seq);
  cg_cmd_cell(row->time, 29);
  cg_cmd_cell(row->kind, 10);
  cg_cmd_cell(row->subject, 17);
  cg_cmd_cell(row->camera, 17);
  cg_cmd_cell(row->quality, 9);
  cg_cmd_cell(row->outcome, 10);
  cg_cmd_cell(row->lease_id, 0);
  if (*row->reason) printf("%s", *row->lease_id ? "  " : "");
  cg_cmd_cell(row->reason, 0);
  if (*row->rule) {
    fputs(" [", stdout);
    cg_cmd_cell(row->rule, 0);
    putchar(']');
  }
  putchar('\n');
}

/* RFC 4180; a text that a spreadsheet would take for a formula gets a leading '. */
static void write_field(const char *text) {
  putchar('"');
  if (*text && strchr("=+-@\t\r", *text)) putchar('\'');
  for (; *text; text++) {
    if (*text == '"') putchar('"');
    putchar(*text);
  }
  putchar('"');
}

static void write_csv(struct reading *r, const struct cgp_audit_row *row) {
  if (r->told == 0) {
    fputs("seq", stdout);
    for (const struct cg_column *c = cg_row_columns; c->name; c++) printf(",%s", c->name);
    fputs("\r\n", stdout);
  }
  printf("%lld", (long long)row->seq);
  for (const struct cg_column *c = cg_row_columns; c->name; c++) {
    putchar(',');
    write_field(cg_column_text(row, c));
  }
  fputs("\r\n", stdout);
}

/* ---- pages ---- */

static void ask(void *arg);

static void got_page(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct reading *r = arg;
  const struct cgp_audit_rows *rows = result;
  if (code != CGP_OK) {
    complain(&r->trail, text);
    r->trail.answered = true;
    return;
  }
  for (size_t i = 0; i < rows->n && r->left > 0; i++, r->left--, r->told++)
    r->row(r, CGP_AT(rows->rows, i));
  r->filter.after_seq = rows->next_seq;
  r->trail.answered = rows->next_seq == 0 || r->left <= 0 || ferror(stdout);
  if (!r->trail.answered) ask(r);
}

static void ask(void *arg) {
  struct reading *r = arg;
  r->filter.limit = r->left < PAGE ? (uint32_t)r->left : PAGE;
  cg_audit_query(r->trail.off.drivers, &r->filter, got_page, r);
}

/* ---- the commands ---- */

#define FILTERS(f)                                                                       \
  {"--since", CG_OPT_TEXT, &(f)->since, "Rows from this RFC 3339 time on."},             \
      {"--until", CG_OPT_TEXT, &(f)->until, "Rows before this time."},                   \
      {"--subject", CG_OPT_TEXT, &(f)->subject, "Rows of this subject."},                \
      {"--camera", CG_OPT_TEXT, &(f)->camera, "Rows of this camera."},                   \
      {"--kind", CG_OPT_TEXT, &(f)->kind,                                                \
       "decision, change, join, leave, end, reload, start, stop, auth, clock."},         \
      {"--outcome", CG_OPT_TEXT, &(f)->outcome, "allow, deny, error, or how it ended."}, \
  {                                                                                      \
    "--lease", CG_OPT_TEXT, &(f)->lease_id, "Rows of this lease."                        \
  }

/* CG_CMD_GO, or the exit code: all is said. */
static int kind_holds(const char *command, const char *kind) {
  static const char *const kinds[] = {"",      "decision", "change", "join",
                                      "leave", "end",      "reload", "start",
                                      "stop",  "auth",     "clock"};
  for (size_t i = 0; i < CG_COUNT(kinds); i++)
    if (strcmp(kind, kinds[i]) == 0) return CG_CMD_GO;
  return cg_cmd_usage(command, "--kind %.20s: there is no such kind", kind);
}

int cg_cmd_audit_query(const struct cg_cmd_env *env, int argc, char **argv) {
  struct reading r = {
      .trail = {.who = "audit"}, .filter = cg_filter_blank(), .left = 100};
  const char *limit = "100";
  bool newest = false;
  const struct cg_cmd_opt opts[] = {
      FILTERS(&r.filter),
      {"--limit", CG_OPT_TEXT, &limit, "Rows at most; 100."},
      {"--newest", CG_OPT_FLAG, &newest, "The newest first."},
      {0}};
  int code = cg_cmd_opts("audit query", opts, argc, argv);
  if (code != CG_CMD_GO) return code;
  if ((code = kind_holds("audit query", r.filter.kind)) != CG_CMD_GO) return code;
  if (!cg_cmd_number(limit, 1, INT64_MAX, &r.left))
    return cg_cmd_usage("audit query", "--limit must be a number from 1 on");
  r.filter.newest_first = newest;
  r.row = env->json ? write_json : write_table;
  return on_trail(env, &r.trail, ask, &r);
}

int cg_cmd_audit_export(const struct cg_cmd_env *env, int argc, char **argv) {
  struct reading r = {.trail = {.who = "audit"},
                      .filter = cg_filter_blank(),
                      .left = INT64_MAX,
                      .row = write_csv};
  const char *format = env->json ? "jsonl" : "csv";
  const struct cg_cmd_opt opts[] = {
      FILTERS(&r.filter),
      {"--format", CG_OPT_TEXT, &format, "csv (RFC 4180) or jsonl; csv."},
      {0}};
  int code = cg_cmd_opts("audit export", opts, argc, argv);
  if (code != CG_CMD_GO) return code;
  if ((code = kind_holds("audit export", r.filter.kind)) != CG_CMD_GO) return code;
  if (strcmp(format, "csv") != 0 && strcmp(format, "jsonl") != 0)
    return cg_cmd_usage("audit export", "--format must be csv or jsonl");
  if (strcmp(format, "jsonl") == 0) r.row = write_json;
  return on_trail(env, &r.trail, ask, &r);
}

struct verifying {
  struct trail trail;
  bool json;
};

static void tell_verdict(struct verifying *v, const struct cgp_audit_verdict *verdict) {
  v->trail.code = verdict->intact ? CG_EXIT_OK : CG_EXIT_FINDING;
  if (v->json) {
    struct cg_buf out;
    cg_buf_init(&out, ROW_MAX);
    cg_json_open(&out, NULL, '{');
    cg_json_bool(&out, "intact", verdict->intact);
    cg_json_int(&out, "rows", verdict->rows);
    if (!verdict->intact) cg_json_int(&out, "first_bad_seq", verdict->first_bad_seq);
    cg_json_str(&out, verdict->intact ? "head" : "text", verdict->text);
    cg_json_close(&out, '}');
    puts(cg_buf_text(&out));
    cg_buf_done(&out);
  } else if (verdict->intact) {
    printf("intact: %lld rows, head %s\n", (long long)verdict->rows, verdict->text);
  } else if (verdict->first_bad_seq == 0) {
    printf("broken: %s\n", verdict->text);
  } else {
    printf("broken at row %lld of %lld: %s\n", (long long)verdict->first_bad_seq,
           (long long)verdict->rows, verdict->text);
  }
}

static void verified(void *arg, enum cgp_code code, const void *result,
                     const char *text) {
  struct verifying *v = arg;
  if (code == CGP_OK)
    tell_verdict(v, result);
  else
    complain(&v->trail, text);
  v->trail.answered = true;
}

static void ask_verdict(void *arg) {
  struct verifying *v = arg;
  cg_audit_verify(v->trail.off.drivers, verified, v);
}

int cg_cmd_audit_verify(const struct cg_cmd_env *env, int argc, char **argv) {
  const struct cg_cmd_opt none[] = {{0}};
  struct verifying v = {.trail = {.who = "audit verify"}, .json = env->json};
  int code = cg_cmd_opts("audit verify", none, argc, argv);
  return code == CG_CMD_GO ? on_trail(env, &v.trail, ask_verdict, &v) : code;
}
