/* query.h - a page of the trail.
 *
 * Rows are found by lease (index), by subject or camera (search tables up to their
 * watermark, then the few newer rows one by one), else in order of seq.  Times tell what
 * the clock said, and it may have been set back: seq alone orders.  Where it went back by
 * over a second `meta` says so ('back ...', by the writer), and in each run of rows
 * between two such places a time becomes a seq by a binary search, with two seconds to
 * spare; then each row's own time is compared.
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
 * And the rows of kind `clock` behind the oldest of them, in the order of seq: what the
 * times in a row say by today's clock is known by those.
 * Leases whose id is older than the longest lease are taken for over: ids begin with 14
 * hex digits of microseconds, so the one index answers this without a look at the table.
 * Their time is the clock's of then: counted from the trail's newest row, and back over
 * what the clock was set by ('step ...' of `meta`). */
enum cgp_code aud_live(sqlite3 *db, int64_t now_us, int64_t lease_us,
                       struct aud_page *page, struct aud_message *msg);

#endif
