/* reader.h - the thread that answers questions about the trail.
 *
 * Each question opens a read-only connection of its own, so it sees the file that is at
 * the path now and holds no snapshot longer than it needs.  The queue is bounded. */
#ifndef AUD_READER_H
#define AUD_READER_H

#include "box.h"
#include "place.h"

#define AUD_QUESTIONS_MAX 64

struct aud_reader;

enum aud_question { AUD_ASK_PAGE, AUD_ASK_LIVE, AUD_ASK_VERDICT };

/* lease_us: how old a lease may become.  NULL: words. */
struct aud_reader *aud_reader_start(const struct aud_place *place, int64_t lease_us,
                                    struct aud_words *words);
/* Ends what runs, drops what waits. */
void aud_reader_stop(struct aud_reader *r); /* NULL is fine */

/* On the worker of the box, which will answer the call; f only for a page. */
void aud_reader_ask(struct aud_reader *r, struct aud_box *box, enum aud_question what,
                    const struct cgp_audit_filter *f, struct cgp_call call);

/* Is there a trail of our version that can be read? */
bool aud_reader_check(const struct aud_place *place, struct aud_words *words);

#endif
