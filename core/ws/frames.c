#include "ws/frames.h"

#include <errno.h>
#include <event2/buffer.h>
#include <string.h>
#include <sys/random.h>
#include <wslay/wslay.h>

#include "base/check.h"
#include "base/mem.h"

#define FIRST_TEXT 1024
#define HEAD_MAX   14

bool cg_ws_code_valid(unsigned code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != CG_WS_NO_CODE &&
          code != CG_WS_ABNORMAL) ||
         (code >= 3000 && code <= 4999);
}

static enum cg_ws_read fail(struct cg_ws_reader *r, struct cg_ws_message *out,
                            uint16_t code, const char *why) {
  r->failed = true;
  *out = (struct cg_ws_message){.code = code, .data = why, .len = strlen(why)};
  return CG_WS_FAILED;
}

/* ---- a frame's beginning ---- */

/* What is wrong with it, or NULL. */
static const char *fault_of(const struct cg_ws_reader *r,
                            const struct wslay_frame_iocb *f) {
  bool control = wslay_is_ctrl_frame(f->opcode);
  if (f->rsv) return "a reserved bit is set";
  if (f->mask != r->from_client)
    return r->from_client ? "a frame is not masked" : "a frame is masked";
  if (control ? f->opcode > WSLAY_PONG : f->opcode > WSLAY_BINARY_FRAME)
    return "an opcode is not known";
  if (control) return NULL;
  if (f->opcode == WSLAY_CONTINUATION_FRAME && !r->type)
    return "a fragment continues nothing";
  if (f->opcode != WSLAY_CONTINUATION_FRAME && r->type)
    return "a message begins inside another";
  return NULL;
}

static enum cg_ws_read begin_frame(struct cg_ws_reader *r,
                                   const struct wslay_frame_iocb *f,
                                   struct cg_ws_message *out) {
  const char *fault = fault_of(r, f);
  if (fault) return fail(r, out, CG_WS_PROTOCOL, fault);
  r->in_frame = true;
  r->got = 0;
  if (wslay_is_ctrl_frame(f->opcode)) return CG_WS_MORE;
  if (f->payload_length > r->most - r->len)
    return fail(r, out, CG_WS_TOO_BIG, "the message is too big");
  if (r->type) return CG_WS_MORE;
  r->type = f->opcode;
  r->utf8 = (struct cg_utf8){0};
  return CG_WS_MORE;
}

/* ---- its payload ---- */

static bool keep(struct cg_ws_reader *r, const void *data, size_t n) {
  size_t cap = r->cap ? r->cap : FIRST_TEXT;
  while (cap < r->len + n) cap *= 2;
  if (cap != r->cap) {
    char *text = cg_realloc(r->text, cap);
    if (!text) return false;
    r->text = text;
    r->cap = cap;
  }
  memcpy(r->text + r->len, data, n);
  r->len += n;
  return true;
}

static enum cg_ws_read take_data(struct cg_ws_reader *r, const struct wslay_frame_iocb *f,
                                 struct cg_ws_message *out) {
  const char *data = (const char *)f->data;
  bool last = !r->in_frame && f->fin, alone = last && r->len == 0;
  if (r->type == CG_WS_TEXT && (!cg_utf8_feed(&r->utf8, data, f->data_length) ||
                                (last && !cg_utf8_ends(&r->utf8))))
    return fail(r, out, CG_WS_NOT_TEXT, "a text is not UTF-8");
  if (!alone && f->data_length && !keep(r, data, f->data_length))
    return fail(r, out, CG_WS_INTERNAL, "there is no memory for the message");
  if (!last) return CG_WS_MORE;
  *out = (struct cg_ws_message){.type = r->type,
                                .data = alone     ? data
                                        : r->text ? r->text
                                                  : "",
                                .len = alone ? f->data_length : r->len};
  r->type = 0;
  return CG_WS_MESSAGE;
}

/* 5.5.1: nothing, or a code and a reason. */
static enum cg_ws_read take_close(struct cg_ws_reader *r, struct cg_ws_message *out) {
  out->code = CG_WS_NO_CODE;
  if (out->len == 0) return CG_WS_MESSAGE;
  if (out->len == 1) return fail(r, out, CG_WS_PROTOCOL, "half a code of close");
  out->code = (uint16_t)((uint8_t)r->control[0] << 8 | (uint8_t)r->control[1]);
  out->data += 2;
  out->len -= 2;
  if (!cg_ws_code_valid(out->code))
    return fail(r, out, CG_WS_PROTOCOL, "a code of close that may not be sent");
  if (!cg_utf8_is(out->data, out->len))
    return fail(r, out, CG_WS_NOT_TEXT, "a reason of close is not UTF-8");
  return CG_WS_MESSAGE;
}

