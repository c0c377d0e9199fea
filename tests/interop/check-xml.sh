#!/bin/sh
# SPDX-License-Identifier: MIT
# lua-xmlrpc, lua-soap, and lua-logging's appender by socket.
. "$srcdir/tests/interop/common.sh"
need python3 python3
for version in $any_lua; do use $version && break; done
[ -n "$lua" ] || skip "no Lua was configured"
port=$(free_ports 1)
port=${port% }
serve xml_server /usr/bin/python3 "$here/xml_server.py" $port
until_true listening $port || fail "the server does not answer"
each "$any_lua" "socket" xml.lua $port
