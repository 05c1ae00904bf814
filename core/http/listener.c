#include "http/listener.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"

const struct cg_server_limits cg_server_limits_default = {
    .message = {.max_head = 16 * 1024, .max_headers = 64, .max_body = 64 * 1024},
    .header_us = 5000000,
    .body_us = 10000000,
    .idle_us = 75000000,
    .write_us = 10000000,
    .linger_us = 2000000,
    .write_least = 4096,
    .connections = 16384,
    .connections_per_address = 1024,
};

static const enum cg_code refusals[] = {
    CG_E_MALFORMED, CG_E_TIMEOUT_CLIENT, CG_E_TOO_LARGE, CG_E_URI_TOO_LONG,
    CG_E_HEADERS,   CG_E_BUSY,           CG_E_MEMORY,    CG_E_DENIED,
};
_Static_assert(CG_COUNT(refusals) <= CG_REFUSED_MAX, "room for all");

bool cg_http_metrics_register(struct cg_metrics *m, struct cg_http_metrics *out) {
  char label[64];
  bool ok = true;
  for (int i = 1; i < 6; i++) {
    snprintf(label, sizeof label, "code=\"%dxx\"", i);
    out->requests[i] = cg_metric(m, CG_COUNTER, "http_requests_total", label,
                                 "Requests answered, by class of status.");
    ok = ok && out->requests[i] >= 0;
  }
  for (size_t i = 0; i < CG_COUNT(refusals); i++) {
    snprintf(label, sizeof label, "reason=\"%s\"", cg_code_info(refusals[i])->slug);
    out->refused[i] = cg_metric(m, CG_COUNTER, "http_refused_total", label,
                                "Requests refused before they were whole.");
    ok = ok && out->refused[i] >= 0;
  }
  out->connections = cg_metric(m, CG_GAUGE, "http_connections", "", "Open connections.");
  out->seconds = cg_metric(m, CG_HISTOGRAM, "http_request_seconds", "",
                           "From the whole request to its answer.");
  return ok && out->connections >= 0 && out->seconds >= 0;
}

static void count(const struct cg_listener *l, int id, int64_t n) {
  cg_metric_add(l->metrics, l->worker, id, n);
}

void cg_listener_count_connections(const struct cg_listener *l, int64_t more) {
  if (l->metrics) count(l, l->metric_ids->connections, more);
}

void cg_listener_count_answer(const struct cg_listener *l, int status, int64_t began_us) {
  if (!l->metrics) return;
  int kind = status / 100;
  CG_CHECK(kind >= 1 && kind <= 5);
  count(l, l->metric_ids->requests[kind], 1);
  cg_metric_observe_us(l->metrics, l->worker, l->metric_ids->seconds,
                       cg_listener_now(l) - began_us);
}

void cg_listener_count_refusal(const struct cg_listener *l, enum cg_code code) {
  if (!l->metrics) return;
  for (size_t i = 0; i < CG_COUNT(refusals); i++)
    if (refusals[i] == code) count(l, l->metric_ids->refused[i], 1);
}

int64_t cg_listener_now(const struct cg_listener *l) {
  return l->clock->mono_us(l->clock) - cg_loop_stood_us(l->loop);
}

struct cg_id cg_listener_new_id(const struct cg_listener *l) {
  return cg_id_new(l->ids, l->clock->wall_us(l->clock), 0);
}

void cg_listener_set_date(struct cg_listener *l) {
  static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  time_t t = (time_t)(l->clock->wall_us(l->clock) / 1000000);
  struct tm tm;
  if (!gmtime_r(&t, &tm)) memset(&tm, 0, sizeof tm);
  snprintf(l->date, sizeof l->date, "%s, %02d %s %04d %02d:%02d:%02d GMT",
           days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
           tm.tm_min, tm.tm_sec);
}
