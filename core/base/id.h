/* id.h - names for leases, decisions and requests.
 *
 * 28 lower-case hex digits: 14 of wall microseconds, 2 of home, 12 random.  The time
 * keeps an index on them cheap; it tells, like every wall time, and orders nothing.
 * The home byte is a hash of the subject: all leases of one subject live on one worker,
 * cg_id_home(id) % workers, whatever the number of workers is after a restart.  Random
 * bytes come from getrandom in batches, per maker; one maker per worker, one thread.
 */
#ifndef CG_BASE_ID_H
#define CG_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CG_ID_LEN 28

struct cg_id {
  char text[CG_ID_LEN + 1];
};

struct cg_id_maker {
  unsigned char pool[4096];
  size_t left;
};

struct cg_id cg_id_new(struct cg_id_maker *m, int64_t wall_us, uint8_t home);
bool cg_id_valid(const char *text);
uint8_t cg_id_home(const char *valid_id);
uint8_t cg_home_of(const char *subject); /* the same on every machine and version */

#endif
