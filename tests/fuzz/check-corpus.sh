#!/bin/sh
# SPDX-License-Identifier: MIT
# The targets in C, with each input of their corpus.
: "${srcdir:=.}"
for target in stream address; do
  $TEST_RUNNER "tests/fuzz/$target" "$srcdir/tests/fuzz/corpus/$target.hex" || {
    echo "$target failed"
    exit 1
  }
done
