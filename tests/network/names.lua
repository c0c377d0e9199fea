-- SPDX-License-Identifier: MIT
--
-- Names with dead and live addresses, a name server that is slow or silent,
-- and the ends of a connection told apart.  Runs inside world.sh, which says
-- what the names stand for.  R numbers are those of defects that programs met
-- with LuaSocket: a live address hidden behind a dead one (R1, R2), a limit
-- that a lookup ignores (R3), timeouts of the system (R14).
local t = require "harness"
local socket = t.socket

-- Lookups keep limits where the library was built with threads.
local threads = os.getenv("LUATCP_THREADS") ~= "no"
local function need_threads()
  if not threads then t.skip("built without threads: lookups keep no limits") end
end

local function live()
  local server = t.server("inet")
  local _, port = server:getsockname()
  server:settimeout(5)
  return server, port
end

local function limited(seconds, mode)
  local client = t.works(socket.tcp())
  client:settimeout(seconds, mode)
  return client
end

t.test("a dead address does not hide a live one (R1)", function()
  local server, port = live()
  local client = limited(5)
  -- a fair share would be half of it
  t.takes(0, 2.4, function() t.equal(client:connect("dead-first.test", port), 1) end)
  t.equal((client:getpeername()), "127.0.0.1")
  client:close()
  t.takes(0, 5, function()
    client = t.works(socket.connect("dead-first.test", port))
  end)
  t.equal((client:getpeername()), "127.0.0.1")
end)

t.test("nothing but dead addresses: timeout, when it was asked for (R1)", function()
  local client = limited(0.4)
  t.takes(0.4, 5, function()
    t.results({ nil, "timeout", n = 2 }, client:connect("all-dead.test", 80))
  end)
  client = limited(0.4, "t")
  t.takes(0.4, 5, function()
    t.results({ nil, "timeout", n = 2 }, client:connect("all-dead.test", 80))
  end)
end)

t.test("another address after a timeout (R1)", function()
  local server, port = live()
  local client = t.works(socket.tcp4())
  client:settimeout(0.1)
  t.fails("timeout", client:connect("198.51.100.10", 80))
  t.equal(client:setoption("keepalive", true), 1)
  t.equal(client:connect("127.0.0.1", port), 1)
  t.equal((client:getpeername()), "127.0.0.1")
  t.equal(client:getoption("keepalive"), true)
end)

t.test("without waiting, call by call (R2)", function()
  local server, port = live()
  local client = limited(0)
  local result, message
  t.takes(0, 3, function()
    for _ = 1, 500 do
      result, message = client:connect("dual.test", port)
      if result then break end
      t.truth(message == "timeout" or message == "Operation already in progress", message)
      socket.sleep(0.002)
    end
  end)
  t.equal(result, 1)
  t.fails("already connected", client:connect("dual.test", port))
  t.equal((client:getpeername()), "127.0.0.1")
end)

t.test("without waiting, carried by select (R2)", function()
  for _, name in ipairs { "dual.test", "dead-first.test", threads and "slow-lua.test" or nil } do
    local server, port = live()
    local client = limited(0)
    t.takes(0, 1.4, function() t.fails("timeout", client:connect(name, port)) end)
    local _, writable = socket.select(nil, { client }, 5)
    t.equal(writable[1], client)
    t.equal(client:connect(name, port), 1)
    t.equal((client:getpeername()), "127.0.0.1")
    t.works(server:accept())
  end
end)

t.test("a stranger's descriptor, one address after the other", function()
  local server, port = live()
  local client = t.works(socket.tcp4())
  local fd = client:getfd()
  client:settimeout(0)
  local result, message
  for _ = 1, 500 do
    result, message = client:connect("refused-first.test", port)
    if result then break end
    t.equal(client:getfd(), fd)
    socket.select(nil, { { getfd = function() return fd end } }, 0.01)
  end
  t.equal(result, 1)
  t.equal(client:getfd(), fd)
  t.works(server:accept())
end)

t.test("a silent name server (R3)", function()
  need_threads()
  local before = t.descriptors()
  -- a limit covers the lookup
  local client = limited(0.2)
  t.takes(0.2, 3, function()
    t.results({ nil, "timeout", n = 2 }, client:connect("silent-lua.test", 80))
  end)
  client:close()
  -- so does that of a lookup by itself
  for _, lookup in ipairs { "getaddrinfo", "toip" } do
    t.takes(0.1, 3, function()
      t.fails("timeout", socket.dns[lookup]("silent-" .. lookup .. ".test", 0.1))
    end)
  end
  t.takes(0.1, 3, function()
    t.fails("timeout", socket.dns.getnameinfo("silent-name.test", nil, 0.1))
  end)
  -- without waiting, nothing blocks
  client = limited(0)
  t.takes(0, 3, function()
    t.fails("timeout", client:connect("silent-too.test", 80))
    t.fails("Operation already in progress", client:connect("silent-too.test", 80))
    t.equal(select(3, socket.select(nil, { client }, 0.1)), "timeout")
    client:close()
  end)
  local list = t.works(socket.dns.getaddrinfo("quick.test", 5))
  t.equal(list[1].addr, "127.0.0.1")
  -- the resolver's own sockets close when it gives up, too
  t.eventually(function() return t.descriptors() == before end, "descriptors are back", 25)
end)

-- The resolver's thread is at work when the state is closed, which unloads
-- modules, and when the process ends.
t.test("leaving in the middle of a lookup", function()
  need_threads()
  local output = t.run([[
    local socket = require "socket"
    local client = socket.tcp()
    client:settimeout(0.05)
    print(client:connect("silent-at-the-end.test", 80))
    client = nil
    collectgarbage()
  ]])
  t.equal(output, "nil\ttimeout\n")
end)

t.test("a slow lookup in the middle of which the descriptor is asked for", function()
  local server, port = live()
  local client = limited(0)
  t.fails("timeout", client:connect("slow-fd.test", port))
  t.truth(client:getfd() >= 0, "a descriptor")
  local _, writable = socket.select(nil, { client }, 5)
  t.equal(writable[1], client)
  t.equal(client:connect("slow-fd.test", port), 1)
end)

t.test("a poller carries it too", function()
  local server, port = live()
  for _, name in ipairs { "dual.test", "dead-first.test", "slow-poller.test" } do
    local client = limited(0)
    local poller = t.works(socket.poller())
    poller:add(client, "w")
    t.fails("timeout", client:connect(name, port))
    local seen = 0
    for object, events in poller:wait(5) do
      seen = seen + 1
      t.equal(object, client)
      t.equal(events, "w")
    end
    t.equal(seen, 1)
    t.equal(client:connect(name, port), 1)
    poller:close()
  end
end)

t.test("the system's timeout has a number, the caller's has none (R14)", function()
  local client = t.works(socket.tcp())
  t.results({ nil, "timeout", socket.errno.ETIMEDOUT, n = 3 },
    client:connect("198.51.100.10", 80))
  t.results({ "timeout", socket.errno.ETIMEDOUT, n = 2 }, client:getoption("error"))
end)

t.done()
