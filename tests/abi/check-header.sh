#!/bin/sh
# SPDX-License-Identifier: MIT
# luatcp.h compiles by itself, as C and as C++, under strict warnings.
. "${srcdir:-.}/tests/abi/common.sh"

cat >"$work/use.c" <<'END'
#include <luatcp.h>
#include <luatcp.h>

int main(void) { return luatcp_version() == NULL; }
END
cp "$work/use.c" "$work/use.cc"

compile() { # COMPILER STANDARD FILE
  $1 -std="$2" -Wall -Wextra -pedantic -Werror -I"$srcdir/src/include" \
    -c "$3" -o "$work/use.o" >"$work/out" 2>&1 && return
  fail "luatcp.h does not compile with $1 -std=$2"
  sed 's/^/  /' "$work/out"
}

echo 'int luatcp_try;' >"$work/try.c"
$CC -std=c11 -pedantic -c "$work/try.c" -o "$work/try.o" 2>/dev/null ||
  skip "$CC does not take -std=c11"
compile "$CC" c99 "$work/use.c"
compile "$CC" c11 "$work/use.c"

for cxx in "$CXX" c++ g++ clang++; do
  [ -n "$cxx" ] && command -v "${cxx%% *}" >/dev/null 2>&1 || continue
  compile "$cxx" c++11 "$work/use.cc"
  finish
done
echo "$name: no C++ compiler here, C alone was tried"
finish
