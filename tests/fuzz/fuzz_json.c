/* The reader of JSON bodies: no input breaks it; what it refuses has words. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct cg_err err = {0};
  json_t *value = cg_json_parse((const char *)data, size, &err);
  CG_CHECK(value || (err.code != CG_OK && err.text[0] != '\0'));
  json_decref(value);
  return 0;
}
