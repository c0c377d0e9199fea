#!/bin/sh
# SPDX-License-Identifier: MIT
# The same network for the Lua module: what its users complained about.
. "${srcdir:-.}/tests/abi/common.sh"

[ -n "$INTERPRETERS" ] || skip "no Lua interpreter"
exec "$srcdir/tests/network/world.sh" $TEST_RUNNER tests/network/network -- \
  "${SHELL:-/bin/sh}" tests/lua-run "$srcdir/tests/network/names.lua"
