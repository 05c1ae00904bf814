#include "cli/known_bad.h"

#include <string.h>

#include "base/check.h"
#include "base/version.h"

const struct cg_known_bad cg_known_bad[] = {
    {"coturn",
     "an unauthenticated packet ends the server on ARM64; with --oauth another "
     "one writes over the stack",
     "", "4.10.0", NULL, "CVE-2026-40613, CVE-2026-43994",
     "Update, or run it on another architecture without --oauth, as "
     "etc/turnserver.conf.",
     false},
    {"coturn", "peers named as 0.0.0.0, [::] or [::1] reach the relay's own host", "",
     "4.5.2", NULL, "CVE-2020-26262, GHSA-6g6j-r9rf-cm7p",
     "etc/turnserver.conf denies such peers in every notation.", false},
    {"curl", "heap overflow in the SOCKS5 handshake", "7.69.0", "8.4.0",
     "7.88.1-10+deb12u4", "CVE-2023-38545", "Not reached: the gate uses no proxy.", true},
    {"evhtp",
     "the parser takes Transfer-Encoding beside Content-Length, two Content-Lengths and "
     "chunk sizes that overflow, and reads a byte too far",
     "", "", NULL, "seen here: core/http/conn.h",
     "Worked around: the parser sees no byte, requests are read by message.h.", true},
    {"hiredis", "integer overflow in long replies of a hostile server", "", "1.0.1",
     "0.14.1-2", "CVE-2021-32765, GHSA-hfm9-39pp-55p2",
     "Update, or let nobody but your Valkey answer at its address.", false},
    {"libevent",
     "security fixes in evbuffer, bufferevent and evdns, among others that the gate "
     "does not use",
     "", "2.1.13", "2.1.12-stable-8+deb12u1",
     "release notes of 2.1.13; CVE-2026-63379, -63381 to -63385, -63387, -63388",
     "Update.", false},
    {"libjwt", "an RSA key without alg verifies HMAC tokens with an empty key", "3.0.0",
     "3.3.3", NULL, "CVE-2026-44699",
     "Not reached: the gate verifies by itself; libjwt only signs.", true},
    {"libjwt", "signatures are compared in a time that depends on them", "", "1.17.0",
     "1.10.2-1+deb12u1", "CVE-2024-25189",
     "Not reached: the gate verifies by itself; libjwt only signs.", true},
    {"livekit",
     "retransmissions of simulcast layers are dropped: pictures stall after packet loss",
     "1.13.5", "1.13.6", NULL, "livekit/livekit#4800", "Update.", false},
    {"livekit", "token revocation is in the protocol and not in the server", "", "", NULL,
     "livekit/livekit 1.13.5: revoke_token_ts is read nowhere",
     "Keep lease.token_s short where a lease that ends must be final.", false},
    {"lua", "deep nesting of coroutine.close overflows the C stack", "5.4.0", "5.4.5",
     NULL, "lua.org/bugs.html#5.4.4", "Not reached: policies have no coroutines.", true},
    {"lua", "heap overflow when an error strikes while another one is handled", "5.4.0",
     "5.4.5", "5.4.4-3", "CVE-2022-33099", "Update: policies can reach it.", false},
    {"lua", "heap over-read when code declares _ENV <const>", "5.4.0", "5.4.5", "5.4.4-2",
     "CVE-2022-28805", "Update, or let only people you trust write policies.", false},
    {"openssl", "use after free in PKCS7_verify", "", "3.0.21 3.4.6 3.5.7 3.6.3 4.0.1",
     NULL, "CVE-2026-45447", "Not reached: the gate reads no PKCS#7.", true},
    {"openssl", "buffer overflow by e-mail addresses in certificates", "3.0.0", "3.0.7",
     NULL, "CVE-2022-3602, CVE-2022-3786", "Update: certificates of others reach it.",
     false},
    {"sqlite",
     "WAL-reset: two connections that checkpoint and commit at one instant damage the "
     "file",
     "3.7.0", "3.51.3", NULL, "sqlite.org/wal.html, the WAL-reset bug",
     "Worked around: one connection commits and checkpoints, every other one reads only. "
     "Open the trail with `sqlite3 -readonly`.",
     true},
    {"sqlite", "memory corruption by queries with too many aggregate terms", "", "3.50.2",
     "3.40.1-2+deb12u2", "CVE-2025-6965", "Not reached: no SQL comes from outside.",
     true},
    {"valkey",
     "use after free by CLIENT KILL over TLS, and by damaged stream data in RESTORE", "",
     "7.2.14 8.0.10 8.1.9 9.0.5 9.1.1", NULL, "CVE-2026-56684, CVE-2026-63639",
     "Let the gate's user call functions only (plugins/quota_valkey/README.md).", false},
    {"valkey",
     "use after free when a client is unblocked, and when a replica syncs while a "
     "function "
     "yields; bad memory access in RESTORE",
     "", "7.2.13 8.0.9 8.1.7 9.0.4 9.1.0", NULL,
     "CVE-2026-23479, CVE-2026-23631, CVE-2026-25243",
     "Let the gate's user call functions only, and keep Valkey on a private network.",
     false},
    {"valkey", "a Lua script runs code in the server, reads or crashes it", "",
     "7.2.11 8.0.6 8.1.4", NULL,
     "CVE-2025-49844, CVE-2025-46817, CVE-2025-46818, CVE-2025-46819",
     "Let nobody but an administrator load functions or run scripts.", false},
    {"valkey", "a Lua script runs code in the server through its garbage collector", "",
     "7.2.8 8.0.2", NULL, "CVE-2024-46981",
     "Let nobody but an administrator load functions or run scripts.", false},
    {"valkey", "a Lua script overflows the stack of the bit library", "", "7.2.7 8.0.1",
     NULL, "CVE-2024-31449",
     "Let nobody but an administrator load functions or run scripts.", false},
};

const size_t cg_known_bad_count = CG_COUNT(cg_known_bad);

static bool holds(const struct cg_known_bad *row, const char *version,
                  const char *package) {
  if (*row->since && cg_version_cmp(version, row->since) < 0) return false;
  if (package && row->debian && cg_version_cmp(package, row->debian) >= 0) return false;
  return !cg_version_mended(version, row->mended);
}

const struct cg_known_bad *cg_known_bad_next(size_t *at, const char *component,
                                             const char *version, const char *package) {
  while (*at < cg_known_bad_count) {
    const struct cg_known_bad *row = &cg_known_bad[(*at)++];
    if (!strcmp(row->component, component) && holds(row, version, package)) return row;
  }
  return NULL;
}
