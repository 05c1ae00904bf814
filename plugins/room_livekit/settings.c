#include "settings.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SECRET_MIN      32
#define REMEMBER_MAX_MS 2000

const struct cgp_option settings_options[SETTINGS_OPTIONS] = {
    CGP_INIT(cgp_option, "url", CGP_OPT_URL, 0, URL_BYTES - 8, NULL,
             "LiveKit as the gate reaches it, ws(s) or http(s); absent: tokens only, no "
             "rooms."),
    CGP_INIT(cgp_option, "public_url", CGP_OPT_URL, 0, URL_BYTES - 8, NULL,
             "LiveKit as clients reach it; url when absent."),
    CGP_INIT(cgp_option, "api_key", CGP_OPT_STRING, 0, 64, NULL, "Name of the API key."),
    CGP_INIT(cgp_option, "api_secret", CGP_OPT_SECRET, 0, 512, NULL,
             "Secret of the API key, 32 characters or more."),
    CGP_INIT(cgp_option, "webhook_key", CGP_OPT_STRING, 0, 64, NULL,
             "Name of the API key that signs webhooks; api_key when absent."),
    CGP_INIT(cgp_option, "webhook_secret", CGP_OPT_SECRET, 0, 512, NULL,
             "Secret of webhook_key, when that is another key than api_key."),
    CGP_INIT(cgp_option, "empty_timeout_s", CGP_OPT_INT, 1, 86400, "60",
             "Seconds until a room that nobody joined is gone."),
    CGP_INIT(cgp_option, "departure_timeout_s", CGP_OPT_INT, 1, 86400, "60",
             "Seconds until a room is gone after the last one left."),
    CGP_INIT(cgp_option, "max_participants", CGP_OPT_INT, 1, 10000, "100",
             "Participants in one room."),
    CGP_INIT(cgp_option, "timeout_ms", CGP_OPT_INT, 50, 30000, "2000",
             "Patience with one answer of LiveKit."),
    CGP_INIT(cgp_option, "list_interval_s", CGP_OPT_INT, 1, 3600, "10",
             "Seconds after which the participants of a room are listed again, for joins "
             "and leaves that no webhook brought here."),
};

static const char *option(struct cgp_host *h, const char *name) {
  const char *value = h->conf_string(h, name);
  return value ? value : "";
}

struct scheme {
  const char *given, *http, *ws;
};

static const struct scheme schemes[] = {
    {"ws://", "http://", "ws://"},
    {"wss://", "https://", "wss://"},
    {"http://", "http://", "ws://"},
    {"https://", "https://", "wss://"},
};

static bool is_port(const char *text, size_t n) {
  unsigned port = 0;
  for (size_t i = 0; i < n && i < 6; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    port = port * 10 + (unsigned)(text[i] - '0');
  }
  return n <= 5 && port >= 1 && port <= 65535;
}

/* "host" or "[address]", and a port or none, up to a path. */
static bool has_host(const char *text) {
  bool brackets = *text == '[';
  size_t n = strcspn(text, "/");
  size_t host = brackets ? strcspn(text, "]/") + 1 : strcspn(text, ":/");
  if (host > n || host < (brackets ? 3 : 1)) return false;
  return host == n || (text[host] == ':' && is_port(text + host + 1, n - host - 1));
}

/* Both forms of a URL, without slashes at the end; false: not such a URL, or one with a
 * user, a query or a fragment. */
static bool forms(const char *url, char *http, char *ws) {
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    size_t n = strlen(schemes[i].given), len = strlen(url);
    if (strncasecmp(url, schemes[i].given, n) != 0) continue;
    while (len > n && url[len - 1] == '/') len--;
    if (len == n || len - n > URL_BYTES - 16) return false;
    if (strcspn(url, "@?# \"\\,;") < strlen(url)) return false;
    if (!has_host(url + n)) return false;
    int rest = (int)(len - n);
    if (http) snprintf(http, URL_BYTES, "%s%.*s", schemes[i].http, rest, url + n);
    if (ws) snprintf(ws, URL_BYTES, "%s%.*s", schemes[i].ws, rest, url + n);
    return true;
  }
  return false;
}

