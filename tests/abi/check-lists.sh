#!/bin/sh
# SPDX-License-Identifier: MIT
# Every test and source file is on a list in a local.mk, so that none is
# forgotten by make check or make dist.
. "${srcdir:-.}/tests/abi/common.sh"

listed() { # FILE LOCAL.MK...: as a word on its own?
  (cd "$srcdir" && cat $2) |
    grep -E "(^|[[:space:]])$(echo "$1" | sed 's/[.]/[.]/g')([[:space:]]|\$)" \
      >/dev/null
}

check() { # LOCAL.MK... (one word) FILE...
  list=$1
  shift
  for file in "$@"; do
    [ -e "$srcdir/$file" ] || continue
    case $file in
    tests/check/check_*.c) word=${file%.c} ;;
    *) word=$file ;;
    esac
    listed "$word" "$list" || fail "$file is not listed in $list"
  done
}

files() { # PATTERN, relative to the source directory
  (cd "$srcdir" && ls $1 2>/dev/null)
}

# what a person wrote, in a folder and below
written() {
  (cd "$srcdir" && find "$1" -type f \( -name '*.[ch]' -o -name '*.lua' \
    -o -name '*.sh' -o -name '*.awk' -o -name '*.py' -o -name run \
    -o -name '*.md' -o -name '*.[1-8]' -o -name '*.3lua' -o -name '*.css' \
    -o -name '*.cfg' -o -name '*.service' -o -name '*.socket' \))
}

check 'tests/local.mk tests/*/local.mk' $(written tests)
check src/libluatcp/local.mk $(files 'src/libluatcp/*.[ch]') \
  $(files 'src/include/*.h')
check src/socket/local.mk $(files 'src/socket/*.[ch]')
check src/tool/local.mk $(files 'src/tool/*.[ch]') $(files 'doc/man/*.1')
check lua/local.mk $(files 'lua/*.lua')
check bench/local.mk $(files 'bench/*.[ch]') $(files 'bench/*.lua') \
  $(files bench/run) $(files bench/goals)
check doc/local.mk $(written doc)
finish
