#!/bin/sh
# SPDX-License-Identifier: MIT
# coverage.sh: which lines and branches of src/ the tests have run, by gcov.
# For a build configured with CFLAGS='-O0 -g --coverage'; run in its directory,
# by make coverage, after make check.  The annotated sources are in coverage/.

: "${srcdir:=.}" "${GCOV:=gcov}"
if [ -z "$(find . -name '*.gcda' | head -n 1)" ]; then
  echo "coverage: nothing was counted: configure with CFLAGS='-O0 -g --coverage'," \
    "then make check" >&2
  exit 1
fi
rm -rf coverage
mkdir coverage || exit 1
top=$(pwd)
# one compilation of each file will do: the library's, and one Lua's
for data in $(find src -name '*.gcda' | grep -v 'lua_5_[1235]_'); do
  (cd coverage && "$GCOV" -b -c -o "$top/$(dirname "$data")" "$top/$data" 2>&1)
done | awk '
  /^File / { file = $2; gsub(/.*\/src\/|\047/, "", file); ours = $2 ~ /\/src\// }
  /^Lines executed:/ && ours {
    split($0, part, /[:% ]+/); lines[file] = part[3]; total[file] = part[5]
  }
  /^Branches executed:/ && ours { split($0, part, /[:% ]+/); count[file] = part[5] }
  /^Taken at least once:/ && ours {
    split($0, part, /[:% ]+/); branches[file] = part[5]
  }
  END {
    printf "%-34s %8s %9s\n", "file", "lines %", "branches %"
    for (file in lines) {
      printf "%-34s %8s %9s\n", file, lines[file], branches[file] | "sort"
      l += lines[file] * total[file]; n += total[file]
      b += branches[file] * count[file]; m += count[file]
    }
    close("sort")
    printf "%-34s %8.2f %9.2f\n", "all", l / n, m ? b / m : 0
  }'
echo "the annotated sources are in coverage/"
