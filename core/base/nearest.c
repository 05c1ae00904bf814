/* The name that a misspelt one was meant to be (Damerau and Levenshtein's distance). */
#include <string.h>

#include "base/schema.h"

#define WORD_MAX 64

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

/* Insertions, deletions, substitutions, and neighbours that changed places. */
static size_t distance(const char *a, size_t n, const char *b, size_t m) {
  size_t rows[3][WORD_MAX + 1];
  size_t *before = rows[0], *last = rows[1], *row = rows[2];
  for (size_t j = 0; j <= m; j++) last[j] = j;
  for (size_t i = 1; i <= n; i++) {
    row[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t d = last[j - 1] + (a[i - 1] != b[j - 1]);
      d = least(d, least(last[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d = least(d, before[j - 2] + 1);
      row[j] = d;
    }
    size_t *oldest = before;
    before = last, last = row, row = oldest;
  }
  return last[m];
}

const char *cg_nearest(const char *word, const char *const *candidates, size_t n) {
  size_t len = strlen(word), best = len / 3 + 2;
  const char *found = NULL;
  if (len > WORD_MAX) return NULL;
  for (size_t i = 0; i < n; i++) {
    size_t m = strlen(candidates[i]);
    if (m > WORD_MAX) continue;
    size_t d = distance(word, len, candidates[i], m);
    if (d >= best || d >= len) continue;
    best = d;
    found = candidates[i];
  }
  return found;
}
