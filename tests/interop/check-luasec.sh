#!/bin/sh
# SPDX-License-Identifier: MIT
# LuaSec (lua-sec): TLS, client and server.
. "$srcdir/tests/interop/common.sh"
certificate
# OpenSSL writes with write(2), and the module leaves SIGPIPE to the program
# (doc/luasocket.md): ignored here as systemd does it for its services.
trap '' PIPE
each "$any_lua" "socket ssl" luasec.lua "$work"
