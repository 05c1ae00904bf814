/* frames.h - frames to messages, and back (RFC 6455 section 5), without sockets.
 *
 * A reader takes bytes out of an evbuffer and says what they come to: a whole message, a
 * control frame, or why the connection has to be failed and with which code.  libwslay
 * reads and writes the frames' heads and masks; what it leaves to its caller is checked
 * here: opcodes, reserved bits, who must mask, the order of fragments, the bound on a
 * message, UTF-8 as the bytes come, codes and reasons of close.
 *
 * A reader between two frames holds no memory: libwslay's context, 4 KiB of it a buffer,
 * lives from a frame's first byte to its last.  A message grows as its bytes come,
 * whatever its frames say of their length.  One thread.
 */
#ifndef CG_WS_FRAMES_H
#define CG_WS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/utf8.h"

/* The opcodes of RFC 6455 11.8. */
enum cg_ws_type {
  CG_WS_TEXT = 1,
  CG_WS_BINARY = 2,
  CG_WS_CLOSE = 8,
  CG_WS_PING = 9,
  CG_WS_PONG = 10,
};

/* Codes of close that this layer says itself or tells its owner (RFC 6455 7.4.1). */
enum {
  CG_WS_NORMAL = 1000,
  CG_WS_GOING_AWAY = 1001,
  CG_WS_PROTOCOL = 1002,
  CG_WS_NO_CODE = 1005,  /* a close without a code came; never sent */
  CG_WS_ABNORMAL = 1006, /* no close came; never sent */
  CG_WS_NOT_TEXT = 1007,
  CG_WS_POLICY = 1008,
  CG_WS_TOO_BIG = 1009,
  CG_WS_INTERNAL = 1011,
};

#define CG_WS_CONTROL_MAX 125 /* bytes of a control frame */

/* May a close frame hold it? */
bool cg_ws_code_valid(unsigned code);

struct evbuffer;
struct wslay_frame_context;

struct cg_ws_message {
  enum cg_ws_type type;
  uint16_t code;    /* of a close; of a failure: to be sent */
  const char *data; /* of a close: its reason; of a failure: words */
  size_t len;
};

/* The first three are set, the rest is zeroed. */
struct cg_ws_reader {
  struct evbuffer *in;
  size_t most;      /* bytes of one message */
  bool from_client; /* frames must be masked; else they must not */

  bool failed, in_frame;
  struct wslay_frame_context *frames; /* NULL: nothing of a frame has come */
  uint64_t given, used; /* bytes that libwslay has had; of these, in whole frames */
  uint64_t got;         /* of the payload of the frame that is read */
  uint8_t type;         /* of the message that is read; 0: none is */
  struct cg_utf8 utf8;
  char *text; /* the part of it that is there */
  size_t len, cap;
  uint8_t n_control;
  char control[CG_WS_CONTROL_MAX];
};

enum cg_ws_read {
  CG_WS_MORE,    /* all of it was read, and no message is whole */
  CG_WS_MESSAGE, /* *out, valid until the next call */
  CG_WS_FAILED,  /* out->code and words; nothing is read after it */
};

enum cg_ws_read cg_ws_reader_next(struct cg_ws_reader *r, struct cg_ws_message *out);
void cg_ws_reader_done(struct cg_ws_reader *r); /* frees */

/* One whole frame, all of it or nothing.  False: no memory.  masked: as a client must,
 * with a key of the system's random bytes. */
bool cg_ws_write(struct evbuffer *out, enum cg_ws_type type, bool masked,
                 const void *data, size_t len) CG_MUST_USE;

#endif
