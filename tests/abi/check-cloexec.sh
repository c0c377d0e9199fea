#!/bin/sh
# SPDX-License-Identifier: MIT
# Watches the system calls of a program that uses the module: each descriptor
# must be close-on-exec from birth, and nobody may change what SIGPIPE does.
. "${srcdir:-.}/tests/abi/common.sh"

[ "$(uname)" = Linux ] || skip "only Linux is watched"
[ -z "$TEST_RUNNER" ] || skip "strace would watch ${TEST_RUNNER%% *} too"
need strace
strace -f -o "$work/try" true 2>/dev/null || skip "strace may not trace here"

cat >"$work/use.lua" <<'END'
local socket = require "socket"
local server = assert(socket.bind("127.0.0.1", 0))
local _, port = server:getsockname()
-- by name: on a helper thread, where the build has that
local client = assert(socket.connect("localhost", port))
local peer = assert(server:accept())
assert(client:send("line\n"))
assert(socket.select({peer}, nil, 5)[1] == peer)
assert(peer:receive() == "line")
client:close()
-- into a connection that is gone, twice: SIGPIPE would come now
peer:settimeout(5)
local ok
for _ = 1, 50 do
  ok = peer:send(("x"):rep(65536))
end
assert(not ok)
peer:close()
server:close()
local six = socket.tcp6 and socket.tcp6()
if six then six:close() end
local dns = socket.dns.toip("localhost")
print("used it all")
END

calls='socket,socketpair,accept,accept4,dup,dup2,dup3,pipe,pipe2,eventfd,eventfd2'
calls="$calls,epoll_create,epoll_create1,fcntl,rt_sigaction,execve"
watched=0
for entry in $INTERPRETERS; do
  lua=${entry%%:*}
  LUATCP_WRAPPER="strace -f -o $work/trace -e trace=$calls" LUATCP_ONLY=$lua \
    LUATCP_PRELOAD='' sh tests/lua-run "$work/use.lua" >"$work/out" 2>&1 || {
    if [ -n "$LUATCP_PRELOAD" ]; then
      skip "the module needs $LUATCP_PRELOAD, which strace does not"
    fi
    fail "the program failed under Lua $lua"
    sed 's/^/  /' "$work/out"
    continue
  }
  watched=$((watched + 1))
  # what makes a descriptor and succeeded
  grep -E ' (socket|socketpair|accept|accept4|dup|dup2|dup3|pipe|pipe2|eventfd2?|epoll_create1?|fcntl)\(' \
    "$work/trace" | grep -E '= [0-9]+$|<unfinished' >"$work/made"
  grep -cE ' (socket|accept4?)\(' "$work/made" >"$work/count"
  [ "$(cat "$work/count")" -ge 3 ] ||
    fail "Lua $lua: the trace shows too little: $(wc -l <"$work/made") calls"
  grep -vE 'CLOEXEC| fcntl\([0-9]+, F_(GET|SET)' "$work/made" >"$work/leaky"
  [ ! -s "$work/leaky" ] || {
    fail "Lua $lua: a descriptor is not close-on-exec from birth"
    sed 's/^/  /' "$work/leaky"
  }
  grep -E 'rt_sigaction\(SIGPIPE, [^N]' "$work/trace" >"$work/signals" && {
    fail "Lua $lua: SIGPIPE was changed"
    sed 's/^/  /' "$work/signals"
  }
  grep -q -- '--- SIGPIPE' "$work/trace" && fail "Lua $lua: SIGPIPE was raised"
done
[ $watched -gt 0 ] || [ $failures -gt 0 ] || skip "no Lua interpreter here"
finish
