/* chunked.h - the strict reader of a chunked body (RFC 9112 7.1), without I/O.
 *
 * It reads on wherever the bytes were cut and judges them one by one, so its answer
 * never depends on the cuts.  Narrowed where leniency lets two parsers disagree: sizes of
 * 1 to 8 hexadecimal digits and nothing behind them, CRLF only, no extensions, no
 * trailers.  Chunks of a byte each would make much of little: what is not data has a
 * bound of its own.  No allocation, no ownership, any thread.
 */
#ifndef CG_HTTP_CHUNKED_H
#define CG_HTTP_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

enum cg_chunked_state {
  CG_CHUNKED_MORE,
  CG_CHUNKED_DONE,     /* framing + data bytes */
  CG_CHUNKED_BROKEN,   /* why says how */
  CG_CHUNKED_TOO_LONG, /* a chunk's size goes beyond max_data */
  CG_CHUNKED_TOO_MANY, /* sizes and line ends go beyond max_framing */
};

struct cg_chunked {
  enum cg_chunked_state state;
  uint32_t max_data, max_framing;
  uint32_t data;    /* bytes of the chunks announced so far */
  uint32_t framing; /* bytes read that are none of theirs */
  const char *why;

  uint8_t step, digits;
  uint32_t left; /* of the chunk's data; its size, while that is read */
};

void cg_chunked_init(struct cg_chunked *c, uint32_t max_data, uint32_t max_framing);

/* body: all that is there from its first byte on, len may reach beyond its end. */
enum cg_chunked_state cg_chunked_feed(struct cg_chunked *c, const char *body, size_t len);

/* The data of a done body, one chunk behind the other: c->data bytes. */
void cg_chunked_copy(const char *body, char *out);

#endif
