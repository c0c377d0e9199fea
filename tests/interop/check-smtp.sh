#!/bin/sh
# SPDX-License-Identifier: MIT
# LuaSocket's own smtp (lua-socket) and lua-logging, against aiosmtpd.
. "$srcdir/tests/interop/common.sh"
python=/usr/bin/python3
"$python" -c 'import aiosmtpd' 2>/dev/null || skip "no python3-aiosmtpd"
for version in $any_lua; do use $version && break; done
[ -n "$lua" ] || skip "no Lua was configured"
port=$(free_ports 1)
port=${port% }
serve aiosmtpd "$python" -m aiosmtpd -n -l 127.0.0.1:$port \
  -c aiosmtpd.handlers.Mailbox "$work/mail"
until_true listening $port || fail "aiosmtpd does not answer"
each "$any_lua" "socket.smtp mime" smtp.lua $port "$work/mail"
