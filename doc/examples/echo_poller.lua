-- A line echo server for thousands of clients, on one poller.
--
--   echo_poller.lua [PORT [HOST]]
--
-- It never waits for a single client: what has not come yet, or cannot be sent
-- yet, is kept until the poller says that there is more to do.
local socket = require "socket"

local LINE_MAX = 4096 -- a longer line ends the connection
local QUIET = 60      -- so does saying nothing for this many seconds

io.stdout:setvbuf("line")
local server = assert(socket.bind(arg[2] or "127.0.0.1", arg[1] or 0, 1024))
server:settimeout(0)
print("listening on", server:getsockname())

local poller = assert(socket.poller())
local clients, count = {}, 0 -- all of them, for the check on quiet ones

local function leave(client)
  client.object:close() -- and so leaves the poller
  clients[client], count = nil, count - 1
end

-- Sends what is left, and reads on only when all of it is gone: a client that
-- does not read cannot make the server remember more and more.
local function flush(client)
  local last, err, sent = client.object:send(client.output, client.sent + 1)
  client.sent = last or sent
  if last then
    client.output, client.sent = "", 0
    return true
  end
  if err ~= "timeout" then leave(client) end
  return false
end

local function answer_lines(client)
  local answers = {}
  for _ = 1, 100 do -- then the others get their turn
    local line, err, partial =
      client.object:receive("*l", client.partial, LINE_MAX)
    client.partial = partial or ""
    if not line then
      client.ended = err ~= "timeout" -- closed, oversized, or broken
      break
    end
    answers[#answers + 1] = line
  end
  if #answers > 0 then
    client.output = table.concat(answers, "\n") .. "\n"
  end
end

local function ready(client)
  client.seen = socket.monotime()
  if client.output == "" then answer_lines(client) end
  if client.output ~= "" and not flush(client) then
    if clients[client] then assert(poller:modify(client.object, "w")) end
  elseif client.ended then
    leave(client)
  else
    assert(poller:modify(client.object, "r"))
  end
end

local function accept_all()
  while true do
    local object, err = server:accept()
    if not object then
      -- "Too many open files" and the like: those who wait are still there
      -- when somebody has left
      if err ~= "timeout" then socket.sleep(0.01) end
      return
    end
    object:settimeout(0)
    local client = { object = object, partial = "", output = "", sent = 0,
      seen = socket.monotime() }
    if poller:add(object, "r", client) then
      clients[client], count = true, count + 1
    else
      object:close()
    end
  end
end

assert(poller:add(server, "r"))
local next_check = socket.monotime() + 1
while true do
  for object, _, client in poller:wait(1) do
    if object == server then accept_all()
    elseif clients[client] then ready(client) end
  end
  local now = socket.monotime()
  if now >= next_check then
    next_check = now + 1
    for client in pairs(clients) do
      if now - client.seen > QUIET then leave(client) end
    end
  end
end
