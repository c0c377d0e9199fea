#!/bin/sh
# SPDX-License-Identifier: MIT
# The example of a Lua module in C: built for each Lua against the library of
# this build, loaded, and asked.
. "${srcdir:-.}/tests/examples/common.sh"

[ -e libluatcp.la ] || skip "there is no library but in the module"
[ -e .libs/libluatcp.so ] || skip "no shared library of the usual name"

check() {
  case $lua_name in
  jit) short=51 ;;
  *) short=$(echo "$lua_name" | tr -d .) ;;
  esac
  # by hand, as the guide has it; libtool only knows where the library is.
  # LUA_UNDEFS: distributions link with -z defs, which no module can be
  # shellcheck disable=SC2046
  $CC $CPPFLAGS $CFLAGS $LDFLAGS -Wall -Wextra -shared -fPIC \
    -I"$srcdir/src/include" $(variable "LUA${short}_CFLAGS") \
    "$examples/lua_module.c" -o "$work/lineclient.so" \
    -L.libs -lluatcp -Wl,-rpath,"$build/.libs" \
    $(variable LUA_UNDEFS) >"$work/out" 2>&1 || {
    fail "lua_module.c does not compile for Lua $lua_name"
    sed 's/^/  /' "$work/out"
    return
  }
  start server "$examples/echo_poller.lua"
  modules_at_before=$modules_at
  modules_at=$work
  client "$srcdir/tests/examples/ask_lines.lua" 127.0.0.1 "$port"
  modules_at=$modules_at_before
}

# not part of a parallel make, which would say where it goes
MAKEFLAGS=
export MAKEFLAGS
run_test check
finish
