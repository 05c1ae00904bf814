/* meant.h - texts of a configuration that nobody can have meant as they stand.
 *
 * A value that came through an environment file with Windows line ends, an editor, a
 * shell or a template unfilled: a control character, a byte order mark, a blank at an
 * end, quotes around it, a placeholder.  Used as it is, it would fail far from its cause:
 * as a wrong signature at LiveKit, as a name that is not found.  No allocation, any
 * thread; the words never repeat the text.
 */
#ifndef CG_BASE_MEANT_H
#define CG_BASE_MEANT_H

#include <stddef.h>

/* What is wrong with a text of UTF-8, in words; NULL: nothing. */
const char *cg_text_odd(const char *text, size_t n);
/* The same for a secret, in which the words of examples are placeholders, too. */
const char *cg_secret_odd(const char *text, size_t n);

/* "begins with a byte order mark; ..." of a whole file, or of one in UTF-16; NULL: it
 * does not. */
const char *cg_file_mark(const char *text, size_t n);

#endif
