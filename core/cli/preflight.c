#include "cli/preflight.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/addr.h"
#include "base/check.h"
#include "conf/conf_path.h"
#include "http/bind.h"

struct looking {
  const struct cg_conf *conf;
  struct cg_preflight *found;
  struct cg_field_errors errs, warnings;
};

static void wrong(struct looking *l, const char *pointer, const char *text) {
  cg_field_error(&l->errs, l->conf->arena, pointer, "%s", text);
}

static void warn(struct looking *l, const char *pointer, const char *text) {
  cg_field_error(&l->warnings, l->conf->arena, pointer, "%s", text);
}

/* ---- state folder, development secret ---- */

static void look_at_state(struct looking *l) {
  const struct cg_conf *conf = l->conf;
  struct cg_err err = {0};
  if (!cg_conf_could_make_dir(conf->state_dir, &err))
    wrong(l, "/state_dir", err.text);
  else if (conf->dev_secret && !conf->auth.secret &&
           !cg_conf_dev_secret(conf->state_dir, false, conf->arena, &err) &&
           err.code != CG_E_NOT_FOUND)
    wrong(l, "/jwt/secret", err.text);
}

/* ---- addresses ---- */

static bool is_loopback(const struct cg_addr *a) {
  static const char *const nets[] = {"127.0.0.0/8", "::1"};
  bool inside = false;
  for (size_t i = 0; i < CG_COUNT(nets); i++) {
    struct cg_net net;
    struct cg_err err;
    const struct cg_nets one = {&net, 1};
    inside |= cg_net_parse(nets[i], &net, &err) && cg_nets_hold(&one, a);
  }
  return inside;
}

static void warn_of_secret(struct looking *l, const struct cg_addresses *at) {
  bool public = false;
  for (uint32_t i = 0; i < at->n; i++) public |= !is_loopback(&at->items[i]);
  if (public && l->conf->dev_secret)
    warn(l, "/listen/address",
         "others than this host reach the gate, and their tokens are signed with the "
         "development secret: configure jwt.secret or jwt.jwks");
}

static bool look_at_addresses(struct looking *l, const struct cg_strings *names,
                              int64_t port, const char *listener,
                              struct cg_addresses *at) {
  char pointer[32];
  struct cg_err err;
  snprintf(pointer, sizeof pointer, "/%s/address", listener);
  if (!cg_addresses_find(names, (uint16_t)port, at, &err)) {
    wrong(l, pointer, err.text);
    return false;
  }
  snprintf(pointer, sizeof pointer, "/%s/port", listener);
  if (cg_addresses_taken(at, (uint16_t)port, &err)) {
    const char *words =
        cg_arena_printf(l->conf->arena, "%s: this gate, if it runs", err.text);
    warn(l, pointer, words ? words : err.text);
  }
  return true;
}

static void look_at_listeners(struct looking *l) {
  const struct cg_conf *conf = l->conf;
  struct cg_addresses at;
  if (look_at_addresses(l, &conf->listen_addresses, conf->port, "listen", &at))
    warn_of_secret(l, &at);
  look_at_addresses(l, &conf->admin_addresses, conf->admin_port, "admin", &at);
}

/* ---- files ---- */

static void look_at_key(struct looking *l) {
  struct stat st;
  const char *key = l->conf->tls.key;
  if (key && !stat(key, &st) && (st.st_mode & (S_IROTH | S_IWOTH)))
    warn(l, "/listen/tls/key", "everybody on this host may read it: chmod 600");
}

/* What looks like a policy to people, and to nobody else. */
static bool is_left_out(const char *name) {
  size_t n = strlen(name);
  return name[0] != '.' && n > 4 && !strcasecmp(name + n - 4, ".lua") &&
         !cg_bundle_takes(name);
}

static void warn_of_names(struct looking *l) {
  DIR *folder = opendir(l->conf->policies);
  for (const struct dirent *e; folder && (e = readdir(folder));)
    if (is_left_out(e->d_name))
      cg_field_error(&l->warnings, l->conf->arena, "/policies/dir",
                     "%s is not taken for a policy: its name has to be letters, digits, "
                     "_ and -, and .lua",
                     e->d_name);
  if (folder) closedir(folder);
}

static void look_at_policies(struct looking *l) {
  struct cg_preflight *f = l->found;
  struct cg_policy *policy = cg_offline_policy(l->conf, NULL, NULL, &f->problems);
  if (policy) f->zones = cg_zones_ref(cg_policy_zones(policy));
  cg_policy_unref(policy);
  warn_of_names(l);
}

/* ---- plugins ---- */

static void look_at_plugins(struct looking *l, enum cg_preflight_use use) {
  struct cg_preflight *f = l->found;
  struct cg_arena *arena = l->conf->arena;
  if (!l->conf->plugin_names.n) return; /* the file says why */
  cg_offline_look(&f->plugins, l->conf, arena, &l->errs);
  bool begins = use == CG_PREFLIGHT_RUN && !l->errs.n && !f->problems.n;
  bool ok = begins || cg_plugins_init(f->plugins.set, arena, &l->errs);
  (void)ok; /* errs has it */
}

void cg_preflight(const struct cg_conf *conf, enum cg_preflight_use use,
                  struct cg_preflight *f) {
  struct looking l = {.conf = conf, .found = f};
  cg_conf_tell(conf, &conf->errs, &f->problems);
  if (conf->whole) {
    look_at_state(&l);
    look_at_listeners(&l);
    look_at_key(&l);
    look_at_policies(&l);
    look_at_plugins(&l, use);
  }
  cg_conf_tell(conf, &l.errs, &f->problems);
  cg_conf_tell(conf, &conf->warnings, &f->warnings);
  cg_conf_tell(conf, &l.warnings, &f->warnings);
  cg_conf_sort(&f->problems);
  cg_conf_sort(&f->warnings);
}

void cg_preflight_done(struct cg_preflight *f) {
  cg_zones_unref(f->zones);
  cg_offline_close(&f->plugins);
}
