#!/bin/sh
# SPDX-License-Identifier: MIT
# Copas (lua-copas): its scheduler, with LuaSec and LuaSocket's http.
. "$srcdir/tests/interop/common.sh"
certificate
trap '' PIPE # as in check-luasec.sh
each "5.1 5.2 jit" "socket copas" copas.lua "$work"
