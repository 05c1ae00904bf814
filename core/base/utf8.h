/* utf8.h - is this UTF-8 (RFC 3629), of a whole text or told as its bytes come; and how
 * a text is made UTF-8, or cut, without half a character.
 *
 * In pieces, a text that is none is known for it at its first wrong byte, wherever they
 * were cut.  Surrogates, code points beyond U+10FFFF and overlong forms are none.
 * U+FFFD stands for each longest run of bytes that began a character and did not end it,
 * else for each byte (Unicode 15, 3.9, "U+FFFD Substitution of Maximal Subparts"), and
 * for NUL, which no text of ours may hold.  No allocation, any thread.
 */
#ifndef CG_BASE_UTF8_H
#define CG_BASE_UTF8_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CG_UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Zeroed = before the text. */
struct cg_utf8 {
  uint8_t left;      /* bytes that the character under way still needs */
  uint8_t low, high; /* what the next of them must lie between */
};

bool cg_utf8_feed(struct cg_utf8 *u, const char *bytes, size_t n); /* false: it is none */
bool cg_utf8_ends(const struct cg_utf8 *u); /* no character is under way */

bool cg_utf8_is(const char *text, size_t n); /* the whole of it */
/* Bytes of the character that begins at s, where n of them are, at least one; 0: none
 * does. */
size_t cg_utf8_len(const char *s, size_t n);
/* Bytes at s that one U+FFFD stands for, where no character begins. */
size_t cg_utf8_bad_len(const char *s, size_t n);

/* How many of n bytes to keep, at most `most`, so that no character is cut. */
size_t cg_utf8_cut(const char *text, size_t n, size_t most);

/* n bytes into to[size] as UTF-8, cut at a whole character, NUL-terminated; -> their
 * length.  size: at least 1; CG_UTF8_ROOM(n) is enough for any text of n bytes. */
#define CG_UTF8_ROOM(n) ((n) * (sizeof CG_UTF8_REPLACEMENT - 1) + 1)
size_t cg_utf8_put(char *to, size_t size, const char *from, size_t n);
size_t cg_utf8_copy(char *to, size_t size, const char *from);
/* The same of what printf would write; size: at most CG_UTF8_PRINT_MAX. */
#define CG_UTF8_PRINT_MAX 1024
size_t cg_utf8_vprint(char *to, size_t size, const char *fmt, va_list ap);
size_t cg_utf8_print(char *to, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
