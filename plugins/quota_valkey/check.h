/* check.h - what a request must be before it is sent.
 *
 * Each returns NULL, or words for CGP_E_INVALID.  Ids and names: 1 to 255 bytes.
 */
#ifndef QUOTA_VALKEY_CHECK_H
#define QUOTA_VALKEY_CHECK_H

#include "camgate_plugin.h"

#define CHECK_NAME_MAX   255
#define CHECK_SCOPES_MAX 32
#define CHECK_LADDER_MAX 16

const char *check_reserve(const struct cgp_quota_reserve *req);
const char *check_hold(const struct cgp_quota_hold *hold);

#endif
