-- SPDX-License-Identifier: MIT
--
-- work.lua: a little of everything, for a Lua state that shares its process with
-- others.  Its arguments: how many rounds.  Every result is checked.

local rounds = tonumber((...)) or 1
local socket = require "socket"

for round = 1, rounds do
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = assert(server:getsockname())
  local client = assert(socket.connect("127.0.0.1", port))
  server:settimeout(30)
  local accepted = assert(server:accept())
  local text = ("state %s, round %d"):format(tostring(client), round)
  client:settimeout(30)
  accepted:settimeout(30)

  assert(client:send(text .. "\n"))
  assert(assert(accepted:receive()) == text)
  local large = text:rep(1000)
  local sent = assert(accepted:send(large))
  assert(sent == #large)
  assert(assert(client:receive(#large)) == large)

  -- a name needs a thread where there is a limit
  local named = assert(socket.tcp())
  named:settimeout(30)
  local good, err = named:connect("localhost", port)
  assert(good or err == "connection refused", err)
  assert(socket.dns.toip("localhost", 30))

  local readable = socket.select({ client, accepted }, nil, 0)
  assert(#readable == 0)
  local poller = assert(socket.poller())
  assert(poller:add(client, "r"))
  assert(accepted:send "x")
  local seen = 0
  for object in poller:wait(30) do
    assert(object == client)
    seen = seen + 1
  end
  assert(seen == 1)
  assert(assert(client:receive(1)) == "x")
  accepted:close()
  local data, closed = client:receive "*a"
  assert(not data and closed == "closed")

  poller:close()
  client:close()
  named:close()
  server:close()
  if round % 8 == 0 then collectgarbage() end
end
return true
