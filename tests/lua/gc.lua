-- SPDX-License-Identifier: MIT
-- Unreferenced objects close themselves.
local t = require "harness"
local socket = t.socket

local function collect()
  collectgarbage()
  collectgarbage()
end

t.each_family("the peer of a forgotten object sees the end", function(family)
  local client, accepted = t.pair(family)
  t.works(client:send("last\n"))
  client = nil
  collect()
  t.equal((accepted:receive()), "last")
  t.fails("closed", accepted:receive())
end)

t.test("descriptors come back", function()
  local before = t.descriptors()
  for _ = 1, 20 do
    socket.tcp4()
    if t.has_inet6 then socket.tcp6() end
    t.pair()
  end
  collect()
  t.equal(t.descriptors(), before)
end)

t.test("a forgotten server gives its port back", function()
  local host, port
  do
    local server
    server, host, port = t.server()
  end
  collect()
  local o = socket.tcp4()
  t.works(o:bind(host, port))
end)

t.beyond("failures leave no descriptors", function()
  local before = t.descriptors()
  local port = t.dead_port()
  for _ = 1, 20 do
    socket.connect("127.0.0.1", port)
    socket.bind("203.0.113.9", 0)
    socket.tcp4():bind("203.0.113.9", 0)
    socket.connect("127.0.0.1", port, "203.0.113.9", 0)
    local o = socket.tcp()
    o:settimeout(0)
    o:connect("127.0.0.1", port)
  end
  collect()
  t.equal(t.descriptors(), before)
end)

t.test("finalizers may touch objects that have gone", function()
  -- Order of finalizers is free: a finalized object answers like a closed one.
  local results = {}
  for _ = 1, 10 do
    local client = t.pair()
    local proxy = newproxy and newproxy(true) or setmetatable({}, {})
    getmetatable(proxy).__gc = function()
      results[#results + 1] = { pcall(client.close, client) }
      pcall(client.receive, client)
      pcall(client.send, client, "x")
      pcall(client.getfd, client)
      pcall(tostring, client)
    end
    if not newproxy then setmetatable(proxy, getmetatable(proxy)) end
    client, proxy = client, nil
  end
  collect()
  collect()
  if _VERSION ~= "Lua 5.1" or newproxy then t.truth(#results > 0) end
end)

t.test("an object in a cycle with itself as key is collected", function()
  local before = t.descriptors()
  for _ = 1, 5 do
    local o = socket.tcp4()
    local holder = setmetatable({}, { __mode = "k" })
    holder[o] = 1
  end
  collect()
  t.equal(t.descriptors(), before)
end)

t.test("calling __gc by hand is harmless", function()
  local client = t.pair()
  local gc = getmetatable(client).__gc
  t.kind(gc, "function")
  gc(client)
  pcall(gc, client)
  pcall(client.send, client, "x")
  pcall(client.receive, client)
  pcall(client.close, client)
  t.equal((select(2, pcall(client.getfd, client))), -1)
  local good = pcall(gc, io.stdout)
  t.equal(good, false)
end)

t.beyond("objects that idle are small", function()
  local list = {}
  for i = 1, 20 do list[i] = socket.tcp4() end
  for _, o in ipairs(list) do o:close() end
  collect()
  local before = collectgarbage("count")
  local more = {}
  for i = 1, 100 do
    more[i] = socket.tcp4()
  end
  collect()
  t.within((collectgarbage("count") - before) * 1024 / 100, 0, 1000, "bytes of Lua's memory each")
  for _, o in ipairs(more) do o:close() end
end)

t.done()
