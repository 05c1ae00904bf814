#include "ws/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "http/message.h"

enum { UPGRADE, CONNECTION, ACCEPT, PROTOCOL, EXTENSIONS, N_FIELDS };

static const char *const names[N_FIELDS] = {
    [UPGRADE] = "Upgrade",
    [CONNECTION] = "Connection",
    [ACCEPT] = "Sec-WebSocket-Accept",
    [PROTOCOL] = "Sec-WebSocket-Protocol",
    [EXTENSIONS] = "Sec-WebSocket-Extensions",
};

static bool refuse(struct cg_err *err, const char *why) {
  return cg_fail(err, CG_E_UNAVAILABLE, "the server's answer %s", why);
}

/* "HTTP/1.1 101" and a space or the line's end. */
static bool check_status(const char *line, struct cg_err *err) {
  if (strncmp(line, "HTTP/1.1 ", 9) != 0 || strspn(line + 9, "0123456789") != 3 ||
      !strchr(" \r", line[12]))
    return refuse(err, "is no HTTP/1.1");
  int status = (int)strtol(line + 9, NULL, 10);
  if (status != 101)
    return cg_fail(err, CG_E_UNAVAILABLE, "the server answers %d to a WebSocket", status);
  return true;
}

/* Splits "Name: value"; the value loses the space around it. */
static bool take_field(char *line, const char **values, struct cg_err *err) {
  char *colon = strchr(line, ':');
  if (!colon || !cg_is_token(line, (size_t)(colon - line)))
    return refuse(err, "has a field that is none");
  *colon = '\0';
  char *value = colon + 1 + strspn(colon + 1, " \t");
  size_t n = strlen(value);
  while (n && strchr(" \t", value[n - 1])) value[--n] = '\0';
  for (size_t i = 0; i < N_FIELDS; i++) {
    if (strcasecmp(line, names[i]) != 0) continue;
    if (values[i]) return refuse(err, "says the same field twice");
    values[i] = value;
  }
  return true;
}

static bool take_fields(char *line, const char **values, struct cg_err *err) {
  while (*line) {
    char *end = strstr(line, "\r\n");
    CG_CHECK(end);
    *end = '\0';
    if (!take_field(line, values, err)) return false;
    line = end + 2;
  }
  return true;
}

/* Is it an item of the list?  exact: subprotocols tell small letters from capitals. */
static bool lists(const char *list, const char *item, bool exact) {
  size_t len = strlen(item);
  for (const char *at = list; at && *at;) {
    at += strspn(at, ", \t");
    size_t n = strcspn(at, ", \t");
    if (n == len && (exact ? strncmp : strncasecmp)(at, item, n) == 0) return true;
    at += n;
  }
  return false;
}

static bool judge(const char *const *values, const char *accept, const char *protocols,
                  struct cg_err *err) {
  if (!values[UPGRADE] || strcasecmp(values[UPGRADE], "websocket") != 0)
    return refuse(err, "does not upgrade to websocket");
  if (!lists(values[CONNECTION], "upgrade", false))
    return refuse(err, "does not name upgrade in Connection");
  if (!values[ACCEPT] || strcmp(values[ACCEPT], accept) != 0)
    return refuse(err, "does not accept this handshake's key");
  if (values[EXTENSIONS] && *values[EXTENSIONS])
    return refuse(err, "has extensions, which were not asked for");
  if (values[PROTOCOL] && !lists(protocols, values[PROTOCOL], true))
    return refuse(err, "has a subprotocol that was not offered");
  if (values[PROTOCOL] && strlen(values[PROTOCOL]) > CG_WS_PROTOCOL_MAX)
    return refuse(err, "has a subprotocol that is too long");
  return true;
}

bool cg_ws_response_judge(char *head, size_t n, const char *accept, const char *protocols,
                          char chosen[CG_WS_PROTOCOL_MAX + 1], struct cg_err *err) {
  const char *values[N_FIELDS] = {NULL};
  CG_CHECK(n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0);
  if (memchr(head, '\0', n)) return refuse(err, "holds a NUL byte");
  head[n - 2] = '\0'; /* of the empty line */
  char *fields = strstr(head, "\r\n");
  if (!check_status(head, err) || !take_fields(fields + 2, values, err) ||
      !judge(values, accept, protocols, err))
    return false;
  const char *protocol = values[PROTOCOL] ? values[PROTOCOL] : "";
  memcpy(chosen, protocol, strlen(protocol) + 1);
  return true;
}
