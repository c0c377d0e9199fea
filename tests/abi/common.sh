# SPDX-License-Identifier: MIT
# common.sh: read by the scripts here, which run in the top build directory.

LC_ALL=C
export LC_ALL
: "${srcdir:=.}" "${CC:=cc}" "${NM:=nm}" "${PKG_CONFIG:=pkg-config}" "${MAKE:=make}"
name=$(basename "$0" .sh)
failures=0

fail() {
  echo "$name: $*"
  failures=$((failures + 1))
}

skip() {
  echo "$name: skipped: $*"
  exit 77
}

finish() {
  [ $failures -eq 0 ] && echo "$name: all well"
  [ $failures -eq 0 ]
  exit
}

# same WHAT FILE FILE: fails with the difference.
same() {
  diff "$2" "$3" >"$work/diff" && return
  fail "$1"
  sed 's/^/  /' "$work/diff"
}

need() {
  command -v "$1" >/dev/null 2>&1 || skip "no $1 here"
}

# the value of a variable in the build's Makefile, expanded
variable() {
  printf 'include Makefile\nprint-variable:\n\t@echo "$(%s)"\n' "$1" |
    $MAKE -s -f - print-variable 2>/dev/null
}

work=$(mktemp -d "${TMPDIR:-/tmp}/luatcp-$name.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

# the modules that were built, one a line
modules() {
  ls lua/*/luatcp/.libs/core.so 2>/dev/null
}

# the functions that luatcp.map lists, one a line
mapped_functions() {
  sed -n 's/^  *\(luatcp_[a-z0-9_]*\);$/\1/p' "$srcdir/src/libluatcp/luatcp.map"
}

# what to do about a changed interface
advise() {
  cat <<'END'
  Adding is allowed, changing or removing is not: put it back, and give new
  behaviour a new name.  If it must be, programs have to be built again: a new
  soname (LUATCP_LT_VERSION with age 0, rules in configure.ac and doc/HACKING,
  "A release"), then "make abi-baseline" writes down the new interface.
END
}
