/* valkey.h - a real valkey-server of the test's own.
 *
 * It lives in a fresh folder, listens on a Unix socket there and on a free loopback port,
 * keeps nothing on disk, and dies with the test's process.  Only this process is ever
 * signalled.  Functions assert through cmocka.
 */
#ifndef TESTS_PLUGINS_VALKEY_H
#define TESTS_PLUGINS_VALKEY_H

#include <stddef.h>
#include <stdint.h>

struct valkey;

struct valkey *valkey_start(void);
/* With more of the server's options, ending with NULL; they outlive it. */
struct valkey *valkey_start_with(const char *const *more);
void valkey_end(struct valkey *v); /* NULL is fine */

void valkey_kill(struct valkey *v);  /* SIGKILL: everything held is lost */
void valkey_again(struct valkey *v); /* a new process at the same place */
void valkey_freeze(struct valkey *v);
void valkey_thaw(struct valkey *v);
void valkey_clock(struct valkey *v, int64_t off_us); /* its wall clock, from ours */

const char *valkey_socket(const struct valkey *v); /* path */
const char *valkey_dir(const struct valkey *v);
uint16_t valkey_port(const struct valkey *v);

/* One command on a connection of its own; argv ends with NULL.  Returns the reply's first
 * line ("+OK", ":3", "-ERR ..."), valid until the next call. */
const char *valkey_say(struct valkey *v, const char *const *argv);
#define VALKEY_SAY(v, ...) valkey_say(v, (const char *const[]){__VA_ARGS__, NULL})

#endif
