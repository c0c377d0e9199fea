#!/bin/sh
# SPDX-License-Identifier: MIT
# Several processes on one port: the system spreads connections over them.
. "${srcdir:-.}/tests/examples/common.sh"

check() {
  start first "$examples/reuseport_server.lua" 0 first
  if grep -q 'not available' "$work/first"; then skip "no option reuseport"; fi
  shared=$port
  for process in second third fourth; do
    start $process "$examples/reuseport_server.lua" "$shared" $process
    [ "$port" = "$shared" ] || fail "$process is on port $port"
  done
  client "$srcdir/tests/examples/ask_names.lua" 127.0.0.1 "$shared" 200
  sed 's/^/  /' "$work/out"
}

run_test check
finish
