#!/bin/sh
# SPDX-License-Identifier: MIT
# Many connections through one Lua process: as many descriptors as that takes,
# then tests/load/load.lua under each interpreter.
#
#   LOAD_MODE=load          or soak
#   LOAD_CONNECTIONS=1000   at once
#   LOAD_AMOUNT=3           messages on each; for a soak, seconds
: "${srcdir:=.}" "${LOAD_MODE:=load}" "${LOAD_CONNECTIONS:=1000}" "${LOAD_AMOUNT:=3}"

# no more either: load.lua looks at all that it may have
needed=$((LOAD_CONNECTIONS + 100))
ulimit -S -n $needed 2>/dev/null || ulimit -n $needed 2>/dev/null || {
  echo "skipped: $needed descriptors are needed, $(ulimit -H -n) are allowed"
  exit 77
}
LUATCP_LIMIT=${LUATCP_LIMIT:-120} exec sh tests/lua-run \
  "$srcdir/tests/load/load.lua" $LOAD_MODE $LOAD_CONNECTIONS $LOAD_AMOUNT
