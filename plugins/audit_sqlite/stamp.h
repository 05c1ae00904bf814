/* stamp.h - times as the trail writes them, and the ids of its rows.
 *
 * A time is always the same 27 bytes, "2026-11-24T04:09:15.123456Z" (RFC 3339 section
 * 5.6, UTC), so that comparing text compares time.  Filters may come in any form the RFC
 * allows: fewer digits of a second, an offset instead of Z. */
#ifndef AUD_STAMP_H
#define AUD_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#define AUD_TIME_LEN 27
#define AUD_ID_LEN   28

void aud_time_format(int64_t wall_us, char out[AUD_TIME_LEN + 1]);
bool aud_time_parse(const char *text, int64_t *ret_us);

/* 14 hex digits of microseconds, then 14 that no other row has: `noise` is a counter that
 * each worker starts at random, mixed so that neighbours look unlike. */
void aud_id_format(int64_t wall_us, uint64_t noise, char out[AUD_ID_LEN + 1]);

#endif
