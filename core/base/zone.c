#include "base/zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/civil.h"

#define HEADER_BYTES 44
#define TYPE_BYTES   6
#define TYPES_MAX    256
#define OFFSET_LEAST (-89999) /* RFC 9636, 3.2 */
#define OFFSET_MOST  93599
#define STEP_S       3600 /* offsets change no more than once in it */
#define MOST_S       (4 * CG_DAY_S)

const struct cg_zone cg_zone_utc = {.name = "UTC"};

/* ---- the file ---- */

struct header {
  uint32_t is_ut, is_standard, leaps, changes, types, chars;
};

/* What was not read yet. */
struct rest {
  const uint8_t *p;
  size_t n;
};

static uint64_t big_endian(const uint8_t *p, size_t n) {
  uint64_t value = 0;
  while (n--) value = value << 8 | *p++;
  return value;
}

static bool skip(struct rest *r, uint64_t n) {
  if (n > r->n) return false;
  r->p += n;
  r->n -= (size_t)n;
  return true;
}

static bool take_header(struct rest *r, struct header *h, char *ret_version) {
  const uint8_t *p = r->p;
  if (!skip(r, HEADER_BYTES) || memcmp(p, "TZif", 4) != 0) return false;
  *ret_version = (char)p[4];
  uint32_t *const counts[] = {&h->is_ut,   &h->is_standard, &h->leaps,
                              &h->changes, &h->types,       &h->chars};
  for (size_t i = 0; i < CG_COUNT(counts); i++)
    *counts[i] = (uint32_t)big_endian(p + 20 + 4 * i, 4);
  return true;
}

/* Bytes of a block whose times have `width` bytes. */
static uint64_t block_bytes(const struct header *h, uint64_t width) {
  return h->changes * (width + 1) + (uint64_t)h->types * TYPE_BYTES + h->chars +
         h->leaps * (width + 4) + h->is_standard + h->is_ut;
}

static bool counts_ok(const struct header *h) {
  return h->types >= 1 && h->types <= TYPES_MAX && h->chars >= 1 &&
         (!h->is_ut || h->is_ut == h->types) &&
         (!h->is_standard || h->is_standard == h->types);
}

/* The offsets of all types; each has a name that ends, and is daylight saving or not. */
static bool take_types(const uint8_t *p, const struct header *h,
                       int32_t offsets[TYPES_MAX]) {
  const uint8_t *names = p + (size_t)h->types * TYPE_BYTES;
  for (uint32_t i = 0; i < h->types; i++, p += TYPE_BYTES) {
    uint32_t offset = (uint32_t)big_endian(p, 4);
    offsets[i] = offset > INT32_MAX ? -(int32_t)~offset - 1 : (int32_t)offset;
    if (offsets[i] < OFFSET_LEAST || offsets[i] > OFFSET_MOST || p[4] > 1 ||
        p[5] >= h->chars || !memchr(names + p[5], 0, h->chars - p[5]))
      return false;
  }
  return true;
}

static bool take_changes(const uint8_t *times, const uint8_t *types,
                         const struct header *h, const int32_t *offsets,
                         struct cg_zone_change *out) {
  for (uint32_t i = 0; i < h->changes; i++, times += 8) {
    uint64_t at = big_endian(times, 8);
    out[i].at = at > INT64_MAX ? -(int64_t)~at - 1 : (int64_t)at;
    if (types[i] >= h->types || (i && out[i].at <= out[i - 1].at)) return false;
    out[i].offset_s = offsets[types[i]];
  }
  return true;
}

static bool take_block(struct rest *r, const struct header *h, struct cg_zone *z,
                       struct cg_zone_change *changes) {
  const uint8_t *times = r->p, *types = times + (size_t)h->changes * 8;
  int32_t offsets[TYPES_MAX];
  if (!take_types(types + h->changes, h, offsets) ||
      !take_changes(times, types, h, offsets, changes))
    return false;
  z->first_s = offsets[0];
  z->changes = changes;
  z->n = h->changes;
  return skip(r, block_bytes(h, 8));
}

/* "\n", the rule or nothing, "\n", and there the file ends. */
static bool take_footer(const struct rest *r, struct cg_zone *z) {
  const char *text = (const char *)r->p;
  if (r->n < 2 || text[0] != '\n' || text[r->n - 1] != '\n') return false;
  z->has_rule = r->n > 2;
  return !z->has_rule || cg_zone_rule_parse(text + 1, r->n - 2, &z->rule);
}

/* Behind both headers and the block of 32 bits, which is for readers of old; or why
 * not. */
