#include "stamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST_US (INT64_C(253402300800) * 1000000 - 1) /* the end of 9999 */

static char *put_digits(char *at, int width, int64_t value) {
  for (int i = width; i-- > 0; value /= 10) at[i] = (char)('0' + value % 10);
  return at + width;
}

void aud_time_format(int64_t wall_us, char out[AUD_TIME_LEN + 1]) {
  if (wall_us < 0) wall_us = 0;
  if (wall_us > LAST_US) wall_us = LAST_US;
  time_t seconds = (time_t)(wall_us / 1000000);
  struct tm tm;
  (void)gmtime_r(&seconds, &tm);
  char *at = put_digits(out, 4, (tm.tm_year + 1900) % 10000);
  const int parts[] = {tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec};
  const char before[] = "--T::";
  for (int i = 0; i < 5; i++) {
    *at++ = before[i];
    at = put_digits(at, 2, parts[i]);
  }
  *at++ = '.';
  at = put_digits(at, 6, wall_us % 1000000);
  *at++ = 'Z';
  *at = '\0';
}

static bool take_digits(const char **at, int width, int *ret) {
  int value = 0;
  for (int i = 0; i < width; i++, (*at)++) {
    if (**at < '0' || **at > '9') return false;
    value = value * 10 + (**at - '0');
  }
  *ret = value;
  return true;
}

static bool take_fraction(const char **at, int64_t *ret_us) {
  *ret_us = 0;
  if (**at != '.') return true;
  int64_t unit = 100000;
  const char *start = ++*at;
  for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10) *ret_us += unit * (**at - '0');
  return *at > start;
}

static bool take_offset(const char **at, int64_t *ret_s) {
  char sign = **at;
  if (sign == '\0') return false;
  (*at)++;
  *ret_s = 0;
  if (sign == 'Z' || sign == 'z') return true;
  int hours, minutes;
  if ((sign != '+' && sign != '-') || !take_digits(at, 2, &hours) || **at != ':')
    return false;
  (*at)++;
  if (!take_digits(at, 2, &minutes) || hours > 23 || minutes > 59) return false;
  *ret_s = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
  return true;
}

/* "2026-11-24T04:09:15", into the parts of tm as they are written */
static bool take_seconds(const char **at, struct tm *tm) {
  int *const parts[] = {&tm->tm_year, &tm->tm_mon, &tm->tm_mday,
                        &tm->tm_hour, &tm->tm_min, &tm->tm_sec};
  const int least[] = {1970, 1, 1, 0, 0, 0}, most[] = {9999, 12, 31, 23, 59, 60};
  const char before[] = "\0--T::";
  for (int i = 0; i < 6; i++) {
    if (i > 0 && *(*at)++ != before[i]) return false;
    if (!take_digits(at, i == 0 ? 4 : 2, parts[i])) return false;
    if (*parts[i] < least[i] || *parts[i] > most[i]) return false;
  }
  return true;
}

bool aud_time_parse(const char *text, int64_t *ret_us) {
  struct tm tm = {0};
  const char *at = text;
  int64_t us, offset_s;
  if (!take_seconds(&at, &tm) || !take_fraction(&at, &us) ||
      !take_offset(&at, &offset_s) || *at != '\0')
    return false;
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  *ret_us = ((int64_t)timegm(&tm) - offset_s) * 1000000 + us;
  return true;
}

void aud_id_format(int64_t wall_us, uint64_t noise, char out[AUD_ID_LEN + 1]) {
  /* splitmix64: a bijection, so two counters never give one value */
  uint64_t z = noise * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z = (z ^ (z >> 31)) >> 8;
  static const char hex[] = "0123456789abcdef";
  for (int i = 14; i-- > 0; wall_us >>= 4, z >>= 4) {
    out[i] = hex[wall_us & 15];
    out[i + 14] = hex[z & 15];
  }
  out[AUD_ID_LEN] = '\0';
}
