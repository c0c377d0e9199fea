#!/bin/sh
# SPDX-License-Identifier: MIT
# The server of systemd/echo.service with sockets that were passed to it: by a
# stand-in, and by systemd's own tool where that is.
. "${srcdir:-.}/tests/examples/common.sh"

[ -z "$TEST_RUNNER" ] ||
  skip "the program that passes the sockets can't start ${TEST_RUNNER%% *}"
[ -r /proc/self/stat ] || skip "no /proc here, as systemd would need"

# By hand: run_lua would put a process between, and the descriptors are for one.
activated() { # COMMAND...
  LUA_PATH="$modules_at/?.lua" LUA_CPATH="$modules_at/?.so"
  export LUA_PATH LUA_CPATH
  if [ -n "$LUATCP_PRELOAD" ]; then
    ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
    export ASAN_OPTIONS
    exec "$@" env LD_PRELOAD="$LUATCP_PRELOAD" "$interpreter" \
      "$examples/activated_server.lua" 3
  fi
  exec "$@" "$interpreter" "$examples/activated_server.lua" 3
}

has_ports() { [ "$(grep -cs '^port ' "$work/server")" = 2 ]; }
serves_two() { [ "$(grep -cs '^serving' "$work/server")" = 2 ]; }

# The kernel keeps who comes early: it does not matter when the program starts.
stand_in() {
  rm -f "$work/server"
  (activated ./libtool --mode=execute tests/examples/activate 2) >"$work/server" 2>&1 &
  server=$!
  started="$started $server"
  eventually has_ports || fail "the stand-in did not start: $(cat "$work/server")"
  for port in $(sed -n 's/^port //p' "$work/server"); do
    client "$srcdir/tests/examples/three_lines.lua" 127.0.0.1 "$port"
  done
  serves_two || fail "two servers, one descriptor each: $(cat "$work/server")"
  wait $server || fail "the server has not ended well: $(cat "$work/server")"
  # descriptors for another process are not taken
  (ACTIVATE_WRONG=yes && export ACTIVATE_WRONG &&
    activated ./libtool --mode=execute tests/examples/activate 1) >"$work/server" 2>&1 &&
    fail "took the descriptors of another process"
  grep -q 'no sockets were passed' "$work/server" || fail "$(cat "$work/server")"
}

free_port() {
  (run_lua -e '
    local server = require "socket".bind("127.0.0.1", 0)
    print((select(2, server:getsockname())))')
}

systemd_tool() {
  port=$(free_port)
  rm -f "$work/server"
  (activated systemd-socket-activate -l "127.0.0.1:$port" \
    -E LUA_PATH -E LUA_CPATH -E ASAN_OPTIONS) >"$work/server" 2>&1 &
  server=$!
  started="$started $server"
  eventually grep -qs -i 'listening on' "$work/server" || fail "$(cat "$work/server")"
  client "$srcdir/tests/examples/three_lines.lua" 127.0.0.1 "$port"
  grep -q '^serving' "$work/server" || fail "$(cat "$work/server")"
  wait $server || fail "the server has not ended well: $(cat "$work/server")"
  echo "  started by systemd-socket-activate"
}

run_test stand_in
if command -v systemd-socket-activate >/dev/null 2>&1 && [ -z "$TEST_RUNNER" ]; then
  run_test systemd_tool
else
  echo "note: no systemd-socket-activate"
fi
if command -v systemd-analyze >/dev/null 2>&1; then
  mkdir "$work/units"
  # the program need not be there
  sed 's,^ExecStart=.*,ExecStart=/bin/true,' "$examples/systemd/echo.service" \
    >"$work/units/echo.service"
  cp "$examples/systemd/echo.socket" "$work/units/"
  systemd-analyze verify "$work/units/echo.socket" "$work/units/echo.service" \
    >"$work/out" 2>&1
  grep -i 'echo[.]s' "$work/out" | grep -v 'Failed to \(connect\|initialize\|set up\)' >"$work/complaints"
  [ ! -s "$work/complaints" ] || fail "units: $(cat "$work/complaints")"
fi
finish
