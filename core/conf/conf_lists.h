/* conf_lists.h - the lists of the file: tiers, plugins, networks. */
#ifndef CG_CONF_CONF_LISTS_H
#define CG_CONF_CONF_LISTS_H

#include "base/addr.h"
#include "base/schema.h"
#include "base/tier.h"

/* `given` is NULL (tiers: the default) or what the file says. */
void cg_conf_tiers(json_t *given, struct cg_tiers *out, struct cg_arena *arena,
                   struct cg_field_errors *errs);

/* Fills names and *ret_options, a new reference, in the order of the list. */
void cg_conf_plugins(json_t *given, struct cg_strings *names, json_t **ret_options,
                     struct cg_arena *arena, struct cg_field_errors *errs);

/* In Lua an empty list and an empty table are the same: those that should be lists of
 * texts are taken out, which is what empty means for each of them. */
void cg_conf_drop_empty(const struct cg_field *fields, json_t *table);

/* pointer: of the list, for what is wrong with its nth. */
struct cg_nets cg_conf_nets(const struct cg_strings *given, const char *pointer,
                            struct cg_arena *arena, struct cg_field_errors *errs);

#endif
