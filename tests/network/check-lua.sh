#!/bin/sh
# SPDX-License-Identifier: MIT
# The same network for the Lua module: what its users complained about.
. "${srcdir:-.}/tests/abi/common.sh"

[ -n "$INTERPRETERS" ] || skip "no Lua interpreter"
# what a build without helper threads can't do is left out
grep '^#define ENABLE_THREADS' config.h >/dev/null || LUATCP_THREADS=no
export LUATCP_THREADS
"$srcdir/tests/network/world.sh" $TEST_RUNNER tests/network/network -- \
  "${SHELL:-/bin/sh}" tests/lua-run "$srcdir/tests/network/names.lua"
exit $?
