/* SPDX-License-Identifier: MIT
 *
 * must.h: ends a test whose condition does not hold, and says where.
 */
#ifndef MUST_H
#define MUST_H

#include <stdio.h>
#include <stdlib.h>

#define MUST(condition)                                                        \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "line %d: not true: %s\n", __LINE__, #condition);        \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

#endif
