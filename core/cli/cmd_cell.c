/* A table's cell on a terminal: as wide as it looks, and nothing in it that acts. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "cli/cmd_opts.h"

/* Code points that are not one column wide, and those that are not shown. */
static const struct {
  uint32_t first, last;
  int columns;
  bool hidden;
} odd[] = {
    {0x0000, 0x001f, 1, true},    {0x007f, 0x009f, 1, true},
    {0x00ad, 0x00ad, 1, true},    {0x0300, 0x036f, 0, false},
    {0x061c, 0x061c, 1, true},    {0x1100, 0x115f, 2, false},
    {0x200b, 0x200f, 1, true},    {0x2028, 0x202e, 1, true},
    {0x2060, 0x206f, 1, true},    {0x20d0, 0x20ff, 0, false},
    {0x2e80, 0xa4cf, 2, false},   {0xac00, 0xd7a3, 2, false},
    {0xf900, 0xfaff, 2, false},   {0xfe00, 0xfe0f, 0, false},
    {0xfe30, 0xfe6f, 2, false},   {0xfeff, 0xfeff, 1, true},
    {0xff00, 0xff60, 2, false},   {0xffe0, 0xffe6, 2, false},
    {0x1f300, 0x1faff, 2, false}, {0x20000, 0x3fffd, 2, false},
    {0xe0000, 0xe007f, 1, true},
};

/* The next character: its bytes, its code point.  A byte of no UTF-8 is hidden. */
static size_t decode(const char *text, size_t left, uint32_t *ret) {
  size_t n = cg_utf8_len(text, left);
  *ret = n == 1 ? (unsigned char)*text
         : n    ? (unsigned char)*text & (0xffu >> (n + 1))
                : 0;
  for (size_t i = 1; i < n; i++) *ret = *ret << 6 | ((unsigned char)text[i] & 0x3f);
  return n ? n : cg_utf8_bad_len(text, left);
}

void cg_cmd_cell(const char *text, int width) {
  int left = width;
  for (size_t bytes = strlen(text), n; bytes; text += n, bytes -= n) {
    uint32_t point;
    int columns = 1;
    n = decode(text, bytes, &point);
    bool hidden = false;
    for (size_t i = 0; i < CG_COUNT(odd); i++) {
      if (point < odd[i].first || point > odd[i].last) continue;
      columns = odd[i].columns;
      hidden = odd[i].hidden;
    }
    if (hidden)
      putchar('?');
    else
      fwrite(text, 1, n, stdout);
    left -= columns;
  }
  if (width && left < 1) left = 1;
  while (left-- > 0) putchar(' ');
}
