#!/bin/sh
# SPDX-License-Identifier: MIT
# luaevent, cqueues and luv (lua-event, lua-cqueues, lua-luv) in one process with
# the module.
. "$srcdir/tests/interop/common.sh"
each "$any_lua" "socket" event_loops.lua
