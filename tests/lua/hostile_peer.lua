-- SPDX-License-Identifier: MIT
--
-- hostile_peer.lua: a peer in a process of its own, for tests in which this side
-- waits while the other one does something.
local t = require "harness"

local opening = [[
local socket = require "socket"
local peer = assert(socket.connect("127.0.0.1", tonumber(arg[1])))
local function reset()
  peer:setoption("linger", { on = true, timeout = 0 })
  peer:close()
end
-- waits until the other end has closed, which it does at the end of the test
local function wait_for_end()
  peer:settimeout(60)
  while peer:receiveany(1000) do end
end
]]

local hostile = {}

-- Runs a piece of Lua, which has peer, reset and wait_for_end, and returns the
-- other end of its connection.
function hostile.start(chunk)
  local server, _, port = t.server()
  local finish = t.start(opening .. chunk, port)
  server:settimeout(30)
  local accepted = server:accept()
  server:close()
  t.cleanup(function()
    if accepted then accepted:close() end
    finish()
  end)
  return t.truth(accepted, "the peer did not come")
end

-- A chunk's end for all but those that reset.
hostile.stay = "\nwait_for_end()\n"

return hostile
