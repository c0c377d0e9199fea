#!/bin/sh
# SPDX-License-Identifier: MIT
# make install into a staging directory, make installcheck there, and make
# uninstall: nothing of the build tree in what was installed, nothing left
# behind, no file of others touched.
. "${srcdir:-.}/tests/abi/common.sh"

stage=$work/stage
build=$(pwd)
# not part of a parallel make any more
MAKEFLAGS=
export MAKEFLAGS

made() { # TARGET: with its output kept
  $MAKE "$1" DESTDIR="$stage" >"$work/out" 2>&1
}

show() {
  sed 's/^/  /' "$work/out"
}

made install || {
  fail "make install failed"
  show
  finish
}

if command -v readelf >/dev/null 2>&1; then
  for file in $(find "$stage" -type f -name '*.so*'); do
    readelf -d "$file" | grep -E 'RPATH|RUNPATH' | grep -F -e "$build" -e "$stage" &&
      fail "${file#"$stage"} looks for libraries in the build tree"
  done
fi
for file in $(find "$stage" -type f -name '*.pc'); do
  grep -nF -e "$build" -e "$stage" "$file" &&
    fail "${file#"$stage"} names the build tree"
done
for file in $(find "$stage" -name 'core.la'); do
  fail "${file#"$stage"} should not be installed"
done
for link in $(find "$stage" -type l); do
  [ -e "$link" ] || fail "${link#"$stage"} leads nowhere"
  case $(readlink "$link") in
  /*) fail "${link#"$stage"} is not relative" ;;
  esac
done

made installcheck
case $? in
0) sed -n 's/^installcheck: /  /p' "$work/out" ;;
*) grep -q 'installcheck: skipped' "$work/out" || {
  fail "make installcheck failed"
  show
} ;;
esac

# again, over itself
made install || {
  fail "a second make install failed"
  show
}

# a file of somebody else at our place
link=$(find "$stage" -name socket.lua -type l | head -n 1)
if [ -n "$link" ]; then
  rm -f "$link"
  echo "-- not ours" >"$link"
  made install && fail "make install did not refuse to overwrite $link"
  grep -q 'belongs to something else' "$work/out" || {
    fail "make install did not say why it refused"
    show
  }
fi
made uninstall || {
  fail "make uninstall failed"
  show
}
if [ -n "$link" ]; then
  [ "$(cat "$link" 2>&1)" = "-- not ours" ] ||
    fail "a socket.lua that is not ours was touched"
  rm -f "$link"
fi
find "$stage" ! -type d >"$work/left"
[ ! -s "$work/left" ] ||
  fail "make uninstall left: $(tr '\n' ' ' <"$work/left")"
finish
