-- SPDX-License-Identifier: MIT
-- ask_lines.lua HOST PORT: the module of lua_module.c, against a line echo server.
local lineclient = require "lineclient"

local client = assert(lineclient.connect(arg[1], arg[2], 20))
for _, line in ipairs { "one", "", ("x"):rep(3000) } do
  local answer, err = client:ask(line)
  assert(answer == line, err)
end
client:close()
client:close()
assert(not pcall(client.ask, client, "after close"))
assert(not pcall(lineclient.connect))

local none, message, number = lineclient.connect("127.0.0.1", 1, 5)
assert(none == nil and message == "connection refused" and number > 0, message)

-- an end without an answer
client = assert(lineclient.connect(arg[1], arg[2], 20))
none, message = client:ask(("x"):rep(10000))
assert(none == nil and message == "closed", message)
client = nil
collectgarbage()
