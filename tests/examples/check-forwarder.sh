#!/bin/sh
# SPDX-License-Identifier: MIT
# The forwarder in front of an echo server, and in front of nothing.
. "${srcdir:-.}/tests/examples/common.sh"

check() {
  start target "$examples/echo_poller.lua"
  target=$pid target_port=$port
  start forwarder "$examples/forwarder.lua" 0 127.0.0.1 "$target_port"
  client "$srcdir/tests/examples/through.lua" 127.0.0.1 "$port"
  sed 's/^/  /' "$work/out"
  client "$srcdir/tests/examples/thousand.lua" 127.0.0.1 "$port" 200
  stop "$target"
  # who connects then is told so, by the end of the connection
  client "$srcdir/tests/examples/hung_up.lua" 127.0.0.1 "$port"
}

run_test check
finish
