#!/bin/sh
# SPDX-License-Identifier: MIT
# luaevent, cqueues and luv (lua-event, lua-cqueues, lua-luv) in one process with
# the module.
. "$srcdir/tests/interop/common.sh"
ran=
for candidate in $any_lua; do
  use "$candidate" || continue
  echo "== Lua $candidate: event_loops.lua"
  run event_loops.lua
  case $? in
  0) ran=yes ;;
  77) ;;
  *) fail "under Lua $candidate" ;;
  esac
done
[ -n "$ran" ] || skip "neither lua-event nor lua-cqueues nor lua-luv"