static const char *read_urls(struct settings *s, struct cgp_host *h) {
  const char *url = option(h, "url"), *public_url = option(h, "public_url");
  if (*url && !forms(url, s->base, s->clients)) {
    return "option url: must be ws://, wss://, http:// or https:// with a host, and a "
           "port of 1 to 65535 if any, without user, query or fragment";
  }
  if (*public_url && !forms(public_url, NULL, s->clients)) {
    return "option public_url: must be ws://, wss://, http:// or https:// with a host, "
           "and a port of 1 to 65535 if any, without user, query or fragment";
  }
  return NULL;
}

static const char *make_key(struct settings *s, struct cgp_host *h) {
  unsigned char random[32];
  if (RAND_bytes(random, sizeof random) != 1) return "no random numbers for a key";
  for (size_t i = 0; i < sizeof random; i++) {
    snprintf(s->made_secret + 2 * i, 3, "%02x", random[i]);
  }
  s->key = "camgate";
  s->secret = s->made_secret;
  h->log(h, CGP_WARN,
         "no url and no api_key: tokens are signed with a key made for this run; no SFU "
         "will accept them");
  return NULL;
}

static const char *read_key(struct settings *s, struct cgp_host *h) {
  s->key = option(h, "api_key");
  s->secret = option(h, "api_secret");
  if (!*s->key && !*s->secret) {
    return *s->base ? "option url is given, so api_key and api_secret are needed"
                    : make_key(s, h);
  }
  if (!*s->key) return "option api_secret is given, so api_key is needed";
  if (!*s->secret) return "option api_key is given, so api_secret is needed";
  if (strlen(s->secret) < SECRET_MIN) {
    return "option api_secret: must have 32 characters or more";
  }
  return NULL;
}

/* NULL, or what is wrong with the pair. */
static const char *webhook_pair(const struct settings *s, const char *name,
                                const char *secret) {
  bool same = strcmp(name, s->key) == 0;
  if (*secret && !*name)
    return "option webhook_secret is given, so webhook_key is needed";
  if (*secret && strlen(secret) < SECRET_MIN) {
    return "option webhook_secret: must have 32 characters or more";
  }
  if (same && *secret && strcmp(secret, s->secret) != 0) {
    return "option webhook_secret: differs from api_secret, but webhook_key is api_key";
  }
  if (*name && !same && !*secret) {
    return "option webhook_key names another key than api_key, so webhook_secret is "
           "needed";
  }
  return NULL;
}

static const char *read_webhook_key(struct settings *s, struct cgp_host *h) {
  const char *name = option(h, "webhook_key"), *secret = option(h, "webhook_secret");
  bool made = s->secret == s->made_secret;
  s->webhook_key = *name ? name : s->key;
  s->webhook_secret = *secret ? secret : s->secret;
  if (made && !*secret) s->webhook_key = ""; /* nobody could sign */
  return webhook_pair(s, name, secret);
}

const char *settings_read(struct settings *s, struct cgp_host *h) {
  const char *urls = read_urls(s, h), *key = read_key(s, h);
  if (!key) key = read_webhook_key(s, h);
  snprintf(s->wrong, sizeof s->wrong, "%s%s%s", urls ? urls : "", urls && key ? "\n" : "",
           key ? key : "");
  if (*s->wrong) return s->wrong;
  uint32_t empty_s = (uint32_t)h->conf_int(h, "empty_timeout_s");
  s->timeout_ms = (uint32_t)h->conf_int(h, "timeout_ms");
  s->list_interval_s = (uint32_t)h->conf_int(h, "list_interval_s");
  s->rooms = (struct rooms_config){
      .empty_timeout_s = empty_s,
      .departure_timeout_s = (uint32_t)h->conf_int(h, "departure_timeout_s"),
      .max_participants = (uint32_t)h->conf_int(h, "max_participants"),
      .remember_ms =
          empty_s * 1000 / 3 < REMEMBER_MAX_MS ? empty_s * 1000 / 3 : REMEMBER_MAX_MS,
  };
  if (!*s->base) h->log(h, CGP_INFO, "no url: tokens are made, rooms are not opened");
  return NULL;
}
