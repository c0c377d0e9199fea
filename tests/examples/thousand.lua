-- SPDX-License-Identifier: MIT
-- thousand.lua HOST PORT COUNT: so many clients of a line echo server at once;
-- each gets its own lines back, whole ones, halves, and many together.
local socket = require "socket"

local host, port, count = arg[1], arg[2], tonumber(arg[3])
local poller = assert(socket.poller())
local open = 0

for i = 1, count do
  local object = assert(socket.connect(host, port))
  local lines = { "hello from " .. i, "", ("%d "):format(i):rep(200) }
  object:settimeout(0)
  assert(poller:add(object, "r", { lines = lines, next = 1, partial = "" }))
  open = open + 1
  local text = table.concat(lines, "\r\n") .. "\r\n"
  local half = i % #text
  assert(half == 0 or object:send(text, 1, half))
  assert(object:send(text, half + 1))
end

local finish = socket.monotime() + 45
while open > 0 do
  assert(socket.monotime() < finish, "not all answers came")
  for object, _, client in poller:wait(5) do
    local line, err, partial = object:receive("*l", client.partial)
    client.partial = partial or ""
    if line then
      assert(line == client.lines[client.next], "a wrong answer")
      client.next = client.next + 1
      if client.next > #client.lines then
        object:close()
        open = open - 1
      end
    else
      assert(err == "timeout", err)
    end
  end
end
print(count .. " clients have got their lines back")
