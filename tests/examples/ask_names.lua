-- SPDX-License-Identifier: MIT
-- ask_names.lua HOST PORT COUNT: by whom so many connections were served.
local socket = require "socket"

local names, different = {}, 0
for i = 1, tonumber(arg[3]) do
  local client = assert(socket.connect(arg[1], arg[2]))
  client:settimeout(20)
  assert(client:send(i .. "\n"))
  local name, number = assert(client:receive()):match("^(%S+) (%S+)$")
  assert(number == tostring(i), "a wrong answer")
  if not names[name] then different = different + 1 end
  names[name] = (names[name] or 0) + 1
  client:close()
end
for name, count in pairs(names) do print(name, count) end
-- with four processes, one gets all of 200 once in 4^199 times
assert(different > 1, "one process has got all connections")
