#!/bin/sh
# SPDX-License-Identifier: MIT
# make installcheck: the installed module loads in the installed interpreters,
# and a C program compiles against the installed library and talks to it.
#
# From the Makefile: INSTALLED, a list of VERSION:CMODDIR:LMODDIR; NAMES, what
# the module is called; INTERPRETERS; DESTDIR; and, unless the library is inside
# the module, libdir, includedir, pkgconfigdir.
. "${srcdir:-.}/tests/abi/common.sh"

examples=$srcdir/doc/examples
for version in '' _5_2 _5_3 _5_4 _5_5; do
  unset "LUA_INIT$version" "LUA_PATH$version" "LUA_CPATH$version"
done
# The loader finds an installed library by itself; one in a staging directory,
# or for a C program one in a directory of its own, it does not.
staged_path=${DESTDIR:+$DESTDIR$libdir}

# lua_run INTERPRETER ARGUMENT...: with $cmoddir and $lmoddir
lua_run() (
  LUA_PATH="$lmoddir/?.lua"
  LUA_CPATH="$cmoddir/?.so"
  export LUA_PATH LUA_CPATH
  if [ -n "$staged_path" ]; then
    LD_LIBRARY_PATH=$staged_path${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
  fi
  if [ -n "$LUATCP_PRELOAD" ]; then
    # as in tests/lua-run
    LD_PRELOAD=$LUATCP_PRELOAD
    ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
    export LD_PRELOAD ASAN_OPTIONS
  fi
  exec $TEST_RUNNER "$@"
)

# each "VERSION:CMODDIR:LMODDIR" for each of its interpreters
server_interpreter=
for entry in $INSTALLED; do
  version=${entry%%:*} rest=${entry#*:}
  cmoddir=${rest%%:*} lmoddir=${rest#*:}
  for item in $INTERPRETERS; do
    case $version/${item%%:*} in
    "$version/$version" | 5.1/jit) ;;
    *) continue ;;
    esac
    interpreter=${item#*:}
    for module in $NAMES; do
      loaded=$(lua_run "$interpreter" -e "
        local module = require '$module'
        assert(module.tcp()):close()
        io.write(module._VERSION)" 2>&1) &&
        case $loaded in luatcp*) true ;; *) false ;; esac || {
        fail "Lua ${item%%:*} cannot load \"$module\": $loaded"
        continue
      }
      echo "$name: Lua ${item%%:*} loads \"$module\": $loaded"
      [ "$module" = socket ] && server_interpreter=$interpreter \
        server_cmoddir=$cmoddir server_lmoddir=$lmoddir
    done
  done
done

[ -n "$libdir" ] || finish

# ---- the C program -----------------------------------------------------------

need "$PKG_CONFIG"
flags() {
  PKG_CONFIG_PATH=$DESTDIR$pkgconfigdir${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH} \
    $PKG_CONFIG --define-variable=libdir="$DESTDIR$libdir" \
    --define-variable=includedir="$DESTDIR$includedir" "$@" luatcp
}
client=$work/echo_client
$CC $CPPFLAGS $CFLAGS -Wall -Wextra $(flags --cflags) \
  "$examples/echo_client.c" $LDFLAGS $(flags --libs) -o "$client" \
  >"$work/out" 2>&1
status=$?
[ -s "$work/out" ] && sed 's/^/  /' "$work/out"
if [ $status -ne 0 ]; then
  fail "echo_client.c does not compile against the installed library"
  finish
fi

client_run() (
  LD_LIBRARY_PATH=$DESTDIR$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export LD_LIBRARY_PATH
  exec $TEST_RUNNER "$client" "$@"
)

if [ -z "$server_interpreter" ]; then
  # nobody to talk to: it has to say so
  answer=$(client_run 127.0.0.1 1)
  [ "$answer" = "error: connection refused" ] ||
    fail "echo_client without a server said: $answer"
  finish
fi

cmoddir=$server_cmoddir lmoddir=$server_lmoddir
lua_run "$server_interpreter" "$examples/echo_server.lua" \
  >"$work/server" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
tries=0 port=
while [ $tries -lt 100 ] && [ -z "$port" ]; do
  sleep 0.1
  tries=$((tries + 1))
  port=$(sed -n 's/^listening on[[:space:]]*127\.0\.0\.1[[:space:]]*\([0-9]*\).*$/\1/p' \
    "$work/server")
done
if [ -z "$port" ]; then
  fail "echo_server.lua did not start: $(cat "$work/server")"
  finish
fi
answer=$(client_run 127.0.0.1 "$port")
[ "$answer" = "answer: hello" ] || fail "echo_client said: $answer"
echo "$name: echo_client to echo_server.lua: $answer"
wait $server || fail "echo_server.lua failed: $(cat "$work/server")"
finish
