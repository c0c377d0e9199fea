#!/bin/sh
# SPDX-License-Identifier: MIT
# redis-lua (lua-redis), against Redis.
. "$srcdir/tests/interop/common.sh"
need redis-server redis-server
for version in $any_lua; do use $version && break; done
[ -n "$lua" ] || skip "no Lua was configured"
port=$(free_ports 1)
port=${port% }
serve redis redis-server --port $port --bind 127.0.0.1 --save '' \
  --appendonly no --dir "$work"
until_true listening $port || fail "redis-server does not answer"
each "5.1 5.2 5.3 jit" "redis" redis.lua $port
