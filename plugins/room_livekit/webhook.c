#include "webhook.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX 4096
#define PART_MAX  2048

/* A JSON object out of one base64url part of a token, or NULL. */
static json_t *part(const char *text, size_t n) {
  char json[PART_MAX];
  ptrdiff_t len = base64url_decode(text, n, json, sizeof json);
  json_t *root =
      len < 0 ? NULL : json_loadb(json, (size_t)len, JSON_REJECT_DUPLICATES, NULL);
  if (json_is_object(root)) return root;
  json_decref(root);
  return NULL;
}

static bool hash_is(const json_t *claims, const char *body, size_t n) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  char own[45];
  const char *given = json_string_value(json_object_get(claims, "sha256"));
  if (!given || strlen(given) != 44) return false;
  SHA256((const unsigned char *)body, n, digest);
  EVP_EncodeBlock((unsigned char *)own, digest, sizeof digest);
  return CRYPTO_memcmp(own, given, 44) == 0;
}

static const char *claims_refusal(const json_t *claims, const char *key, int64_t now_s) {
  const char *iss = json_string_value(json_object_get(claims, "iss"));
  const json_t *exp = json_object_get(claims, "exp"),
               *nbf = json_object_get(claims, "nbf");
  if (!iss || strcmp(iss, key) != 0) return "the token's issuer is not the webhook key";
  if (!json_is_number(exp) ||
      json_number_value(exp) + WEBHOOK_LEEWAY_S <= (double)now_s) {
    return "the token has expired";
  }
  if (nbf && (!json_is_number(nbf) ||
              json_number_value(nbf) - WEBHOOK_LEEWAY_S > (double)now_s)) {
    return "the token is not valid yet";
  }
  return NULL;
}

static const char *parts_refusal(const char *token, const char *dot1, const char *dot2,
                                 const char *key, const char *body, size_t n,
                                 int64_t now_s) {
  json_t *header = part(token, (size_t)(dot1 - token));
  json_t *claims = part(dot1 + 1, (size_t)(dot2 - dot1 - 1));
  const char *alg = json_string_value(json_object_get(header, "alg"));
  const char *wrong = NULL;
  if (!claims || !alg || strcmp(alg, "HS256") != 0) {
    wrong = "the token is not an HS256 JWT";
  } else {
    wrong = claims_refusal(claims, key, now_s);
  }
  if (!wrong && !hash_is(claims, body, n)) wrong = "the token was made for another body";
  json_decref(header);
  json_decref(claims);
  return wrong;
}

const char *webhook_refusal(struct signer *s, const char *key, const char *authorization,
                            const char *body, size_t n, int64_t now_s) {
  unsigned char mac[JWT_MAC_BYTES];
  size_t len = authorization ? strnlen(authorization, TOKEN_MAX + 1) : 0;
  if (len == 0) return "the Authorization header is missing";
  if (len > TOKEN_MAX) return "the token is too long";
  const char *dot1 = strchr(authorization, '.');
  const char *dot2 = dot1 ? strchr(dot1 + 1, '.') : NULL;
  if (!dot2 ||
      base64url_decode(dot2 + 1, strlen(dot2 + 1), mac, sizeof mac) != sizeof mac ||
      !signer_matches(s, authorization, (size_t)(dot2 - authorization), mac)) {
    return "the token's signature is wrong";
  }
  return parts_refusal(authorization, dot1, dot2, key, body, n, now_s);
}

struct event_type {
  const char *name;
  enum cgp_room_event_type type;
  bool person; /* needs a participant */
};

static const struct event_type types[] = {
    {"participant_joined", CGP_ROOM_JOINED, true},
    {"participant_left", CGP_ROOM_LEFT, true},
    {"participant_connection_aborted", CGP_ROOM_LEFT, true},
    {"room_started", CGP_ROOM_OPENED, false},
    {"room_finished", CGP_ROOM_CLOSED, false},
    {"track_published", CGP_ROOM_TRACK_PUBLISHED, true},
    {"track_unpublished", CGP_ROOM_TRACK_UNPUBLISHED, true},
};

static const struct event_type *type_of(const char *name) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (strcmp(types[i].name, name) == 0) return &types[i];
  }
  return NULL;
}

/* int64 come as strings in protobuf's JSON, smaller numbers as numbers. */
static int64_t number(const json_t *value) {
  const char *text = json_string_value(value);
  return text ? strtoll(text, NULL, 10) : json_integer_value(value);
}

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text ? text : "";
}

static int64_t time_of(const json_t *doc, int64_t now_us) {
  const int64_t latest_s = 253402300799; /* end of the year 9999 */
  int64_t s = number(json_object_get(doc, "createdAt"));
  return s > 0 && s <= latest_s ? s * 1000000 : now_us;
}

static void read_event(struct webhook *w, const struct event_type *t, int64_t now_us) {
  const json_t *room = json_object_get(w->doc, "room");
  const json_t *person = json_object_get(w->doc, "participant");
  w->event = (struct cgp_room_event){
      .size = sizeof w->event,
      .type = t->type,
      .room = text_of(room, "name"),
      .identity = t->person ? text_of(person, "identity") : "",
      .sid = text_of(t->person ? person : room, "sid"),
      .at_us = time_of(w->doc, now_us),
      .room_sid = text_of(room, "sid"),
  };
  bool whole = *w->event.room && (!t->person || *w->event.identity);
  w->kind = whole ? WEBHOOK_EVENT : WEBHOOK_NONSENSE;
}

struct webhook webhook_parse(const char *body, size_t n, int64_t now_us) {
  struct webhook w = {.kind = WEBHOOK_NONSENSE, .id = ""};
  w.doc = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL);
  const char *name = json_string_value(json_object_get(w.doc, "event"));
  if (!name) return w;
  w.id = text_of(w.doc, "id");
  w.lost = number(json_object_get(w.doc, "numDropped")) > 0;
  const struct event_type *t = type_of(name);
  if (t) {
    read_event(&w, t, now_us);
  } else {
    bool other = strncmp(name, "ingress_", 8) == 0 || strncmp(name, "egress_", 7) == 0;
    w.kind = other ? WEBHOOK_IGNORED : WEBHOOK_UNKNOWN;
  }
  return w;
}
