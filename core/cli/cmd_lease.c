/* lease ls, show, end: live leases of the running gate. */
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/cmd_opts.h"
#include "cli/remote.h"

#define PATH_TEXT_MAX 256

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text ? text : "";
}

static int complain(const char *text) {
  fprintf(stderr, "camgate lease: %s\n", text);
  return CG_EXIT_USAGE;
}

/* The gate said no: its words. */
static int refused(const struct cg_remote_reply *reply) {
  const char *detail = text_of(reply->body, "detail");
  fprintf(stderr, "camgate lease: %s\n", *detail ? detail : "the gate refused");
  return reply->status == 404 ? CG_EXIT_FINDING : CG_EXIT_USAGE;
}

static bool call(const struct cg_cmd_env *env, const char *method, const char *path,
                 struct cg_remote_reply *reply) {
  struct cg_err err = {0};
  struct cg_conf *conf = cg_cmd_conf(env, CG_CONF_LOOK);
  bool ok = conf && cg_remote_call(conf, method, path, reply, &err);
  if (conf && !ok) complain(err.text);
  cg_conf_free(conf);
  return ok;
}

static void write_table(const json_t *leases) {
  size_t i;
  json_t *l;
  puts("lease                         subject           camera            quality   "
       "expires                      joined");
  json_array_foreach(leases, i, l) {
    cg_cmd_cell(text_of(l, "lease_id"), 30);
    cg_cmd_cell(text_of(l, "subject"), 18);
    cg_cmd_cell(text_of(l, "camera_id"), 18);
    cg_cmd_cell(text_of(l, "quality"), 10);
    cg_cmd_cell(text_of(l, "expires_at"), 29);
    puts(*text_of(l, "joined_at") ? "yes" : "no");
  }
}

static void write_json(const json_t *json) {
  json_dumpf(json, stdout, JSON_INDENT(2));
  putchar('\n');
}

int cg_cmd_lease_ls(const struct cg_cmd_env *env, int argc, char **argv) {
  struct cg_remote_reply reply;
  const struct cg_cmd_opt none[] = {{0}};
  int code = cg_cmd_opts("lease ls", none, argc, argv);
  if (code != CG_CMD_GO) return code;
  if (!call(env, "GET", "/api/v1/stream/leases", &reply)) return CG_EXIT_USAGE;
  const json_t *leases = json_object_get(reply.body, "leases");
  code = reply.status == 200 && leases ? CG_EXIT_OK : refused(&reply);
  if (code == CG_EXIT_OK && env->json)
    write_json(leases);
  else if (code == CG_EXIT_OK)
    write_table(leases);
  json_decref(reply.body);
  return code;
}

/* The command's one word, a lease id; CG_CMD_GO, or the exit code. */
static int lease_named(const char *command, int argc, char **argv, const char **ret_id) {
  const struct cg_cmd_opt opts[] = {{"LEASE", CG_OPT_TEXT, ret_id, "Its id."}, {0}};
  int code = cg_cmd_opts(command, opts, argc, argv);
  if (code == CG_CMD_GO && !cg_id_valid(*ret_id))
    return cg_cmd_usage(command, "\"%.40s\" is not a lease id", *ret_id);
  return code;
}

static int show(const struct cg_cmd_env *env, const json_t *lease) {
  const char *name;
  json_t *value;
  if (env->json) {
    write_json(lease);
    return CG_EXIT_OK;
  }
  json_object_foreach((json_t *)(uintptr_t)lease, name, value) {
    char *text = json_is_string(value) ? cg_strdup(json_string_value(value))
                                       : json_dumps(value, JSON_ENCODE_ANY);
    cg_cmd_cell(name, 18);
    cg_cmd_cell(text ? text : "", 0);
    putchar('\n');
    cg_free(text);
  }
  return CG_EXIT_OK;
}

int cg_cmd_lease_show(const struct cg_cmd_env *env, int argc, char **argv) {
  struct cg_remote_reply reply;
  const char *id = NULL;
  char path[PATH_TEXT_MAX];
  int code = lease_named("lease show", argc, argv, &id);
  if (code != CG_CMD_GO) return code;
  snprintf(path, sizeof path, "/api/v1/stream/leases?lease_id=%s", id);
  if (!call(env, "GET", path, &reply)) return CG_EXIT_USAGE;
  const json_t *lease = json_array_get(json_object_get(reply.body, "leases"), 0);
  if (reply.status != 200) {
    code = refused(&reply);
  } else if (lease) {
    code = show(env, lease);
  } else {
    complain("no live lease of this id; camgate audit query --lease tells its story");
    code = CG_EXIT_FINDING;
  }
  json_decref(reply.body);
  return code;
}

int cg_cmd_lease_end(const struct cg_cmd_env *env, int argc, char **argv) {
  struct cg_remote_reply reply;
  const char *id = NULL;
  char path[PATH_TEXT_MAX];
  int code = lease_named("lease end", argc, argv, &id);
  if (code != CG_CMD_GO) return code;
  snprintf(path, sizeof path, "/api/v1/stream/release/%s", id);
  if (!call(env, "DELETE", path, &reply)) return CG_EXIT_USAGE;
  code = reply.status == 204 ? CG_EXIT_OK : refused(&reply);
  if (code == CG_EXIT_OK) printf(env->json ? "{\"ended\":\"%s\"}\n" : "ended %s\n", id);
  json_decref(reply.body);
  return code;
}
