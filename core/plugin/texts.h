/* texts.h - the texts that a plugin hands over: UTF-8 from here on.
 *
 * A table says where the texts of a result lie.  Nearly always all are UTF-8, and the
 * result is read as it is; else it is copied, with U+FFFD for what is none.  Rows on
 * their way into the trail go through the same, whoever made them: it is the last door.
 * Cameras are not here: who keeps some copies them by cg_arena_utf8.  Any thread.
 */
#ifndef CG_PLUGIN_TEXTS_H
#define CG_PLUGIN_TEXTS_H

#include "../../plugins/camgate_plugin.h"
#include "base/arena.h"

struct cg_texts;

extern const struct cg_texts cg_texts_verdict, cg_texts_token, cg_texts_participants,
    cg_texts_servers, cg_texts_rows, cg_texts_audit_verdict, cg_texts_reply,
    cg_texts_health;

/* A whole result of that kind, itself or as a copy in *ret_arena, which is the caller's
 * to free; that is NULL where nothing was copied.  NULL: no memory. */
const void *cg_texts_mend(const struct cg_texts *texts, const void *result,
                          struct cg_arena **ret_arena);

/* n rows, sizeof apart, in place: a text without memory for its copy is U+FFFD alone.
 * -> the arena that the new texts lie in, NULL: there are none. */
struct cg_arena *cg_texts_mend_rows(struct cgp_audit_row *rows, size_t n);

#endif
