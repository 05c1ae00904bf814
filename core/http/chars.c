#include "http/chars.h"

#define LINE  CG_CH_LINE
#define QUERY CG_CH_QUERY
#define TOKEN (LINE | CG_CH_TOKEN)
#define URI   (CG_CH_PATH | QUERY)
#define NAME  (TOKEN | URI | CG_CH_NAME)

const uint8_t cg_chars[256] = {
    ['\t'] = LINE,         [' '] = LINE,
    ['!'] = TOKEN | URI,   ['"'] = LINE | QUERY,
    ['#'] = TOKEN,         ['$'] = TOKEN | URI,
    ['%'] = TOKEN,         ['&'] = TOKEN | URI,
    ['\''] = TOKEN | URI,  ['('] = LINE | URI,
    [')'] = LINE | URI,    ['*'] = TOKEN | URI,
    ['+'] = TOKEN | URI,   [','] = LINE | URI,
    ['-'] = NAME,          ['.'] = NAME,
    ['/'] = LINE | URI,    ['0' ... '9'] = NAME | CG_CH_DIGIT | CG_CH_HEX,
    [':'] = LINE | URI,    [';'] = LINE | URI,
    ['<'] = LINE,          ['='] = LINE | URI,
    ['>'] = LINE,          ['?'] = LINE | QUERY,
    ['@'] = LINE | URI,    ['A' ... 'F'] = NAME | CG_CH_HEX,
    ['G' ... 'Z'] = NAME,  ['['] = LINE | QUERY,
    ['\\'] = LINE,         [']'] = LINE | QUERY,
    ['^'] = TOKEN | QUERY, ['_'] = NAME,
    ['`'] = TOKEN | QUERY, ['a' ... 'f'] = NAME | CG_CH_HEX,
    ['g' ... 'z'] = NAME,  ['{'] = LINE | QUERY,
    ['|'] = TOKEN | QUERY, ['}'] = LINE | QUERY,
    ['~'] = NAME,          [0x80 ... 0xff] = LINE,
};

bool cg_is_line(const char *s, size_t n) {
  size_t i = 0;
  while (i < n && cg_ch(s[i], CG_CH_LINE)) i++;
  return i == n;
}

int cg_hex(char c) {
  return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}