static const char *find_block(struct rest *r, struct header *h) {
  char version;
  if (!take_header(r, h, &version)) return "is not a time zone file (TZif)";
  if (!version) return "is of version 1, which ends in 2037";
  if (version < '2' || version > '4') return "is of a version that is not known here";
  if (!skip(r, block_bytes(h, 4)) || !take_header(r, h, &version) || !counts_ok(h) ||
      block_bytes(h, 8) > r->n)
    return "is broken";
  return h->leaps ? "counts leap seconds, as the system's clock does not" : NULL;
}

const struct cg_zone *cg_zone_read(const char *name, const void *tzif, size_t n,
                                   struct cg_arena *arena, struct cg_err *err) {
  struct rest r = {tzif, n};
  struct header h;
  const char *wrong = find_block(&r, &h);
  if (wrong) {
    cg_fail(err, CG_E_INVALID, "%s", wrong);
    return NULL;
  }
  struct cg_zone *z = cg_arena_zalloc(arena, sizeof *z);
  struct cg_zone_change *changes =
      cg_arena_alloc(arena, ((size_t)h.changes + 1) * sizeof *changes);
  const char *own = cg_arena_strdup(arena, name);
  if (!z || !changes || !own) {
    cg_fail(err, CG_E_MEMORY, "no memory to read a time zone");
    return NULL;
  }
  z->name = own;
  bool whole = take_block(&r, &h, z, changes) && take_footer(&r, z);
  if (whole && !z->rule.unknown) return z;
  cg_fail(err, CG_E_INVALID, "%s", whole ? "is the time of nowhere" : "is broken");
  return NULL;
}

/* ---- what clocks show ---- */

int32_t cg_zone_offset(const struct cg_zone *z, int64_t s) {
  size_t low = 0, high = z->n; /* changes before low are not after s */
  if (z->has_rule && (!z->n || s >= z->changes[z->n - 1].at))
    return cg_zone_rule_offset(&z->rule, s);
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (z->changes[mid].at <= s)
      low = mid + 1;
    else
      high = mid;
  }
  return low ? z->changes[low - 1].offset_s : z->first_s;
}

void cg_zone_local(const struct cg_zone *z, int64_t s, struct cg_local *out) {
  int32_t offset = cg_zone_offset(z, s);
  int64_t days = cg_floor_div(s + offset, CG_DAY_S), month, day;
  int of_day = (int)(s + offset - days * CG_DAY_S);
  cg_civil_of(days, &out->year, &month, &day);
  out->month = (int)month;
  out->day = (int)day;
  out->hour = of_day / 3600;
  out->minute = of_day / 60 % 60;
  out->second = of_day % 60;
  out->weekday = cg_weekday_of(days);
  out->offset_s = offset;
}

/* The first instant in (from, to] with another offset than `from`; else to. */
static int64_t change_within(const struct cg_zone *z, int64_t from, int64_t to) {
  int32_t offset = cg_zone_offset(z, from);
  int64_t low = from;
  if (cg_zone_offset(z, to) == offset) return to;
  while (to - low > 1) {
    int64_t mid = low + (to - low) / 2;
    if (cg_zone_offset(z, mid) == offset)
      low = mid;
    else
      to = mid;
  }
  return to;
}

int64_t cg_zone_next(const struct cg_zone *z, int64_t s, int of_day) {
  for (int64_t at = s, next; at < s + MOST_S; at = next) {
    next = change_within(z, at, at + STEP_S);
    int32_t offset = cg_zone_offset(z, at);
    int64_t after = at + offset - (at > s); /* s itself does not count, later ones do */
    int64_t days = cg_floor_div(after - of_day, CG_DAY_S) + 1;
    int64_t wanted = days * CG_DAY_S + of_day;
    if (wanted - offset < next) return wanted - offset;
    if (cg_zone_offset(z, next) != offset && next + cg_zone_offset(z, next) >= wanted)
      return next;
  }
  return s + CG_DAY_S; /* no clock is put back for so long */
}

void cg_local_text(const struct cg_local *l, char out[CG_LOCAL_TEXT]) {
  int32_t off = l->offset_s < 0 ? -l->offset_s : l->offset_s;
  int n =
      snprintf(out, CG_LOCAL_TEXT, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d%c%02d:%02d",
               l->year, l->month, l->day, l->hour, l->minute, l->second,
               l->offset_s < 0 ? '-' : '+', off / 3600, off / 60 % 60);
  if (off % 60) snprintf(out + n, CG_LOCAL_TEXT - (size_t)n, ":%02d", off % 60);
}
