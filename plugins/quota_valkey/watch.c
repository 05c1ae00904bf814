#include "watch.h"

#include <stdio.h>
#include <string.h>

#define EVERY_US INT64_C(10000000)

static void ask_info(struct watch *w, link_fn *fn, struct cgp_call call) {
  size_t n = 0;
  while (standing_sections[n]) n++;
  wire_begin(&w->wire, 1 + n);
  wire_text(&w->wire, "INFO");
  for (size_t i = 0; i < n; i++) wire_text(&w->wire, standing_sections[i]);
  link_send(w->link, &w->wire, fn, w, call);
}

/* A user without the right to INFO is told so by an error, and nothing is known. */
static void learn(struct watch *w, const struct link_answer *a) {
  w->standing = (struct standing){.replica = false};
  if (a->code == CGP_OK && a->reply->type == REDIS_REPLY_STRING)
    standing_read(&w->standing, a->reply->str);
}

/* ---- now and then ---- */

static void on_info(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct watch *w = arg;
  char words[sizeof w->told] = "";
  (void)call;
  w->asking = false;
  if (a->code != CGP_OK) return;
  learn(w, a);
  if (!standing_refuses(&w->standing, words, sizeof words))
    standing_advises(&w->standing, w->prefix, words, sizeof words);
  if (words[0] && strcmp(words, w->told) != 0)
    w->host->log(w->host, CGP_WARN, "valkey %s: %s", w->config->url.shown, words);
  memcpy(w->told, words, sizeof words);
}

void watch_now_and_then(struct watch *w) {
  int64_t now = w->host->mono_us(w->host);
  if (w->asking || (w->asked_us != 0 && now - w->asked_us < EVERY_US)) return;
  w->asking = true;
  w->asked_us = now;
  ask_info(w, on_info, (struct cgp_call){0});
}

/* ---- health ---- */

static void tell(struct watch *w, struct cgp_call call, bool ok, const char *text) {
  const char *server = link_server(w->link), *version = link_version(w->link);
  w->host->done(w->host, call,
                &CGP_MAKE(cgp_health, .ok = ok, .text = text,
                          .server = *server ? server : NULL,
                          .server_version = *version ? version : NULL));
}

/* In a check an advice is a warning, which is a health that is not well. */
static void tell_standing(struct watch *w, struct cgp_call call, const char *does) {
  char words[256], text[640];
  const char *shown = w->config->url.shown;
  bool refuses = standing_refuses(&w->standing, words, sizeof words);
  if (!refuses && !standing_advises(&w->standing, w->prefix, words, sizeof words)) {
    snprintf(text, sizeof text, "valkey %s %s", shown, does);
    tell(w, call, true, text);
    return;
  }
  snprintf(text, sizeof text, "valkey %s: %s", shown, words);
  tell(w, call, !refuses && !w->config->read_only, text);
}

static void on_probed(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct watch *w = arg;
  if (a->code == CGP_OK)
    tell_standing(w, call, "takes writes");
  else
    tell(w, call, false, a->words);
}

static void on_standing(void *arg, struct cgp_call call, const struct link_answer *a) {
  struct watch *w = arg;
  learn(w, a);
  if (a->code != CGP_OK && !a->reply) {
    tell(w, call, false, a->words);
    return;
  }
  if (w->config->read_only) {
    tell_standing(w, call, "answers");
    return;
  }
  w->begin_probe(w->arg, &w->wire);
  link_send(w->link, &w->wire, on_probed, w, call);
}

void watch_health(struct watch *w, struct cgp_call call) {
  ask_info(w, on_standing, call);
}
