#include "conf/conf_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bounds.h"
#include "base/meant.h"
#include "http/bind.h"

#define DAY_S     86400
#define DAY_MS    86400000
#define TEXT      4096
#define PORT_MAX  65535
#define LIST_MAX  256
#define AT(place) .offset = offsetof(struct cg_conf_values, place)

const struct cg_conf_values cg_conf_defaults = {
    .listen_addresses = {(const char *const[]){"0.0.0.0"}, 1},
    .admin_addresses = {(const char *const[]){"127.0.0.1"}, 1},
    .log_level = "info",
    .port = 8090,
    .admin_port = 8091,
    .drain_s = 10,
    .jwt = {.roles_claim = "roles",
            .sites_claim = "sites",
            .leeway_s = 30,
            .cache_entries = 4096,
            .jwks_refresh_s = 300,
            .jwks_least_s = 10},
    .limits = {32, 1000000, 20, 50, 32},
    .lease = {20, 60, 3600, 3600, 100000, 256},
    .deadlines = {1000, 1000, 3000, 1000, 900, 10000},
    .http = {CG_HEAD_MAX, 64, 65536, 5, 10, 75, 10, 2, 4096, 16384, 1024, 512},
};

#define TEXT_FIELD(n, place, least, words)                                               \
  {                                                                                      \
    .name = n, .type = CG_STRING, .min = least, .max = TEXT, AT(place), .help = words,   \
    .odd = cg_text_odd                                                                   \
  }
#define SECRET_FIELD(n, place, least, words)                                             \
  {                                                                                      \
    .name = n, .type = CG_STRING, .min = least, .max = TEXT, AT(place), .help = words,   \
    .odd = cg_secret_odd                                                                 \
  }
#define PATH_FIELD(n, place, words)                                                      \
  {                                                                                      \
    .name = n, .type = CG_STRING, .min = 1, .max = CG_CLAIM_PATH_MAX, AT(place),         \
    .help = words, .odd = cg_text_odd                                                    \
  }
#define INT_FIELD(n, place, from, to, words)                                             \
  { .name = n, .type = CG_INT, .min = from, .max = to, AT(place), .help = words }
#define LIST_FIELD(n, place, words)                                                      \
  {                                                                                      \
    .name = n, .type = CG_STRINGS, .max = LIST_MAX, AT(place), .help = words,            \
    .odd = cg_text_odd                                                                   \
  }
#define ADDRESSES_FIELD(n, place, words)                                                 \
  {                                                                                      \
    .name = n, .type = CG_STRINGS, .min = 1, .max = CG_ADDRESSES_MAX, AT(place),         \
    .help = words, .odd = cg_text_odd                                                    \
  }
#define TABLE_FIELD(n, table, words)                                                     \
  { .name = n, .type = CG_TABLE, .sub = table, .help = words }

static const char *const client_certs[] = {"none", "optional", "required", NULL};

static const struct cg_field tls_fields[] = {
    TEXT_FIELD("cert", tls.cert, 1,
               "PEM file of the certificate chain; read again at a reload."),
    TEXT_FIELD("key", tls.key, 1, "PEM file of its private key."),
    TEXT_FIELD("client_ca", tls.client_ca, 1, "PEM file of who signs clients."),
    {.name = "client_cert",
     .type = CG_STRING,
     .max = TEXT,
     AT(tls.client_cert),
     .help = "Must clients show a certificate: none, optional, required; with a "
             "client_ca required.",
     .one_of = client_certs},
    {0},
};

static const struct cg_field listen_fields[] = {
    ADDRESSES_FIELD("address", listen_addresses,
                    "Addresses and names of the public REST API; :: is both families."),
    INT_FIELD("port", port, 0, PORT_MAX, "Its port; 0 takes any."),
    TABLE_FIELD("tls", tls_fields, "HTTPS, when it names a certificate."),
    LIST_FIELD("allow", listen.allow, "Client networks that are let in; all."),
    LIST_FIELD("deny", listen.deny, "Client networks that are not; wins."),
    LIST_FIELD("trusted_proxies", listen.proxies,
               "Peers whose X-Forwarded-For says who the client is; none."),
    {0},
};

static const struct cg_field admin_fields[] = {
    ADDRESSES_FIELD("address", admin_addresses,
                    "Those of health, metrics and reload; keep them on loopback."),
    INT_FIELD("port", admin_port, 0, PORT_MAX, "Its port; 0 takes any."),
    LIST_FIELD("allow", admin.allow, "Networks that are let in; all."),
    LIST_FIELD("deny", admin.deny, "Networks that are not; wins."),
    {0},
};

