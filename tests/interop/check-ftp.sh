#!/bin/sh
# SPDX-License-Identifier: MIT
# LuaSocket's own ftp (lua-socket), against pyftpdlib.
. "$srcdir/tests/interop/common.sh"
python=/usr/bin/python3
"$python" -c 'import pyftpdlib' 2>/dev/null || skip "no python3-pyftpdlib"
for version in $any_lua; do use $version && break; done
[ -n "$lua" ] || skip "no Lua was configured"
port=$(free_ports 1)
port=${port% }
mkdir "$work/files"
echo "hello from the server" >"$work/files/greeting.txt"
serve pyftpdlib "$python" -W ignore -m pyftpdlib -i 127.0.0.1 -p $port \
  -d "$work/files" -w -u user -P word
until_true listening $port || fail "pyftpdlib does not answer"
each "$any_lua" "socket.ftp" ftp.lua $port "$work/files"
