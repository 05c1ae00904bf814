/* folder.h - a folder of policies under /tmp, with its lib/, for the length of a test. */
#ifndef TEST_POLICY_FOLDER_H
#define TEST_POLICY_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_PATH 64

static inline void folder_write(const char *dir, const char *name, const char *text,
                                size_t n) {
  char path[256];
  snprintf(path, sizeof(path), "%s/%s", dir, name);
  FILE *out = fopen(path, "w");
  assert_non_null(out);
  assert_int_equal(fwrite(text, 1, n, out), n);
  fclose(out);
}

static inline void folder_make(char dir[FOLDER_PATH]) {
  char path[128];
  snprintf(dir, FOLDER_PATH, "/tmp/camgate-policy-XXXXXX");
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof(path), "%s/lib", dir);
  assert_int_equal(mkdir(path, 0700), 0);
}

static int folder_remove_one(const char *path, const struct stat *st, int type,
                             struct FTW *place) {
  (void)st;
  (void)type;
  (void)place;
  return remove(path);
}

static inline void folder_remove(char dir[FOLDER_PATH]) {
  if (*dir) assert_int_equal(nftw(dir, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
  *dir = '\0';
}

#endif
