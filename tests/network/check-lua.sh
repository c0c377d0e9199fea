#!/bin/sh
# SPDX-License-Identifier: MIT
# The same network for the Lua module: what its users complained about.
. "${srcdir:-.}/tests/abi/common.sh"

[ -n "$INTERPRETERS" ] || skip "no Lua interpreter"
# what a build without helper threads can't do is left out
grep '^#define ENABLE_THREADS' config.h >/dev/null || LUATCP_THREADS=no
export LUATCP_THREADS

# Each Lua in a world of its own, all at once: most of the time they wait.
runs=
for interpreter in $INTERPRETERS; do
  lua=${interpreter%%:*}
  LUATCP_ONLY=$lua "$srcdir/tests/network/world.sh" $TEST_RUNNER \
    tests/network/network -- sh tests/lua-run \
    "$srcdir/tests/network/names.lua" >"$work/$lua.log" 2>&1 &
  runs="$runs $lua:$!"
done
ran=no
for run in $runs; do
  status=0
  wait "${run#*:}" || status=$?
  cat "$work/${run%%:*}.log"
  case $status in
  0) ran=yes ;;
  77) ;;
  *) fail "Lua ${run%%:*}: status $status" ;;
  esac
done
[ $failures -gt 0 ] || [ $ran = yes ] || exit 77
finish
