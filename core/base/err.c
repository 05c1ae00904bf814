#include "base/err.h"

#include "base/check.h"
#include "base/utf8.h"

static const struct cg_code_info table[CG_CODE_COUNT] = {
    [CG_OK] = {200, "ok", "OK", "Nothing went wrong.", "Nothing."},
    [CG_E_MALFORMED] =
        {400, "malformed", "The request cannot be read",
         "The request breaks the rules of HTTP, or its path, query, JSON or one of its "
         "headers cannot be read.",
         "Mend the request as the detail says. Sent again as it is, it fails again."},
    [CG_E_UNAUTHENTICATED] =
        {401, "unauthenticated", "A valid token is needed",
         "There is no bearer token, or it is not one that this gate accepts: expired, "
         "not signed by its issuer, or for somebody else.",
         "Get a new token from whoever issues yours, and send it as Authorization: "
         "Bearer TOKEN."},
    [CG_E_DENIED] =
        {403, "denied", "Not allowed",
         "A policy says no, for the reason that is given, or the call is for a role "
         "that the token does not have.",
         "Ask the administrator who keeps the policies; decision_id and rule tell "
         "which decision it was. Sent again, it fails until a policy, the time of day "
         "or your roles change."},
    [CG_E_NOT_FOUND] =
        {404, "not-found", "Not found",
         "There is no such camera, lease or path, or it is not yours to see.",
         "Check the id. GET /api/v1/cameras lists the cameras you may watch, GET "
         "/api/v1/stream/leases the leases you hold; after a lease has ended, reserve "
         "again."},
    [CG_E_METHOD] = {405, "method-not-allowed", "Method not allowed here",
                     "The path exists, for other methods.",
                     "Use one of the methods that the Allow header names."},
    [CG_E_TIMEOUT_CLIENT] =
        {408, "request-timeout", "The request took too long to arrive",
         "The gate waited for the rest of the request and has closed the connection.",
         "Send it again on a new connection. If it happens often, look at the network "
         "or at a proxy in between."},
    [CG_E_QUOTA] =
        {409, "quota-full", "No quota left",
         "A counter that this stream would be held against is full: scope names it, "
         "limit and in_use are its numbers.",
         "Release one of your own leases in conflicts or name it in replace; ask for a "
         "lower quality; or wait until somebody else ends."},
    [CG_E_CONFLICT] =
        {409, "conflict", "Conflicts with what is there",
         "The request collides with another one of your own: the lease is being worked "
         "on, or the first request with this Idempotency-Key is still under way.",
         "Wait for the other request, look at GET /api/v1/stream/leases, then decide."},
    [CG_E_GONE] = {410, "lease-ended", "The lease is over",
                   "The lease has ended; ended_by says how and reason why.",
                   "Stop playing. Reserve again if the stream is still wanted."},
    [CG_E_TOO_LARGE] =
        {413, "content-too-large", "The body is too large",
         "The body is larger than this gate takes, as shipped 64 KiB; the connection is "
         "closed.",
         "Send less: no call of this API needs so much."},
    [CG_E_URI_TOO_LONG] =
        {414, "uri-too-long", "The request target is too long",
         "Path and query are longer than this gate takes, 8192 bytes; the connection "
         "is closed.",
         "Shorten the query: use fewer or shorter filters."},
    [CG_E_MEDIA_TYPE] = {415, "unsupported-media-type", "Media type not supported",
                         "The body is in a form that this call does not read.",
                         "Send JSON, uncompressed, with Content-Type: application/json."},
    [CG_E_INVALID] =
        {422, "invalid-field", "A field is not valid",
         "The body is JSON, but not what this call wants; errors names each faulty "
         "member by JSON pointer. Without errors: the Idempotency-Key was used for "
         "another request; or, of a reload, a file is not valid, and detail says which.",
         "Mend the members or the file that are named; take a new key for a new "
         "request."},
    [CG_E_UPGRADE] =
        {426, "upgrade-required", "Another protocol is needed",
         "This path speaks WebSocket, and the request did not ask for it.",
         "Open it with a WebSocket client: ws:// or wss:// in place of http:// or "
         "https://."},
    [CG_E_RATE] =
        {429, "too-many-requests", "Too many requests",
         "Too many tokens with a wrong signature came from this address, or too many "
         "requests wait for the same lease.",
         "Wait for the seconds in Retry-After. If you sent no wrong tokens, somebody "
         "behind the same address did."},
    [CG_E_HEADERS] =
        {431, "headers-too-large", "The headers are too large",
         "The head of the request has more bytes or fields than this gate takes, as "
         "shipped 16 KiB and 64; the connection is closed.",
         "Send fewer or shorter headers; often it is cookies that are too many."},
    [CG_E_INTERNAL] =
        {500, "internal", "Internal error",
         "The gate, or a part of it, did something that it must not do. Nothing was "
         "granted.",
         "Tell the operator, with the instance of the problem: the gate's log has it. "
         "Later it may work."},
    [CG_E_UNAVAILABLE] =
        {503, "unavailable", "Temporarily unavailable",
         "A part that is needed does not answer; the detail names it. Nothing was "
         "granted.",
         "Send the request again after the seconds in Retry-After. If it lasts, tell "
         "the operator: /readyz?verbose on the admin port shows what is away."},
    [CG_E_TIMEOUT] =
        {503, "timeout", "A backend did not answer in time",
         "A part that is needed took too long; the detail names it. Nothing was "
         "granted.",
         "Send the request again after the seconds in Retry-After. If it lasts, tell "
         "the operator."},
    [CG_E_BUSY] =
        {503, "busy", "Too busy",
         "A bound of the gate's own is reached: requests, connections, leases or "
         "decisions that wait. Nothing was changed.",
         "Send the request again after the seconds in Retry-After, and wait longer "
         "each time."},
    [CG_E_MEMORY] =
        {503, "out-of-memory", "Out of memory",
         "The gate has no memory left for this request. Nothing was changed.",
         "Send the request again after the seconds in Retry-After. If it lasts, tell "
         "the operator."},
};

const struct cg_code_info *cg_code_info(enum cg_code code) {
  CG_CHECK((unsigned)code < CG_CODE_COUNT);
  return &table[code];
}

bool cg_failv(struct cg_err *err, enum cg_code code, const char *fmt, va_list ap) {
  if (!err) return false;
  cg_utf8_vprint(err->text, sizeof err->text, fmt, ap); /* that may point into *err */
  err->code = code;
  return false;
}

bool cg_fail(struct cg_err *err, enum cg_code code, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  cg_failv(err, code, fmt, ap);
  va_end(ap);
  return false;
}
