#!/bin/sh
# SPDX-License-Identifier: MIT
# The line echo servers, in Lua and in C, with a thousand clients; what the
# benchmark client says about them; the client in C.
. "${srcdir:-.}/tests/examples/common.sh"

library=libluatcp.la
[ -e $library ] || library=libluatcp-core.la
for program in echo_server echo_client; do
  ./libtool --silent --mode=link --tag=CC $CC $CPPFLAGS $CFLAGS $LDFLAGS \
    -I"$srcdir/src/include" -no-install -o "$work/$program" \
    "$examples/$program.c" $library >"$work/out" 2>&1 ||
    fail "$program.c: $(cat "$work/out")"
done

run_c() {
  exec $limit ./libtool --mode=execute $TEST_RUNNER "$@"
}

check_echo() { # HOST PORT
  client "$srcdir/tests/examples/thousand.lua" "$1" "$2" 1000
  sed 's/^/  /' "$work/out"
  answer=$( (run_c "$work/echo_client" "$1" "$2") 2>&1)
  [ "$answer" = "answer: hello" ] || fail "echo_client: $answer"
}

lua_server() {
  start server "$examples/echo_poller.lua"
  check_echo 127.0.0.1 "$port"
  client "$examples/benchmark_client.lua" 127.0.0.1 "$port" 20 0.7
  grep -q '20 connections' "$work/out" && grep -q ' %  [1-9][0-9]* answers' "$work/out" ||
    fail "the benchmark shows no progress: $(cat "$work/out")"
  sed -n 's/^[0-9].* a second.*$/  &/p; s/^half.*$/  &/p' "$work/out"
  # long lines are not remembered, and cost their own connection alone
  client "$srcdir/tests/examples/long_line.lua" 127.0.0.1 "$port"
}

c_server() {
  [ -x "$work/echo_server" ] || return
  rm -f "$work/server" # that of the server before
  (run_c "$work/echo_server") >"$work/server" 2>&1 &
  started="$started $!"
  eventually grep -qs '^listening on' "$work/server" || fail "echo_server did not start"
  port=$(sed -n 's/^listening on.*[[:space:]]\([0-9]*\)$/\1/p' "$work/server")
  check_echo 127.0.0.1 "$port"
  client "$srcdir/tests/examples/long_line.lua" 127.0.0.1 "$port"
}

run_test lua_server
run_test c_server
finish
