#!/bin/sh
# SPDX-License-Identifier: MIT
# analyze.sh [gcc] [clang] [cppcheck]: what analysers find in src/; all of them
# by default.  Run in the build directory, by make check-analyzer.  Fails for
# each finding; 77 when no analyser is there.  What is no mistake is said where
# it stands, with the reason.

: "${srcdir:=.}"
lua=$(pkg-config --cflags lua5.4 2>/dev/null)
# poller_kqueue.c has its header from the test double where the system has none
kqueue=
[ -e /usr/include/sys/event.h ] || kqueue=-I$srcdir/tests/matrix/kqueue
flags="-I. -I$srcdir/src/include $kqueue -DHAVE_CONFIG_H -D_GNU_SOURCE $lua"
sources="$srcdir/src/libluatcp/*.c $srcdir/src/socket/*.c $srcdir/src/tool/*.c"
found=0 ran=0

have() {
  command -v "$1" >/dev/null 2>&1 && ran=1 && return
  echo "analyze: no $1 here"
  return 1
}

run_gcc() {
  have gcc || return
  for file in $sources; do
    gcc -std=gnu11 -O1 -fanalyzer -Werror $flags -c "$file" -o /dev/null || found=1
  done
}

run_clang() {
  have clang || return
  for file in $sources; do
    clang --analyze --analyzer-output text -Xanalyzer -analyzer-werror \
      $flags "$file" -o /dev/null || found=1
  done
}

run_cppcheck() {
  have cppcheck || return
  cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --language=c \
    --enable=warning,performance,portability --suppress=missingIncludeSystem \
    -I. -I"$srcdir/src/include" -DHAVE_CONFIG_H -DLUA_VERSION_NUM=504 \
    -DMSG_NOSIGNAL=1 $sources || found=1
}

for tool in ${*:-gcc clang cppcheck}; do
  run_"$tool"
done
[ $ran = 1 ] || exit 77
exit $found
