-- One of several servers behind HAProxy: speaks HTTP/1.1, and knows from the
-- PROXY protocol who the client is.  haproxy.cfg belongs to it.
--
--   backend.lua ADDRESS PORT NAME [SECONDS]
--
-- Answers each request with its name, the client's address and the path, after
-- so many seconds of what stands for work, and prints when it begins and ends.
local socket = require "socket"
local proxy = require "luatcp.proxy"

local LINE_MAX, LINES_MAX = 8192, 100
local HEADER_LIMIT = 3 -- seconds for the PROXY header

io.stdout:setvbuf("line")
local name, delay = arg[3], tonumber(arg[4] or 0)
local server = assert(socket.bind(arg[1], arg[2], 512))
server:settimeout(0)
print("listening on", server:getsockname())

local poller = assert(socket.poller())
local clients = {}  -- all of them
local at_work = {}  -- those whose answers are due, the earliest first

local function leave(client)
  clients[client] = nil
  client.object:close()
end

local function answer(client)
  local status, text = "200 OK", ("%s %s %s\n"):format(name, client.address, client.path)
  local last = client.object:send(("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s")
    :format(status, #text, text))
  if client.path ~= "/health" then print("end", client.path) end
  if not last or client.once then return leave(client) end
  client.lines, client.path = 0, nil
  assert(poller:modify(client.object, "r1"))
end

local function begin(client)
  if client.path == "/health" then return answer(client) end
  print("begin", client.path)
  at_work[#at_work + 1] = client
  client.due = socket.monotime() + delay
end

-- Who the client is.  A balancer's own connections, which look whether this
-- server is well, are nobody's.
local function read_header(client)
  local from, err, partial = proxy.receive(client.object, nil, client.partial)
  client.partial = partial or ""
  if from then
    client.address = from.source_address or "nobody"
    return true
  end
  if err ~= "timeout" then leave(client) end
end

-- The lines of a request; true when it is there.
local function read_request(client)
  while client.lines < LINES_MAX do
    local line, err, partial = client.object:receive("*l", client.partial, LINE_MAX)
    client.partial = partial or ""
    if not line then
      if err ~= "timeout" then leave(client) end
      return false
    end
    client.lines = client.lines + 1
    if client.lines == 1 then
      local path, version = line:match("^GET (%S+) HTTP/1%.([01])$")
      if not path then return leave(client) end
      client.path, client.once = path, version == "0"
    elseif line == "" then
      return true
    end
  end
  leave(client)
end

local function ready(client)
  if (client.address or read_header(client)) and read_request(client) then
    begin(client)
  elseif clients[client] then
    assert(poller:modify(client.object, "r1"))
  end
end

local function accept_all()
  while true do
    local object = server:accept()
    if not object then return end
    object:settimeout(0)
    object:setoption("tcp-nodelay", true)
    local client = { object = object, partial = "", lines = 0,
      limit = socket.monotime() + HEADER_LIMIT }
    clients[client] = true
    -- one report, then none until the answer is on its way
    assert(poller:add(object, "r1", client))
  end
end

assert(poller:add(server, "r"))
local next_check = socket.monotime()
while true do
  local now = socket.monotime()
  local wait = at_work[1] and math.max(0, at_work[1].due - now) or 1
  for object, _, client in poller:wait(wait) do
    if object == server then accept_all() else ready(client) end
  end
  now = socket.monotime()
  while at_work[1] and at_work[1].due <= now do answer(table.remove(at_work, 1)) end
  if now >= next_check then
    next_check = now + 1
    for client in pairs(clients) do
      if not client.address and now > client.limit then leave(client) end
    end
  end
end
