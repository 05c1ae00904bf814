/* result.h - what a plugin's result must be before anybody reads it.
 *
 * A plugin shares our memory and cannot be held to everything, but a result that is not
 * there, one shorter than the first version of its struct, texts that are NULL and counts
 * without items are told apart from an answer here, at the edge: the call ends
 * CGP_E_INTERNAL, and the layers above read only what is whole.  A result of an older
 * minor is shorter than this gate's struct: it is copied into one, and what it lacks is
 * zero.  Any thread, no allocation.
 */
#ifndef CG_PLUGIN_RESULT_H
#define CG_PLUGIN_RESULT_H

#include "../../plugins/camgate_plugin.h"
#include "plugin/texts.h"

#define CG_RESULT_MAX 256 /* bytes of a result's struct */

/* odd: what is wrong with a result of at least `first` bytes, in words; NULL: nothing. */
struct cg_result_kind {
  uint32_t first, now; /* bytes: of its first version, of this gate's; 0: no result */
  const char *(*odd)(const void *result);
  const struct cg_texts
      *texts; /* made UTF-8 before anybody reads them; NULL: it has none */
};

extern const struct cg_result_kind cg_result_none, cg_result_camera, cg_result_cameras,
    cg_result_verdict, cg_result_renewed, cg_result_usage, cg_result_swept,
    cg_result_token, cg_result_participants, cg_result_servers, cg_result_appended,
    cg_result_rows, cg_result_audit_verdict, cg_result_reply, cg_result_health;

/* The result as this gate's struct, given itself or copied into room; NULL when there is
 * none, or *ret_odd says in words why it is no answer. */
const void *cg_result_read(const struct cg_result_kind *kind, const void *given,
                           char room[CG_RESULT_MAX], const char **ret_odd);

/* What else a plugin hands over, through its host: copied into this gate's struct.  NULL,
 * or what is wrong. */
const char *cg_room_event_read(const struct cgp_room_event *given,
                               struct cgp_room_event *ret);

#endif
