/* Files of time zones: what is read shows a real date at any moment, offsets are those
 * that the format allows, and what is refused has words. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/zone.h"

#define YEARS INT64_C(10000)

static void check_at(const struct cg_zone *z, int64_t s) {
  struct cg_local l;
  char text[CG_LOCAL_TEXT];
  if (s > YEARS * 366 * CG_DAY_S || s < -YEARS * 366 * CG_DAY_S) return;
  cg_zone_local(z, s, &l);
  CG_CHECK(l.offset_s == cg_zone_offset(z, s));
  CG_CHECK(l.offset_s > -2 * CG_DAY_S && l.offset_s < 2 * CG_DAY_S);
  CG_CHECK(l.month >= 1 && l.month <= 12 && l.day >= 1 && l.day <= 31);
  CG_CHECK(l.hour >= 0 && l.hour <= 23 && l.minute >= 0 && l.minute <= 59);
  CG_CHECK(l.second >= 0 && l.second <= 59 && l.weekday >= 1 && l.weekday <= 7);
  int64_t of_day = l.hour * 3600 + l.minute * 60 + l.second;
  CG_CHECK(cg_days_of(l.year, l.month, l.day) * CG_DAY_S + of_day == s + l.offset_s);
  cg_local_text(&l, text);
  CG_CHECK(strlen(text) >= 25);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct cg_err err = {0};
  struct cg_arena *arena = cg_arena_new(NULL, 1 << 22);
  CG_CHECK(arena);
  const struct cg_zone *z = cg_zone_read("Fuzz/Zone", data, size, arena, &err);
  if (!z) CG_CHECK(err.code != CG_OK && err.text[0]);
  for (size_t i = 0; z && i < z->n && i < 64; i++)
    for (int64_t d = -1; d <= 1; d++)
      if (z->changes[i].at > INT64_MIN && z->changes[i].at < INT64_MAX)
        check_at(z, z->changes[i].at + d);
  for (int64_t s = -40 * 366 * CG_DAY_S; z && s < 140 * 366 * CG_DAY_S;
       s += 41 * CG_DAY_S)
    check_at(z, s);
  cg_arena_free(arena, NULL);
  return 0;
}
