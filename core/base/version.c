#include "base/version.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELEASE_MAX 64

struct part {
  const char *at;
  size_t n;
};

static int order(char c) {
  if (c == '~') return -1;
  if (c == 0 || isdigit((unsigned char)c)) return 0;
  return isalpha((unsigned char)c) ? c : c + 256;
}

static char first(const struct part *p) {
  return p->n ? *p->at : 0;
}

static void skip(struct part *p, size_t n) {
  p->at += n;
  p->n -= n;
}

static int letters(struct part *a, struct part *b) {
  while ((first(a) && !isdigit((unsigned char)first(a))) ||
         (first(b) && !isdigit((unsigned char)first(b)))) {
    int d = order(first(a)) - order(first(b));
    if (d) return d;
    if (a->n) skip(a, 1);
    if (b->n) skip(b, 1);
  }
  return 0;
}

static struct part digits(struct part *p) {
  while (first(p) == '0') skip(p, 1);
  struct part number = {p->at, 0};
  while (number.n < p->n && isdigit((unsigned char)p->at[number.n])) number.n++;
  skip(p, number.n);
  return number;
}

static int compare(struct part a, struct part b) {
  while (a.n || b.n) {
    int d = letters(&a, &b);
    if (d) return d;
    struct part x = digits(&a), y = digits(&b);
    if (x.n != y.n) return x.n < y.n ? -1 : 1;
    d = x.n ? memcmp(x.at, y.at, x.n) : 0;
    if (d) return d;
  }
  return 0;
}

int cg_version_cmp(const char *a, const char *b) {
  const char *texts[2] = {a, b};
  struct part version[2], revision[2];
  unsigned long epoch[2] = {0, 0};
  for (int i = 0; i < 2; i++) {
    const char *colon = strchr(texts[i], ':'), *from = colon ? colon + 1 : texts[i];
    const char *dash = strrchr(from, '-');
    if (colon) epoch[i] = strtoul(texts[i], NULL, 10);
    version[i] = (struct part){from, dash ? (size_t)(dash - from) : strlen(from)};
    revision[i] = (struct part){dash ? dash + 1 : "", dash ? strlen(dash + 1) : 0};
  }
  if (epoch[0] != epoch[1]) return epoch[0] < epoch[1] ? -1 : 1;
  int d = compare(version[0], version[1]);
  return d ? d : compare(revision[0], revision[1]);
}

/* "8.0" of "8.0.6" */
static size_t branch_length(const char *version) {
  size_t n = strcspn(version, ".");
  return version[n] ? n + 1 + strcspn(version + n + 1, ".") : n;
}

bool cg_version_mended(const char *version, const char *releases) {
  size_t branch = branch_length(version);
  char release[RELEASE_MAX] = "";
  while (*releases) {
    size_t n = strcspn(releases, " ");
    snprintf(release, sizeof release, "%.*s", (int)n, releases);
    if (branch == branch_length(release) && !strncmp(version, release, branch)) break;
    releases += n + strspn(releases + n, " ");
  }
  return *release && cg_version_cmp(version, release) >= 0;
}
