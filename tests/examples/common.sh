# SPDX-License-Identifier: MIT
# common.sh: programs of doc/examples, started, waited for and ended.
. "${srcdir:-.}/tests/abi/common.sh"

[ -n "$INTERPRETERS" ] || skip "no Lua interpreter"
examples=$srcdir/doc/examples
build=$(pwd)
started=
trap 'stop_all; rm -rf "$work"' EXIT
for version in '' _5_2 _5_3 _5_4 _5_5; do
  unset "LUA_INIT$version" "LUA_PATH$version" "LUA_CPATH$version"
done
# a thousand connections and their servers
ulimit -n 4096 2>/dev/null || ulimit -n "$(ulimit -Hn)" 2>/dev/null

limit=
if command -v timeout >/dev/null 2>&1; then
  limit="timeout -k 5 ${LUATCP_LIMIT:-60}"
fi

# run_lua SCRIPT ARGUMENT...: under the interpreter of this turn.  Replaces the
# shell: (run_lua ...) &, and a signal reaches the interpreter.
run_lua() {
  LUA_PATH="$modules_at/?.lua;$srcdir/tests/lua/?.lua"
  LUA_CPATH="$modules_at/?.so"
  export LUA_PATH LUA_CPATH
  if [ -n "$LUATCP_PRELOAD" ]; then
    # as in tests/lua-run
    LD_PRELOAD=$LUATCP_PRELOAD
    ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
    export LD_PRELOAD ASAN_OPTIONS
  fi
  exec $limit $TEST_RUNNER "$interpreter" "$@"
}

# run_test COMMAND: once for each interpreter that was configured
run_test() {
  for entry in $INTERPRETERS; do
    lua_name=${entry%%:*} interpreter=${entry#*:}
    case " ${LUATCP_ONLY:-$lua_name} " in
    *" $lua_name "*) ;;
    *) continue ;;
    esac
    case $lua_name in
    jit) modules_at=$build/lua/5.1 ;;
    *) modules_at=$build/lua/$lua_name ;;
    esac
    echo "== Lua $lua_name"
    "$@"
    stop_all
  done
}

# Waits for a condition, for at most 30 seconds.
eventually() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || return 1
    sleep 0.05
  done
}

# start NAME SCRIPT ARGUMENT...: a server; sets pid, and port when it says so.
# What it prints is in $work/NAME.
start() {
  output=$work/$1
  rm -f "$output"
  shift
  (run_lua "$@") >"$output" 2>&1 </dev/null &
  pid=$!
  started="$started $pid"
  eventually grep -qs '^\(listening on\|serving\)' "$output" ||
    fail "$1 did not start: $(cat "$output")"
  port=$(sed -n 's/^[a-z ]*[[:space:]][0-9a-f.:]*[[:space:]]\([0-9]*\)[[:space:]].*$/\1/p' \
    "$output" | head -n 1)
}

stop() { # PID
  kill "$1" 2>/dev/null
  wait "$1" 2>/dev/null
}

stop_all() {
  for process in $started; do stop "$process"; done
  started=
}

# client SCRIPT ARGUMENT...: has to succeed
client() {
  (run_lua "$@") >"$work/out" 2>&1 </dev/null || {
    fail "$1 failed with status $?"
    sed 's/^/  /' "$work/out"
  }
}
