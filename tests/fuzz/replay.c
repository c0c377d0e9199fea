/* SPDX-License-Identifier: MIT
 *
 * replay.c: main of a fuzzing target for compilers that have no libFuzzer:
 * gives it each input of a corpus, one after another.
 *
 *   replay FILE.hex...     a corpus: one input a line, in hexadecimal digits
 *   replay --raw FILE...   each file is one input, as libFuzzer writes them
 */
#include "fuzz.h"

#include <string.h>

#define INPUT_MAX 65536

/* An exact copy, so that memory checkers see reads beyond the end. */
static void give(const uint8_t *bytes, size_t size) {
  uint8_t *copy = malloc(size > 0 ? size : 1);
  FUZZ_CLAIM(copy != NULL);
  memcpy(copy, bytes, size);
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
}

static unsigned digit(int c) {
  static const char digits[] = "0123456789abcdef";
  const char *found = memchr(digits, c, 16);
  FUZZ_CLAIM(found != NULL);
  return (unsigned)(found - digits);
}

/* Reads the next line's bytes; false at the end of the file. */
static bool read_line(FILE *file, uint8_t *bytes, size_t *size) {
  int high = getc(file);
  *size = 0;
  for (; high != EOF && high != '\n'; high = getc(file)) {
    FUZZ_CLAIM(*size < INPUT_MAX);
    bytes[(*size)++] = (uint8_t)(digit(high) << 4 | digit(getc(file)));
  }
  return high != EOF || *size > 0;
}

static size_t replay(const char *path, bool raw) {
  static uint8_t bytes[INPUT_MAX];
  size_t size, count = 0;
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    exit(1);
  }
  if (raw) {
    give(bytes, fread(bytes, 1, sizeof bytes, file));
    count = 1;
  } else
    for (; read_line(file, bytes, &size); count++)
      give(bytes, size);
  fclose(file);
  return count;
}

int main(int argc, char **argv) {
  bool raw = argc > 1 && strcmp(argv[1], "--raw") == 0;
  size_t count = 0;
  int i;
  for (i = raw ? 2 : 1; i < argc; i++)
    count += replay(argv[i], raw);
  printf("%zu inputs\n", count);
  return count > 0 ? 0 : 1;
}
