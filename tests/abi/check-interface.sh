#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs that were built against a release keep working: luatcp.h still has
# every constant, structure and function of interface.c, unchanged, and
# luatcp.map still has the functions in their nodes.  Needs only the compiler,
# so it holds for every machine.
. "${srcdir:-.}/tests/abi/common.sh"

baseline=$srcdir/tests/abi/interface.c
echo '_Static_assert(sizeof(int) >= 2, "x");' >"$work/try.c"
$CC $CPPFLAGS -std=c11 -pedantic-errors -c "$work/try.c" -o "$work/try.o" \
  2>/dev/null || skip "$CC does not take -std=c11"

compiles() { # DIRECTORY of a luatcp.h
  $CC $CPPFLAGS -std=c11 -pedantic-errors -I"$1" -c "$baseline" \
    -o "$work/interface.o" >"$work/out" 2>&1
}

if ! compiles "$srcdir/src/include"; then
  fail "luatcp.h has changed or lost what programs were built with:"
  grep -E 'error' "$work/out" | sed 's/^/  /'
  advise
fi

# "function node" pairs
sed -n 's,^/\* \(luatcp_[a-z0-9_]* LUATCP_[0-9.]*\) \*/$,\1,p' "$baseline" |
  sort >"$work/was"
awk '/^LUATCP_/ { node = $1 } /^ *luatcp_[a-z0-9_]*;/ {
  gsub(/[ ;]/, ""); print $0, node }' "$srcdir/src/libluatcp/luatcp.map" |
  sort >"$work/is"
[ -s "$work/was" ] || fail "no functions found in interface.c"
comm -23 "$work/was" "$work/is" >"$work/lost"
if [ -s "$work/lost" ]; then
  fail "luatcp.map has no longer, or in another node:"
  sed 's/^/  /' "$work/lost"
  advise
fi

[ $failures -eq 0 ] || finish

# Does this notice anything?  Changed copies of luatcp.h:
edited() { # WHAT SED-SCRIPT
  mkdir -p "$work/edited"
  sed "$2" "$srcdir/src/include/luatcp.h" >"$work/edited/luatcp.h"
  cmp -s "$srcdir/src/include/luatcp.h" "$work/edited/luatcp.h" &&
    fail "luatcp.h can't be edited to have $1"
  compiles "$work/edited"
}
refused() {
  edited "$@" && fail "not noticed: $1"
}
refused "a function less" '/luatcp_host_name(char/d'
refused "another parameter type" \
  's/\(luatcp_listen(luatcp_socket \*socket, \)int/\1long/'
refused "another result" 's/^LUATCP_API double luatcp_time/LUATCP_API float luatcp_time/'
refused "a parameter that is not const any more" \
  's/luatcp_state(const luatcp_socket/luatcp_state(luatcp_socket/'
refused "another value of a constant" 's/LUATCP_SERVER = 2/LUATCP_SERVER = 3/'
refused "another number of an error" 's/LUATCP_CLOSED, -5002/LUATCP_CLOSED, -5099/'
refused "another type of a member" 's/^  int64_t block;/  double block;/'
refused "members in another order" \
  '/^  int64_t block;/d; s/^  int64_t end;/&  int64_t block;/'
refused "a longer structure" 's/^  double age;/&  int more;/'
edited "more functions, constants and structures" \
  's/^LUATCP_API double luatcp_time(void);/&\
LUATCP_API int luatcp_added(int more);\
enum { LUATCP_ADDED = 12 };\
struct luatcp_added { int member; };/' || {
  fail "what was only added is refused"
  sed 's/^/  /' "$work/out"
}
finish
