#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the examples in Lua of the manual pages, README, SECURITY and the guides,
# under each configured interpreter.  doc/HACKING says how they are marked.
. "${srcdir:-.}/tests/abi/common.sh"

[ -n "$INTERPRETERS" ] || skip "no Lua interpreter was configured"
awk -v language=lua -v out="$work" -f "$srcdir/tests/doc/extract.awk" \
  "$srcdir/README" "$srcdir/doc/SECURITY" "$srcdir"/doc/*.md "$srcdir"/doc/man/*.3lua >"$work/list" ||
  fail "the examples could not be taken out"
# loops that have no end wait for visitors for a while
LUATCP_LIMIT=${LUATCP_LIMIT:-240}
export LUATCP_LIMIT
sh tests/lua-run "$srcdir/tests/doc/run_examples.lua" "$work/list" "$work" \
  >"$work/out" 2>&1 || fail "examples fail"
cat "$work/out"
finish
