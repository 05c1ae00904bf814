/* conf_lists.h - the lists of the file: tiers, plugins, networks, origins. */
#ifndef CG_CONF_CONF_LISTS_H
#define CG_CONF_CONF_LISTS_H

#include "base/addr.h"
#include "base/schema.h"
#include "base/tier.h"
#include "http/cors.h"

/* `given` is NULL (tiers: the default) or what the file says. */
void cg_conf_tiers(json_t *given, struct cg_tiers *out, struct cg_arena *arena,
                   struct cg_field_errors *errs);

/* Fills names and *ret_options, a new reference, in the order of the list. */
void cg_conf_plugins(json_t *given, struct cg_strings *names, json_t **ret_options,
                     struct cg_arena *arena, struct cg_field_errors *errs);

/* Makes arrays of what stands for a list of texts: one text, with commas between its
 * elements, as an environment variable has it; and an empty table, which in Lua is an
 * empty list, too.  An empty list that may be empty is taken out: it means the same. */
void cg_conf_lists(const struct cg_field *fields, json_t *table);

/* pointer: of the list, for what is wrong with its nth. */
struct cg_nets cg_conf_nets(const struct cg_strings *given, const char *pointer,
                            struct cg_arena *arena, struct cg_field_errors *errs);

/* NULL: none is given, or errs has grown. */
const struct cg_cors *cg_conf_cors(const struct cg_strings *given, const char *pointer,
                                   struct cg_arena *arena, struct cg_field_errors *errs);

#endif
