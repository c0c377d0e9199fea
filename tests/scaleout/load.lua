-- SPDX-License-Identifier: MIT
-- load.lua HOST PORT CLIENTS SECONDS ADDRESS: requests over connections that
-- are kept, one after another in each.  Prints "half" when half of the time is
-- over, "lost PATH WHY" for each request without a good answer, and at the end
-- figures.  Each answer must name the path and the client's own address.
local socket = require "socket"

io.stdout:setvbuf("line")
local host, port, address = arg[1], arg[2], arg[5]
local count, seconds = tonumber(arg[3]), tonumber(arg[4])
local poller = assert(socket.poller())
local requests, answered, lost, connects = 0, 0, 0, 0
local servers = {}
local longest, first_half = 0, 0

local function connect()
  local object, err
  local finish = socket.monotime() + 15
  repeat -- the balancer may be about to start
    object, err = socket.connect(host, port)
    if not object then socket.sleep(0.05) end
  until object or socket.monotime() > finish
  assert(object, err)
  object:settimeout(0)
  connects = connects + 1
  return object
end

local function ask(client)
  requests = requests + 1
  client.number = client.number + 1
  client.path = ("/%d-%d"):format(client.name, client.number)
  client.asked, client.partial, client.status = socket.monotime(), "", nil
  return client.object:send(("GET %s HTTP/1.1\r\nHost: test\r\n\r\n"):format(client.path))
end

local function open(client)
  client.object = connect()
  assert(poller:add(client.object, "r", client))
end

local function lose(client, why)
  lost = lost + 1
  print("lost", client.path, why)
  client.object:close()
  open(client)
end

-- Reads on; the body when all of the answer is there, else nil and why not.
local function read(client)
  while not client.body do
    local line, err, partial = client.object:receive("*l", client.partial)
    client.partial = partial or ""
    if not line then return nil, err end
    if not client.status then
      client.status = tonumber(line:match("^HTTP/1.1 (%d+)"))
      client.length = 0
    elseif line == "" then
      client.body = true
    else
      client.length = tonumber(line:match("^[Cc]ontent%-[Ll]ength: (%d+)")) or client.length
    end
  end
  local body, err, partial = client.object:receive(client.length, client.partial)
  client.partial = partial or ""
  if not body then return nil, err end
  client.body = nil
  return body
end

local clients = {}
for i = 1, count do
  clients[i] = { name = i, number = 0 }
  open(clients[i])
end
local start = socket.monotime()
local finish, half = start + seconds, start + seconds / 2
for _, client in ipairs(clients) do
  if not ask(client) then lose(client, "not sent") ask(client) end
end

local running = count
while running > 0 do
  local now = socket.monotime()
  assert(now < finish + 30, "no answer for 30 s")
  if half and now >= half then
    print("half")
    first_half, half = answered, nil
  end
  for _, _, client in poller:wait(0.05) do
    local body, err = read(client)
    if body or err ~= "timeout" then
      local name = body and client.status == 200 and
        body:match("^(%S+) " .. address:gsub("%.", "%%.") .. " " .. client.path:gsub("%-", "%%-") .. "\n$")
      if name then
        answered = answered + 1
        servers[name] = (servers[name] or 0) + 1
        longest = math.max(longest, socket.monotime() - client.asked)
      else
        client.body = nil
        lose(client, client.status and ("%d %s"):format(client.status, tostring(body):gsub("%s", " ")) or err)
      end
      if socket.monotime() < finish then ask(client)
      else
        client.object:close()
        running = running - 1
      end
    end
  end
end

local names = {}
for name, number in pairs(servers) do names[#names + 1] = name .. " " .. number end
table.sort(names)
print(("figures: %d requests in %.1f s over %d connections, %.0f a second"):format(
  requests, socket.monotime() - start, connects, requests / (socket.monotime() - start)))
print(("figures: answered %d (%s), before the stop %d, after it %d"):format(
  answered, table.concat(names, ", "), first_half, answered - first_half))
print(("figures: lost %d, longest answer %.0f ms"):format(lost, longest * 1000))
assert(requests == answered + lost)
