#!/bin/sh
# SPDX-License-Identifier: MIT
# Counts the system calls of some uses of the module, which repeat exactly: what
# makes it fast is that it makes few.
. "${srcdir:-.}/tests/abi/common.sh"

[ "$(uname)" = Linux ] || skip "only Linux is watched"
[ -z "$TEST_RUNNER" ] || skip "strace would watch ${TEST_RUNNER%% *} too"
[ -z "$LUATCP_PRELOAD" ] || skip "$LUATCP_PRELOAD makes calls of its own"
need strace
calls='%network,?poll,?ppoll,?ppoll_time64,?select,?pselect6,?epoll_wait'
calls="$calls,?epoll_pwait,?epoll_ctl,?fcntl,?fcntl64,close,clock_gettime"
calls="$calls,?clock_gettime64"
# without threads a poller has no other way to notice that it was forked
grep -q '^#define ENABLE_THREADS 1' config.h && calls="$calls,getpid"
strace -f -e trace="$calls" -o "$work/try" true 2>/dev/null ||
  skip "strace may not trace here"

# Each part prints its name, and how many calls its operations may make in all;
# reading the processor's clock before and after is what strace shows of that.
cat >"$work/use.lua" <<'END'
local socket = require "socket"
local server = assert(socket.bind("127.0.0.1", 0))
local _, port = server:getsockname()
local function pair()
  local client = assert(socket.connect("127.0.0.1", port))
  return client, assert(server:accept())
end
local client, peer = pair()
local block, lines = ("x"):rep(64), (("x"):rep(19) .. "\n"):rep(500)

local function measure(name, calls, operate)
  operate() -- once, for what is done only then
  print(name, calls * 20)
  local clock = os.clock
  clock()
  for _ = 1, 20 do operate() end
  clock()
end

local function exchange()
  assert(client:send(block) == 64 and peer:receive(64) == block)
  assert(peer:send(block) == 64 and client:receive(64) == block)
end
measure("request and answer", 4, exchange)
client:settimeout(5)
peer:settimeout(5)
measure("the same, with a limit", 4, exchange)
client:settimeout(nil)
peer:settimeout(nil)

measure("500 lines", 2, function()
  assert(client:send(lines) == #lines)
  for _ = 1, 500 do assert(#peer:receive() == 19) end
end)

-- socket, setsockopt, connect, accept4, twice close
measure("connect and accept", 6, function()
  local one, other = pair()
  one:close()
  other:close()
end)

measure("select", 3, function()
  assert(client:send("x") == 1)
  assert(socket.select({ peer }, nil)[1] == peer and peer:receive(1) == "x")
end)

local poller = socket.poller()
assert(poller:add(peer, "r"))
measure("poller", 3, function()
  assert(client:send("x") == 1)
  for one in poller:wait(-1) do assert(one:receive(1) == "x") end
end)
END

watched=0
for entry in $INTERPRETERS; do
  lua=${entry%%:*}
  LUATCP_WRAPPER="strace -f -o $work/trace -e trace=$calls" LUATCP_ONLY=$lua \
    LUATCP_QUIET=1 sh tests/lua-run "$work/use.lua" >"$work/out" 2>&1 || {
    fail "the program failed under Lua $lua"
    sed 's/^/  /' "$work/out"
    continue
  }
  watched=$((watched + 1))
  # one line for each part: the calls between two readings of the clock
  awk '/CLOCK_PROCESS_CPUTIME_ID/ {
         if (inside) print count
         inside = !inside; count = 0; next
       }
       inside && !/ (\+\+\+|---) | <\.\.\. / { count++ }' \
    "$work/trace" >"$work/counts"
  grep '	' "$work/out" | paste - "$work/counts" >"$work/both"
  [ "$(wc -l <"$work/both")" -eq 6 ] || fail "Lua $lua: not all was counted"
  awk -F '\t' '$3 == "" || $3 + 0 > $2 + 0 || $3 + 0 < $2 / 2' "$work/both" \
    >"$work/over"
  [ ! -s "$work/over" ] || {
    fail "Lua $lua: expected, and made, system calls in 20 operations"
    sed 's/^/  /' "$work/over"
  }
done
[ $watched -gt 0 ] || [ $failures -gt 0 ] || skip "no Lua interpreter here"
finish
