/* reader.h - the thread that answers questions about the trail.
 *
 * Each question opens a read-only connection of its own, so it sees the file that is at
 * the path now and holds no snapshot longer than it needs.  The queue is bounded. */
#ifndef AUD_READER_H
#define AUD_READER_H

#include "files.h"
#include "inbox.h"

#define AUD_QUESTIONS_MAX 64

struct aud_reader;

enum aud_question { AUD_ASK_PAGE, AUD_ASK_LIVE, AUD_ASK_VERDICT };

/* lease_us: how old a lease may become.  NULL: msg says why. */
struct aud_reader *aud_reader_start(const struct aud_files *files, int64_t lease_us,
                                    struct aud_message *msg);
/* Ends what runs, drops what waits. */
void aud_reader_stop(struct aud_reader *r); /* NULL is fine */

/* On the worker of the inbox, which will answer the call; f only for a page. */
void aud_reader_ask(struct aud_reader *r, struct aud_inbox *inbox, enum aud_question what,
                    const struct cgp_audit_filter *f, struct cgp_call call);

/* Is there a trail of our version that can be read? */
bool aud_reader_check(const struct aud_files *files, struct aud_message *msg);

#endif
