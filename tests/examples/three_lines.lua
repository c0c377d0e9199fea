-- SPDX-License-Identifier: MIT
-- three_lines.lua HOST PORT: a line echo server gives them back.
local socket = require "socket"

local client = assert(socket.connect(arg[1], arg[2]))
client:settimeout(20)
for _, line in ipairs { "one", "", "three" } do
  assert(client:send(line .. "\n"))
  assert(assert(client:receive()) == line)
end
client:close()