static const struct cg_field jwt_fields[] = {
    SECRET_FIELD("secret", jwt.secret, 1,
                 "HS256 secret of user tokens, 32 bytes or more; without any key a "
                 "development secret is made in state_dir."),
    TEXT_FIELD("public_key", jwt.public_key, 1,
               "PEM file of an RSA (RS256) or P-256 (ES256) public key."),
    TEXT_FIELD("jwks", jwt.jwks, 1,
               "The issuer's key set: an https URL, or a JSON file read again at a "
               "reload."),
    TEXT_FIELD("jwks_ca", jwt.jwks_ca, 1,
               "PEM file of who signs the URL's server; the system's authorities."),
    INT_FIELD("jwks_refresh_s", jwt.jwks_refresh_s, 1, DAY_S,
              "The URL is asked this often."),
    INT_FIELD("jwks_least_s", jwt.jwks_least_s, 1, 3600,
              "Least time between two of a worker, whatever tokens name."),
    TEXT_FIELD("key_id", jwt.key_id, 1,
               "Name of the key; tokens that name another are refused."),
    TEXT_FIELD("issuer", jwt.issuer, 1, "What iss must say."),
    TEXT_FIELD("audience", jwt.audience, 1, "What aud must hold."),
    PATH_FIELD("roles_claim", jwt.roles_claim,
               "Path of the roles, such as realm_access.roles."),
    PATH_FIELD("sites_claim", jwt.sites_claim, "Path of the sites."),
    INT_FIELD("leeway_s", jwt.leeway_s, 0, 600, "How far clocks may differ."),
    INT_FIELD("cache_entries", jwt.cache_entries, 0, 1048576,
              "Verified tokens remembered by each worker; 0 for none."),
    {0},
};

static const struct cg_field policies_fields[] = {
    TEXT_FIELD("dir", policies.dir, 1, "Folder of policies; policies or ../policies."),
    TEXT_FIELD("zone", policies.zone, 0,
               "Time zone of req.time, such as Europe/Berlin; TZ, else the system's."),
    {0},
};

static const struct cg_field limits_fields[] = {
    INT_FIELD("memory_mib", limits.memory_mib, 4, 4096,
              "Memory of one worker's policies."),
    INT_FIELD("instructions", limits.instructions, 1000, 1000000000,
              "Lua instructions of one decision."),
    INT_FIELD("resume_ms", limits.resume_ms, 1, 10000,
              "CPU between two waits of one decision."),
    INT_FIELD("decide_ms", limits.decide_ms, 1, 10000,
              "CPU of one decision; waiting is free."),
    INT_FIELD("awaits", limits.awaits, 1, 1000, "Calls of usage() in one decision."),
    {0},
};

static const struct cg_field lease_fields[] = {
    INT_FIELD("beat_s", lease.beat_s, 1, DAY_S, "Clients are told to beat this often."),
    INT_FIELD("lapse_s", lease.lapse_s, 2, DAY_S,
              "A lease is over this long after its last beat."),
    INT_FIELD("longest_s", lease.longest_s, 10, 31 * DAY_S,
              "Hard end of a lease when neither policy nor caller says another."),
    INT_FIELD("token_s", lease.token_s, 10, 31 * DAY_S,
              "Room tokens live so long, never longer than the lease."),
    INT_FIELD("max", lease.max, 1, 10000000, "Live leases of one worker."),
    INT_FIELD("arena_kib", lease.arena_kib, 64, 65536, "Memory of one grant."),
    {0},
};

#define DEADLINE(n, words) INT_FIELD(#n, deadlines.n, 10, DAY_MS, words)

static const struct cg_field deadlines_fields[] = {
    DEADLINE(cameras, "To find a camera."),
    DEADLINE(quota, "To take, renew or release."),
    DEADLINE(room, "To have the room open."),
    DEADLINE(ice, "To issue TURN credentials."),
    DEADLINE(audit, "To have a row on disk."),
    DEADLINE(query, "To answer an auditor."),
    {0},
};

static const struct cg_field cors_fields[] = {
    LIST_FIELD("origins", http.cors_origins,
               "Origins whose pages may call, such as https://app.example; none."),
    {0},
};

static const struct cg_field http_fields[] = {
    INT_FIELD("head_bytes", http.head_bytes, CG_TARGET_MAX + 64, 65535,
              "Request line and header fields."),
    INT_FIELD("headers", http.headers, 8, 64, "Header fields of a request."),
    INT_FIELD("body_bytes", http.body_bytes, 1024, 16777216, "Body of a request."),
    INT_FIELD("header_s", http.header_s, 1, 3600,
              "Until the whole head is there; with TLS, as long before it for the "
              "handshake."),
    INT_FIELD("body_s", http.body_s, 1, 3600, "From there until the whole body is."),
    INT_FIELD("idle_s", http.idle_s, 1, 3600,
              "Between requests of a connection; longer than a proxy in front keeps it."),
    INT_FIELD("write_s", http.write_s, 1, 3600,
              "A reply must move on by write_least in it."),
    INT_FIELD("linger_s", http.linger_s, 1, 60,
              "After a refusal, until the client is gone."),
    INT_FIELD("write_least", http.write_least, 1, 65536, "Bytes, or the reply's rest."),
    INT_FIELD("connections", http.connections, 1, 1000000, "Connections of a worker."),
    INT_FIELD("per_address", http.per_address, 1, 1000000,
              "Connections of one address at a worker."),
    INT_FIELD("in_flight", http.in_flight, 1, 1000000,
              "Requests at work in a worker; beyond, 503 at once."),
    TABLE_FIELD("cors", cors_fields, "Browsers' pages of other origins."),
    {0},
};

