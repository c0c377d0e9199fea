/* SPDX-License-Identifier: MIT
 *
 * pattern.h: what is sent in the benchmark, and how it is checked.  Piece i of
 * a size is the number i in eight digits, then letters, and for a line an LF as
 * its last byte.  The letters repeat after SEGMENT bytes, which no buffer's
 * size is a multiple of: what is lost, doubled or swapped shows.
 * bench/pattern.lua makes the same in Lua.
 */
#ifndef BENCH_PATTERN_H
#define BENCH_PATTERN_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SEGMENT ((size_t)4093)
#define DIGITS ((size_t)8)

/* So many different pieces; then it starts again. */
#define PIECES(size) ((size) < 65536 ? (size_t)1048576 / (size) : 1)

static inline char pattern_letter(size_t at) {
  size_t in = at % SEGMENT;
  return (char)('a' + (in * 7 + in / 26) % 26);
}

static inline void pattern_fill(char *data, size_t size) {
  size_t i, first = size < SEGMENT ? size : SEGMENT;
  for (i = 0; i < first; i++)
    data[i] = pattern_letter(i);
  for (i = first; i < size; i += first) {
    size_t rest = size - i < SEGMENT ? size - i : SEGMENT;
    memcpy(data + i, data, rest);
  }
}

static inline void pattern_number(char *data, size_t number) {
  size_t i;
  for (i = DIGITS; i-- > 0; number /= 10)
    data[i] = (char)('0' + number % 10);
}

/* Piece number of a size, the LF of a line included. */
static inline void pattern_piece(char *data, size_t size, size_t number,
                                 int line) {
  pattern_fill(data, size);
  pattern_number(data, number);
  if (line)
    data[size - 1] = '\n';
}

#endif
