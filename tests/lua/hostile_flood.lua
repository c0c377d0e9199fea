-- SPDX-License-Identifier: MIT
-- More connections than there are descriptors: accept fails at once and names
-- the limit, and the connections wait in the queue until the program has backed
-- off.  Runs itself again with few descriptors.
local t = require "harness"
local socket = t.socket

if not t.ours then
  t.test("flood", function() t.skip("LuaSocket loses the number of the error") end)
  t.done()
end

local FEW = 100

if arg[1] ~= "inside" then
  t.test("a flood of connections with " .. FEW .. " descriptors", function()
    local pipe = assert(io.popen(("ulimit -n %d && exec %s %s inside 2>&1"):format(FEW,
      t.interpreter(), t.quote(arg[0]))))
    local output = pipe:read("*a")
    pipe:close()
    t.match(output, "4 passed, 0 failed")
  end)
  t.done()
end

local EMFILE = socket.errno.EMFILE

-- A server with so many connections in its queue, and all other descriptors
-- taken.
local function flooded(count)
  local server, host, port = t.server("inet", 64)
  local clients, hoard = {}, {}
  t.cleanup(function()
    for _, o in ipairs(clients) do o:close() end
    for _, o in ipairs(hoard) do o:close() end
  end)
  for i = 1, count do
    clients[i] = t.works(socket.connect(host, port))
    t.works(clients[i]:send(i .. "\n"))
  end
  for _ = 1, FEW + 1 do
    local o = socket.tcp4()
    if not o then return server, hoard, clients end
    hoard[#hoard + 1] = o
  end
  error("no limit was reached")
end

local function no_descriptor(object, message, number)
  t.equal(object, nil)
  t.equal(message, socket.strerror(EMFILE))
  t.equal(number, EMFILE)
end

t.test("accept fails at once, whatever the limit of time, and names the limit", function()
  local server = flooded(20)
  for _, seconds in ipairs { 0, 30, -1 } do
    server:settimeout(seconds)
    t.takes(0, 20, function() no_descriptor(server:accept()) end)
  end
end)

t.test("it does not burn time either", function()
  local server = flooded(1)
  server:settimeout(30)
  local before = os.clock()
  for _ = 1, 100 do no_descriptor(server:accept()) end
  t.truth(os.clock() - before < 5, "100 calls took " .. os.clock() - before .. " s of the processor")
end)

-- What the manual and doc/SECURITY say a program has to do.
t.test("who backs off gets all of them", function()
  local server, hoard = flooded(20)
  local accepted, failures = {}, 0
  t.cleanup(function() for _, o in ipairs(accepted) do o:close() end end)
  server:settimeout(10)
  local seen = {}
  for _ = 1, 200 do
    local client, message, number = server:accept()
    if client then
      accepted[#accepted + 1] = client
      client:settimeout(10)
      seen[client:receive()] = true
      if #accepted == 20 then break end
    else
      no_descriptor(client, message, number)
      failures = failures + 1
      socket.sleep(0.01)
      table.remove(hoard):close()
    end
  end
  t.equal(failures, 20)
  for i = 1, 20 do t.truth(seen[tostring(i)], "connection " .. i .. " is lost") end
end)

t.test("connect and a poller say the same", function()
  local server = flooded(1)
  local host, port = server:getsockname()
  no_descriptor(socket.connect(host, port))
  local poller, message, number = socket.poller()
  -- one on poll(2) needs no descriptor
  if poller then poller:close() else no_descriptor(poller, message, number) end
end)

t.done()
