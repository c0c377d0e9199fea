#!/bin/sh
# SPDX-License-Identifier: MIT
# The library knows no Lua, the binding knows only luatcp.h, and what configure
# found is asked about only where system calls are made.
. "${srcdir:-.}/tests/abi/common.sh"

core=$srcdir/src/libluatcp
binding=$srcdir/src/socket

none() { # WHAT, then lines on standard input: there must not be any
  cat >"$work/found"
  [ -s "$work/found" ] || return
  fail "$1"
  sed 's/^/  /' "$work/found"
}

grep -nE '#[ ]*include.*(lua\.h|lauxlib|lualib|luaconf|luacompat|lbinding)' \
  "$core"/*.[ch] "$srcdir/src/include/luatcp.h" |
  none "a Lua header is included in the library"

# quoted includes of the binding: its own headers and luatcp.h
for file in "$binding"/*.[ch]; do
  sed -n 's/^#[ ]*include "\(.*\)"$/\1/p' "$file" | while read -r header; do
    [ "$header" = luatcp.h ] || [ -e "$binding/$header" ] ||
      echo "$file: $header"
  done
done | none "the binding includes a header that is not its own"
grep -n 'luatcp__' "$binding"/*.[ch] |
  none "the binding uses an internal name of the library"
grep -nE '\b(HAVE|ENABLE)_[A-Z]' "$binding"/*.[ch] |
  none "the binding depends on what configure found"

# luatcp.h is for everybody: standard headers only
sed -n 's/^#[ ]*include //p' "$srcdir/src/include/luatcp.h" |
  grep -vxE '<(stddef|stdint)\.h>' |
  none "luatcp.h includes more than standard headers"
grep -nE '\b(time_t|off_t|ssize_t|socklen_t|struct (timeval|timespec|stat))\b' \
  "$srcdir/src/include/luatcp.h" | grep -v '^[0-9]*: \*' |
  none "luatcp.h has a type whose size depends on build flags"

for file in "$core"/*.[ch]; do
  case $(basename "$file") in
  fd.c | wait.c | deadline.c | resolve_thread.c | error.c | poller_*.c) ;;
  internal.h)
    grep -n '\bHAVE_' "$file" | grep -v HAVE_CONFIG_H | sed "s,^,$file:,"
    ;;
  *) grep -n '\bHAVE_' "$file" | sed "s,^,$file:," ;;
  esac
done | none "HAVE_ outside of the files that make system calls"
grep -ln 'pthread\.h' "$core"/*.[ch] | grep -v '/resolve_thread\.c$' |
  none "pthread.h outside of resolve_thread.c"

if $NM --version >/dev/null 2>&1; then
  for object in src/libluatcp/*.o; do
    [ -e "$object" ] || continue
    $NM -u "$object" | awk '{ print $NF }' | grep -E '^_?luaL?_' |
      none "$object calls Lua"
  done
  for module in $(modules); do
    need readelf
    readelf -d "$module" | grep NEEDED | grep -iE 'liblua[^t]' |
      none "$module is linked with Lua's own library"
  done
fi
finish
