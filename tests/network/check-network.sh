#!/bin/sh
# SPDX-License-Identifier: MIT
# The scenarios of network.c, in a network of their own, with IPv6 and without.
. "${srcdir:-.}/tests/abi/common.sh"

run() { # WORLD
  echo "== $1"
  LUATCP_WORLD=$1 "$srcdir/tests/network/world.sh" $TEST_RUNNER tests/network/network
}

run both-families
status=$?
[ $status -ne 77 ] || exit 77
[ $status -eq 0 ] || fail "scenarios failed"
run no-ipv6
status=$?
[ $status -eq 0 ] || [ $status -eq 77 ] ||
  fail "scenarios failed without IPv6 at run time"
finish
