/* A table's cell on a terminal: as wide as it looks, and nothing in it that acts. */
#include <stdio.h>

#include "base/check.h"
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
static int decode(const char *text, uint32_t *ret) {
  const unsigned char *p = (const unsigned char *)text;
  int n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
  *ret = n == 1 ? *p : n ? *p & (0xffu >> (n + 1)) : 0;
  for (int i = 1; i < n; i++) {
    if (p[i] >> 6 != 2) {
      *ret = 0;
      return 1;
    }
    *ret = *ret << 6 | (p[i] & 0x3f);
  }
  return n ? n : 1;
}

void cg_cmd_cell(const char *text, int width) {
  int left = width;
  while (*text) {
    uint32_t point;
    int n = decode(text, &point), columns = 1;
    bool hidden = false;
    for (size_t i = 0; i < CG_COUNT(odd); i++) {
      if (point < odd[i].first || point > odd[i].last) continue;
      columns = odd[i].columns;
      hidden = odd[i].hidden;
    }
    if (hidden)
      putchar('?');
    else
      fwrite(text, 1, (size_t)n, stdout);
    left -= columns;
    text += n;
  }
  if (width && left < 1) left = 1;
  while (left-- > 0) putchar(' ');
}
