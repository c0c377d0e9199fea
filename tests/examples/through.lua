-- SPDX-License-Identifier: MIT
-- through.lua HOST PORT: what a forwarder to a line echo server has to pass on.
local socket = require "socket"

-- several at once, large, and the half-close
local lines, clients = {}, {}
for i = 1, 40000 do lines[i] = ("%d and so on"):format(i) end
local text = table.concat(lines, "\n") .. "\n"
for i = 1, 3 do
  local object = assert(socket.connect(arg[1], arg[2]))
  object:settimeout(0)
  clients[i] = { object = object, sent = 0, pieces = {} }
end
local open, finish = #clients, socket.monotime() + 45
while open > 0 do
  assert(socket.monotime() < finish, "took too long")
  local readers, writers = {}, {}
  for _, client in ipairs(clients) do
    if not client.done then readers[#readers + 1] = client.object end
    if client.sent < #text then writers[#writers + 1] = client.object end
  end
  local readable, writable = socket.select(readers, writers, 5)
  for _, client in ipairs(clients) do
    if writable[client.object] then
      local last, err, sent = client.object:send(text, client.sent + 1)
      assert(last or err == "timeout", err)
      client.sent = last or sent
      if last then assert(client.object:shutdown("send")) end
    end
    if readable[client.object] then
      local piece, err = client.object:receiveany(100000)
      if piece then client.pieces[#client.pieces + 1] = piece
      elseif err == "closed" then
        client.done, open = true, open - 1
        assert(table.concat(client.pieces) == text, "bytes have changed")
      else assert(err == "timeout", err) end
    end
  end
end
print("3 times " .. #text .. " bytes, there and back")