static const char *const levels[] = {"debug", "info", "warn", "error", NULL};

const struct cg_field cg_conf_fields[] = {
    TABLE_FIELD("listen", listen_fields, "The public listener."),
    TABLE_FIELD("admin", admin_fields, "The operator's listener."),
    INT_FIELD("workers", workers, 0, 256, "Threads; 0 for one a CPU, at most 16."),
    TEXT_FIELD("state_dir", state_dir, 1,
               "Folder of audit.db; ../state beside the shipped policies of a checkout, "
               "../../var/lib/camgate of an installed prefix."),
    TEXT_FIELD("node", node, 1, "This gate's name in the trail; the host's."),
    {.name = "log_level",
     .type = CG_STRING,
     .max = TEXT,
     AT(log_level),
     .help = "Least level that is logged.",
     .one_of = levels},
    INT_FIELD("drain_s", drain_s, 0, 3600,
              "SIGTERM: how long requests in flight may take."),
    TABLE_FIELD("jwt", jwt_fields, "User tokens."),
    TABLE_FIELD("policies", policies_fields, "What decides; a text is its dir."),
    TABLE_FIELD("limits", limits_fields, "What one decision may use."),
    TABLE_FIELD("lease", lease_fields, "Clocks and bounds of leases."),
    TABLE_FIELD("deadlines_ms", deadlines_fields, "How long plugins may take."),
    TABLE_FIELD("http", http_fields, "Bounds of the public listener."),
    TEXT_FIELD("plugin_dir", plugin_dir, 1,
               "Folder of plugins; plugins beside the binary, or the prefix's "
               "lib/camgate/plugins."),
    {0},
};

/* ---- in words ---- */

/* "a, b" of the struct cg_strings there. */
static void list_text(const char *at, char *out, size_t n) {
  struct cg_strings list;
  struct cg_buf b;
  memcpy(&list, at, sizeof list);
  cg_buf_wrap(&b, out, n);
  if (!list.n) cg_buf_puts(&b, "-");
  for (size_t i = 0; i < list.n; i++)
    cg_buf_printf(&b, "%s%s", i ? ", " : "", list.items[i]);
}

static void default_text(const struct cg_field *f, char *out, size_t n) {
  const char *at = (const char *)&cg_conf_defaults + f->offset, *text;
  int64_t number;
  memcpy(&text, at, sizeof text);
  memcpy(&number, at, sizeof number);
  if (f->type == CG_INT)
    snprintf(out, n, "%" PRId64, number);
  else if (f->type == CG_STRINGS)
    list_text(at, out, n);
  else
    snprintf(out, n, "%s", text ? text : "-");
}

struct describing {
  struct cg_buf *out;
  bool json;
};

static void describe_one(const struct describing *d, const char *name,
                         const struct cg_field *f) {
  char range[64] = "text", def[64];
  if (f->type == CG_INT)
    snprintf(range, sizeof range, "%" PRId64 "..%" PRId64, f->min, f->max);
  if (f->type == CG_STRINGS) snprintf(range, sizeof range, "list or \"a, b\"");
  default_text(f, def, sizeof def);
  if (!d->json) {
    cg_buf_printf(d->out, "%-22s %-18s %-10s %s\n", name, range, def, f->help);
    return;
  }
  cg_json_open(d->out, NULL, '{');
  cg_json_str(d->out, "name", name);
  cg_json_str(d->out, "range", range);
  cg_json_str(d->out, "default", strcmp(def, "-") ? def : NULL);
  cg_json_str(d->out, "help", f->help);
  cg_json_close(d->out, '}');
}

static void describe(const struct describing *d, const struct cg_field *fields,
                     const char *prefix) {
  for (const struct cg_field *f = fields; f->name; f++) {
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", prefix, f->name,
             f->type == CG_TABLE ? "." : "");
    if (f->type == CG_TABLE)
      describe(d, f->sub, name);
    else
      describe_one(d, name, f);
  }
}

void cg_conf_describe(struct cg_buf *out) {
  cg_buf_printf(out, "%-22s %-18s %-10s\n", "OPTION", "RANGE", "DEFAULT");
  describe(&(struct describing){out, false}, cg_conf_fields, "");
  cg_buf_puts(out, "sites                  [\"NAME\"] = { zone = }, at most 1024; "
                   "cameras' own time zones\n"
                   "tiers                  1 to 8 of { name =, width =, height =, fps =, "
                   "kbps = }; low, medium, high\n"
                   "plugins                in order: { \"name\", option = value, ... }; "
                   "options: camgate plugin check FILE\n");
}

void cg_conf_describe_json(struct cg_buf *out) {
  cg_json_open(out, NULL, '[');
  describe(&(struct describing){out, true}, cg_conf_fields, "");
  cg_json_close(out, ']');
  cg_buf_puts(out, "\n");
}
