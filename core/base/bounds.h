/* bounds.h - how long the texts may be that a person, a policy or a file brings, in one
 * table: what one door takes, every later door takes.
 *
 * In bytes of UTF-8 but where it says characters.  A bound that follows from another is
 * written as that, or asserted below.  core/README.md shows the same table in words; the
 * ABI's own (plugins/camgate_plugin.h) are held against these in plugin/names.c.
 */
#ifndef CG_BASE_BOUNDS_H
#define CG_BASE_BOUNDS_H

/* ---- a request's head, as shipped: the token is the longest of it ---- */

#define CG_TOKEN_MAX  14336                 /* of a user: 200 groups are 10.9 KB */
#define CG_HEAD_MAX   (CG_TOKEN_MAX + 2048) /* request line and other fields */
#define CG_TARGET_MAX 8192                  /* path and query */
#define CG_KEY_MAX    128                   /* Idempotency-Key */

/* ---- what a token says: base64 makes 4 bytes of 3 ---- */

#define CG_CLAIMS_MAX      12288 /* as compact JSON, where numbers may have grown */
#define CG_CLAIM_PATH_MAX  256   /* where roles and sites are */
#define CG_SUBJECT_MAX     256   /* sub, a role, a site */
#define CG_ROLES_MAX       256   /* how many; of sites, too */
#define CG_PERSON_NAME_MAX 256   /* of a longer one the begin is taken, LiveKit's bound */

/* ---- what else is asked with, and about ---- */

#define CG_PURPOSE_CHARACTERS 200
#define CG_PURPOSE_MAX        (CG_PURPOSE_CHARACTERS * 4)
#define CG_CAMERA_ID_MAX      63
#define CG_SITE_MAX           256 /* of a camera; a user's is no longer */
#define CG_TIER_NAME_MAX      31
#define CG_ROOM_NAME_MAX      111 /* "camera_" id "." tier */

/* ---- what policies say ---- */

#define CG_RULES_MAX       256 /* files */
#define CG_RULE_NAME_MAX   64
#define CG_DENY_MAX        300 /* deny's text */
#define CG_SCOPES_MAX      32
#define CG_SCOPE_NAME_MAX  (CG_SUBJECT_MAX + 128) /* "user:" and a subject, and more */
#define CG_USAGE_FACTS_MAX 32768 /* as JSON: what a decision read of usage() */

/* ---- what the trail keeps: JSON makes at most two bytes of one of a plain text ---- */

#define CG_REASON_MAX (CG_SCOPE_NAME_MAX + 16) /* a lease's: also "SCOPE is full" */
#define CG_FACTS_MAX  131072                   /* of one row */

#define CG_FACTS_NEED                                                                    \
  (2048 /* names, times, numbers */ + 4 * CG_PURPOSE_MAX + 2 * CG_SITE_MAX +             \
   CG_RULES_MAX * (CG_RULE_NAME_MAX + 16) + CG_USAGE_FACTS_MAX +                         \
   (CG_SCOPES_MAX + 1) * (2 * CG_SCOPE_NAME_MAX + 64) + 2 * CG_PERSON_NAME_MAX +         \
   2 * CG_ROOM_NAME_MAX + 4 * CG_CLAIM_PATH_MAX + CG_CLAIMS_MAX)

_Static_assert(CG_FACTS_NEED <= CG_FACTS_MAX, "a row has room for all that is allowed");
_Static_assert(CG_REASON_MAX >= CG_DENY_MAX, "a lease keeps what a policy said");
_Static_assert(CG_ROOM_NAME_MAX >= 8 + CG_CAMERA_ID_MAX + CG_TIER_NAME_MAX,
               "each camera and tier has a room");
_Static_assert(CG_SCOPE_NAME_MAX >= CG_SUBJECT_MAX + CG_CAMERA_ID_MAX + 16,
               "a scope can be named after a user and a camera");
_Static_assert(CG_CLAIMS_MAX >= CG_TOKEN_MAX / 4 * 3, "claims as they came fit");
_Static_assert(CG_HEAD_MAX <= 65535, "message.h counts a head in 16 bits");

#endif
