/* ports.h - ports on loopback for servers that a test starts.
 *
 * Below those that the kernel gives to outgoing connections (ip_local_port_range) and
 * those of the live suites, so nobody takes one between its choice and its use; each
 * process begins elsewhere.  Functions assert through cmocka.
 */
#ifndef TESTS_PLUGINS_PORTS_H
#define TESTS_PLUGINS_PORTS_H

#include <stdint.h>

/* Free for TCP and UDP; each call gives another one. */
uint16_t ports_take(void);

#endif
