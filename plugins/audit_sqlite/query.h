/* query.h - a page of the trail.
 *
 * Rows are found by lease (index), by subject or camera (search tables up to their
 * watermark, then the few newer rows one by one), else in order of seq.  Times become seq
 * numbers first: times never go back along the trail, so that is a binary search.
 * What remains (kind, outcome, the other of subject and camera) is compared row by row,
 * for at most AUD_VISITS rows: a page may be short, even empty, and still have a cursor.
 * next_seq 0 alone means the end. */
#ifndef AUD_QUERY_H
#define AUD_QUERY_H

#include "page.h"

#define AUD_VISITS    200000
#define AUD_LIMIT_MAX 1000

/* CGP_E_INVALID: a filter that is no time; CGP_E_UNAVAILABLE: could not be read */
enum cgp_code aud_query(sqlite3 *db, const struct cgp_audit_filter *f,
                        struct aud_page *page, int64_t *ret_next,
                        struct aud_message *msg);

/* For each lease that was granted and has no end row: its newest decision or change.
 * Leases whose id is older than oldest_us are taken for over: ids begin with 14 hex
 * digits of microseconds, so the one index answers this without a look at the table. */
enum cgp_code aud_live(sqlite3 *db, int64_t oldest_us, struct aud_page *page,
                       struct aud_message *msg);

#endif
