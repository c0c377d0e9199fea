#!/bin/sh
# SPDX-License-Identifier: MIT
# Three people in the chat.
. "${srcdir:-.}/tests/examples/common.sh"

check() {
  start chat "$examples/chat.lua"
  client "$srcdir/tests/examples/people.lua" 127.0.0.1 "$port"
  sed 's/^/  /' "$work/out"
}

run_test check
finish
