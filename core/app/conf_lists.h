/* conf_lists.h - the two lists of the file: tiers and plugins. */
#ifndef CG_APP_CONF_LISTS_H
#define CG_APP_CONF_LISTS_H

#include "app/conf.h"

/* `given` is NULL (tiers: the default) or what the file says. */
void cg_conf_tiers(json_t *given, struct cg_tiers *out, struct cg_arena *arena,
                   struct cg_field_errors *errs);

/* Fills names and *ret_options, a new reference, in the order of the list. */
void cg_conf_plugins(json_t *given, struct cg_strings *names, json_t **ret_options,
                     struct cg_arena *arena, struct cg_field_errors *errs);

#endif
