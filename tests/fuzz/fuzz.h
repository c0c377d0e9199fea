/* SPDX-License-Identifier: MIT
 *
 * fuzz.h: what the fuzzing targets share.  A target defines
 * LLVMFuzzerTestOneInput, which libFuzzer calls with inputs that it invents,
 * and replay.c with those of a corpus.  A target that finds something aborts.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- Reading the input ----------------------------------------------- */

struct fuzz_input {
  const uint8_t *data;
  size_t left;
};

/* The next byte; 0 beyond the end. */
static inline unsigned fuzz_byte(struct fuzz_input *input) {
  if (input->left == 0)
    return 0;
  input->left--;
  return *input->data++;
}

/* A size: mostly small, now and then up to 131,071. */
static inline size_t fuzz_size(struct fuzz_input *input) {
  size_t first = fuzz_byte(input), second;
  if (first < 192)
    return first;
  second = fuzz_byte(input);
  if (first < 250)
    return (first - 192) << 8 | second;
  return (first & 1) << 16 | second << 8 | fuzz_byte(input);
}

/* ---- Claims ---------------------------------------------------------- */

#define FUZZ_CLAIM(condition)                                                  \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__,             \
              #condition);                                                     \
      abort();                                                                 \
    }                                                                          \
  } while (0)

#endif
