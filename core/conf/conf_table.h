/* conf_table.h - the option table: what the file's table may hold, as it stands there.
 *
 * struct cg_conf_values is what the checker fills: defaults first, then the file.  Units
 * are the file's; conf.c turns them into those of struct cg_conf.  Plugins and tiers are
 * lists of tables and are read by conf_lists.h, sites by zone_files.h.
 */
#ifndef CG_CONF_CONF_TABLE_H
#define CG_CONF_CONF_TABLE_H

#include "base/buf.h"
#include "base/schema.h"

struct cg_conf_values {
  struct cg_strings listen_addresses, admin_addresses;
  const char *state_dir, *node, *log_level;
  const char *plugin_dir;
  int64_t port, admin_port, workers, drain_s;
  struct {
    const char *dir, *zone;
  } policies;
  struct {
    const char *cert, *key, *client_ca, *client_cert;
  } tls;
  struct {
    struct cg_strings allow, deny, proxies;
  } listen;
  struct {
    struct cg_strings allow, deny;
  } admin;
  struct {
    const char *secret, *public_key, *key_id, *issuer, *audience;
    const char *roles_claim, *sites_claim, *jwks, *jwks_ca;
    int64_t leeway_s, cache_entries, jwks_refresh_s, jwks_least_s;
  } jwt;
  struct {
    int64_t memory_mib, instructions, resume_ms, decide_ms, awaits;
  } limits;
  struct {
    int64_t beat_s, lapse_s, longest_s, token_s, max, arena_kib;
  } lease;
  struct {
    int64_t cameras, quota, room, ice, audit, query;
  } deadlines;
  struct {
    int64_t head_bytes, headers, body_bytes, header_s, body_s, idle_s, write_s, linger_s;
    int64_t write_least, connections, per_address, in_flight;
    struct cg_strings cors_origins;
  } http;
};

extern const struct cg_conf_values cg_conf_defaults;
/* Without plugins, tiers and sites; ends with a row whose name is NULL. */
extern const struct cg_field cg_conf_fields[];

/* One line an option: name, type, range, default, help; or an array of objects. */
void cg_conf_describe(struct cg_buf *out);
void cg_conf_describe_json(struct cg_buf *out);

#endif
