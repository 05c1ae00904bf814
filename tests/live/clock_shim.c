/* clock_shim.c - preloaded: the wall clock is as far off as a file says.
 *
 * CAMGATE_TEST_CLOCK names a file of eight bytes, microseconds, which the test maps and
 * writes while the program runs.  The other clocks are left alone.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_us;

__attribute__((constructor)) static void map_file(void) {
  const char *path = getenv("CAMGATE_TEST_CLOCK");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *at = mmap(NULL, sizeof *offset_us, PROT_READ, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) offset_us = at;
  close(fd);
}

int clock_gettime(clockid_t id, struct timespec *ts) {
  if (syscall(SYS_clock_gettime, id, ts) != 0) return -1;
  if (!offset_us || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) return 0;
  int64_t us = *offset_us, ns = ts->tv_nsec + us % 1000000 * 1000;
  ts->tv_sec += us / 1000000 + (ns < 0 ? -1 : ns / 1000000000);
  ts->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
  return 0;
}

int gettimeofday(struct timeval *tv, void *zone) {
  struct timespec ts;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &ts);
  tv->tv_sec = ts.tv_sec;
  tv->tv_usec = ts.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *ret) {
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  if (ret) *ret = ts.tv_sec;
  return ts.tv_sec;
}
