#!/bin/sh
# SPDX-License-Identifier: MIT
# luacheck on the Lua of the project: syntax, globals, code that is never
# reached, variables that are read before they are set.  Its other warnings are
# a matter of taste.
. "${srcdir:-.}/tests/abi/common.sh"

need luacheck
cd "$srcdir" || exit 99
luacheck -q --no-config --no-cache --no-color --codes --std max \
  --only 0 1 321 5 -- lua/*.lua doc bench tests >"$work/out" 2>&1 || {
  fail "luacheck has found something"
  sed 's/^/  /' "$work/out"
}
grep -q 'in [0-9][0-9]* files' "$work/out" || fail "luacheck looked at nothing"
finish