static enum cg_ws_read take_control(struct cg_ws_reader *r,
                                    const struct wslay_frame_iocb *f,
                                    struct cg_ws_message *out) {
  CG_CHECK(r->n_control + f->data_length <= sizeof r->control); /* libwslay has looked */
  if (f->data_length) memcpy(r->control + r->n_control, f->data, f->data_length);
  r->n_control = (uint8_t)(r->n_control + f->data_length);
  if (r->in_frame) return CG_WS_MORE;
  *out =
      (struct cg_ws_message){.type = f->opcode, .data = r->control, .len = r->n_control};
  r->n_control = 0;
  return f->opcode == WSLAY_CONNECTION_CLOSE ? take_close(r, out) : CG_WS_MESSAGE;
}

static size_t head_len(const struct wslay_frame_iocb *f) {
  size_t length = f->payload_length > UINT16_MAX ? 8 : f->payload_length > 125 ? 2 : 0;
  return 2 + length + (f->mask ? 4 : 0);
}

static enum cg_ws_read take(struct cg_ws_reader *r, const struct wslay_frame_iocb *f,
                            struct cg_ws_message *out) {
  if (!r->in_frame && begin_frame(r, f, out) == CG_WS_FAILED) return CG_WS_FAILED;
  r->got += f->data_length;
  r->in_frame = r->got < f->payload_length;
  if (!r->in_frame) r->used += head_len(f) + f->payload_length;
  return wslay_is_ctrl_frame(f->opcode) ? take_control(r, f, out) : take_data(r, f, out);
}

/* ---- the reader ---- */

static ssize_t pull(uint8_t *buf, size_t len, int flags, void *arg) {
  struct cg_ws_reader *r = arg;
  (void)flags;
  int n = evbuffer_remove(r->in, buf, len);
  if (n <= 0) return -1;
  r->given += (uint64_t)n;
  return n;
}

static void drop_frames(struct cg_ws_reader *r) {
  wslay_frame_context_free(r->frames);
  r->frames = NULL;
  r->given = r->used = 0;
}

static bool has_frames(struct cg_ws_reader *r) {
  static const struct wslay_frame_callbacks callbacks = {.recv_callback = pull};
  return r->frames || wslay_frame_context_init(&r->frames, &callbacks, r) == 0;
}

static void forget_message(struct cg_ws_reader *r) {
  cg_free(r->text);
  r->text = NULL;
  r->len = r->cap = 0;
}

enum cg_ws_read cg_ws_reader_next(struct cg_ws_reader *r, struct cg_ws_message *out) {
  struct wslay_frame_iocb f;
  enum cg_ws_read read = CG_WS_MORE;
  if (r->failed || (!r->frames && evbuffer_get_length(r->in) == 0)) return CG_WS_MORE;
  if (!has_frames(r)) return fail(r, out, CG_WS_INTERNAL, "there is no memory");
  if (!r->type) forget_message(r);
  while (read == CG_WS_MORE) {
    ssize_t n = wslay_frame_recv(r->frames, &f);
    if (n == WSLAY_ERR_WANT_READ) break;
    read = n < 0 ? fail(r, out, CG_WS_PROTOCOL, "a frame's head is wrong")
                 : take(r, &f, out);
  }
  if (read == CG_WS_MORE && r->given == r->used) drop_frames(r);
  return read;
}

void cg_ws_reader_done(struct cg_ws_reader *r) {
  drop_frames(r);
  forget_message(r);
}

/* ---- the writer ---- */

static ssize_t push(const uint8_t *data, size_t len, int flags, void *arg) {
  (void)flags;
  return evbuffer_add(arg, data, len) == 0 ? (ssize_t)len : -1;
}

static int make_mask(uint8_t *buf, size_t len, void *arg) {
  (void)arg;
  ssize_t n;
  do n = getrandom(buf, len, 0);
  while (n < 0 && errno == EINTR);
  return n == (ssize_t)len ? 0 : -1;
}

bool cg_ws_write(struct evbuffer *out, enum cg_ws_type type, bool masked,
                 const void *data, size_t len) {
  static const struct wslay_frame_callbacks callbacks = {.send_callback = push,
                                                         .genmask_callback = make_mask};
  struct wslay_frame_context *frames;
  struct wslay_frame_iocb f = {.fin = 1,
                               .opcode = type,
                               .mask = masked,
                               .data = data,
                               .data_length = len,
                               .payload_length = len};
  if (evbuffer_expand(out, HEAD_MAX + len) < 0) return false; /* push cannot fail then */
  if (wslay_frame_context_init(&frames, &callbacks, out) < 0) return false;
  bool ok = wslay_frame_send(frames, &f) == (ssize_t)len;
  wslay_frame_context_free(frames);
  return ok;
}
