/* settings.h - the options, checked together and brought into the form that is used.
 *
 * Immutable after init, shared by all workers.  Without url there is no SFU: tokens only,
 * signed with the given key, or with one that is made at start and known to nobody.
 */
#ifndef ROOM_LIVEKIT_SETTINGS_H
#define ROOM_LIVEKIT_SETTINGS_H

#include "camgate_plugin.h"
#include "rooms.h"

#define URL_BYTES      512
#define MADE_KEY_BYTES 72
#define WRONG_BYTES    256

/* webhook_key "": no webhooks are accepted. */
struct settings {
  char base[URL_BYTES];    /* http(s)://..., no slash at the end; "" = no SFU */
  char clients[URL_BYTES]; /* ws(s)://...; "" when not known */
  const char *key, *secret;
  const char *webhook_key, *webhook_secret;
  uint32_t timeout_ms, list_interval_s;
  struct rooms_config rooms;
  char made_secret[MADE_KEY_BYTES];
  char wrong[WRONG_BYTES];
};

#define SETTINGS_OPTIONS 11
extern const struct cgp_option settings_options[SETTINGS_OPTIONS];

/* NULL, or what is wrong, a line each; warnings go to the host's log. */
const char *settings_read(struct settings *s, struct cgp_host *h);

#endif
