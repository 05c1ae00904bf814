/* telling.h - a plugin waits to hear whether its room event is kept.
 *
 * Whoever keeps the event says so once, however late; the plugin hears it once, while it
 * runs.  When it stops, those that wait hear CGP_E_UNAVAILABLE, and what is said after
 * that is dropped.  One worker's thread.
 */
#ifndef CG_PLUGIN_TELLING_H
#define CG_PLUGIN_TELLING_H

#include "../../plugins/camgate_plugin.h"
#include "base/list.h"

/* CGP_OK: what the event makes is durable, or it makes nothing. */
typedef void cg_told_fn(void *arg, enum cgp_code code);

/* told (NULL: nobody waits) runs once, on the same thread, now or later. */
typedef void cg_room_event_fn(void *ctx, const struct cgp_room_event *ev,
                              cg_told_fn *told, void *arg);

struct cg_telling;
/* In that list until it is over.  NULL: no memory. */
struct cg_telling *cg_telling_new(struct cg_list *open, cg_told_fn *fn, void *arg);
void cg_telling_over(void *telling, enum cgp_code code); /* a cg_told_fn */
void cg_tellings_give_up(struct cg_list *open);

#endif
