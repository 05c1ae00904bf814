/* chars.h - the character classes of RFC 9110 and RFC 3986, one constant table.
 *
 * '%' is in no URI class: who reads a URI checks the two digits behind it.
 */
#ifndef CG_HTTP_CHARS_H
#define CG_HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  CG_CH_TOKEN = 1, /* tchar, RFC 9110 5.6.2                           */
  CG_CH_PATH = 2,  /* pchar and '/', RFC 3986 3.3                     */
  CG_CH_QUERY = 4, /* pchar, '/' and '?', RFC 3986 3.4, and |^[]{}`\"     */
  CG_CH_NAME = 8,  /* unreserved, RFC 3986 2.3: a host's name, narrow */
  CG_CH_DIGIT = 16,
  CG_CH_HEX = 32,
  CG_CH_LINE = 64, /* may stand in a line: no controls but HTAB       */
};

extern const uint8_t cg_chars[256];

static inline bool cg_ch(char c, unsigned classes) {
  return (cg_chars[(uint8_t)c] & classes) != 0;
}

bool cg_is_line(const char *s, size_t n); /* all of CG_CH_LINE */
int cg_hex(char c);                       /* 0..15; c is of CG_CH_HEX */

#endif
