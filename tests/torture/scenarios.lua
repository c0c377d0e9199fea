-- SPDX-License-Identifier: MIT
--
-- scenarios.lua: what programs do with the module, for torture_lua.c.  Each
-- function runs from the beginning to the end, or raises an error that has the
-- message of what has failed.

-- luacheck: read globals world
local world = world
local socket = require "socket"

local scenarios = {}

-- A client under limits, and the descriptor of its peer.
local function pair(block, total)
  local listener, port = world.listen()
  local client = assert(socket.connect("127.0.0.1", port))
  client:settimeout(block)
  client:settimeout(total, "t")
  local _, own = assert(client:getsockname())
  return client, world.accept(listener, own)
end

-- The module again, in the middle of a state that has it.
function scenarios.load()
  local core = package.preload["socket.core"]("socket.core")
  assert(core.tcp and core._VERSION)
  assert(tostring(assert(core.tcp())):find "^tcp{master}")
end

function scenarios.create()
  local master = assert(socket.tcp())
  assert(socket.tcp4()):close()
  assert(master:settimeout(3))
  assert(master:gettimeout() == 3)
  assert(master:getfamily() == "unspec")
  assert(master:close() == 1)
  -- the number, when there is no memory for the locale of the words
  local text = socket.strerror(28)
  assert(text == "No space left on device" or text == "system error 28", text)
  assert(socket.gettime() > 0)
  socket.sleep(0.01)
end

function scenarios.options()
  local o = assert(socket.tcp4())
  assert(o:setoption("reuseaddr", true))
  assert(o:setoption("linger", { on = true, timeout = 3 }))
  assert(assert(o:getoption("linger")).timeout == 3)
  local reuse, err = o:getoption("reuseaddr")
  assert(reuse == true, err)
  err = o:getoption("error")
  assert(not err, err)
  o:close()
end

function scenarios.accept()
  local server = assert(socket.tcp())
  assert(server:bind("127.0.0.1", 0))
  assert(server:listen(4))
  local host, port = assert(server:getsockname())
  assert(host == "127.0.0.1")
  for _, limit in ipairs { -1, 5 } do
    server:settimeout(limit)
    world.dial(port)
    local client = assert(server:accept())
    assert(client.class == "tcp{client}")
    local peer_host = assert(client:getpeername())
    assert(peer_host == "127.0.0.1")
    client:close()
  end
  server:close()
end

function scenarios.connect()
  local listener, port = world.listen()
  for _, limit in ipairs { -1, 5 } do
    local o = assert(socket.tcp())
    o:settimeout(limit)
    assert(o:connect("two.test", port))
    local host, number = assert(o:getpeername())
    assert(host == "127.0.0.1" and number == port)
    local good, err = o:connect("127.0.0.1", port)
    assert(not good and err == "already connected", err)
    o:close()
  end
  world.close(listener)
end

local function connect_at_once()
  local _, port = world.listen()
  local o = assert(socket.tcp())
  o:settimeout(0)
  local good, err = o:connect("two.test", port)
  local turns = 0
  while not good and (err == "timeout" or err == "Operation already in progress") do
    world.heard(err)
    turns = turns + 1
    assert(turns < 100, "no end")
    local _, writable, failure = socket.select(nil, { o }, 10)
    assert(writable[1] == o, failure)
    good, err = o:connect("two.test", port)
  end
  assert(good, err)
end

scenarios.connect_at_once = connect_at_once

function scenarios.connect_far()
  world.far()
  connect_at_once()
end

function scenarios.lines()
  for _, limit in ipairs { -1, 5 } do
    local o, peer = pair(limit)
    world.send(peer, "one\r\nhel")
    world.later(peer, "lo\r\nraw\r")
    world.later(peer, "\nlast")
    world.close_later(peer)
    assert(assert(o:receive()) == "one")
    assert(assert(o:receive "*l") == "hello")
    assert(assert(o:receive "*L") == "raw\r\n")
    local line, err, partial = o:receive()
    assert(not line and err == "closed" and partial == "last", err)
    world.heard(err)
    o:close()
  end
end

-- A call that runs out of memory has not taken anything.
function scenarios.nothing_lost()
  local o, peer = pair(5)
  world.send(peer, "first\nsecond\nthird")
  for _, want in ipairs { "first", "second", 5 } do
    local good, line, err = pcall(o.receive, o, type(want) == "number" and want or nil)
    local lost = not good and line or err
    if lost then
      world.heard(lost)
      good, line = pcall(o.receive, o, type(want) == "number" and want or nil)
    end
    local text = want == 5 and "third" or want
    if lost and line ~= text then
      assert(not good or line == nil, "bytes are lost: " .. tostring(line))
      error(lost, 0)
    end
    assert(line == text, line)
  end
end

function scenarios.counts()
  local o, peer = pair(-1)
  world.send(peer, "abcdef")
  world.later(peer, "ghi")
  assert(assert(o:receive(4)) == "abcd")
  assert(o:dirty())
  assert(assert(o:receive(4)) == "efgh")
  assert(assert(o:receive(3, "xx")) == "xxi")
  world.send(peer, "z")
  assert(assert(o:receive(0)) == "")
  assert(assert(o:receive(1)) == "z")
  local received = o:getstats()
  assert(received == 10, received)
end

function scenarios.all()
  for _, size in ipairs { 3, 40000 } do
    local o, peer = pair(5)
    world.send(peer, ("x"):rep(size))
    world.later(peer, "yz")
    world.close_later(peer)
    local data = assert(o:receive "*a")
    assert(#data == size + 2 and data:sub(-3) == "xyz", #data)
    o:close()
  end
end

function scenarios.any()
  local o, peer = pair(5)
  world.send(peer, "some")
  assert(("some"):find(assert(o:receiveany(100)), 1, true) == 1)
  o:settimeout(0)
  -- a short read has left something, or nothing is there
  local rest, err = o:receiveany(100)
  assert(rest or world.heard(err) == "timeout", err)
  o:settimeout(5)
  world.send(peer, ("y"):rep(30000))
  local left = 30000
  while left > 0 do left = left - #assert(o:receiveany(1000000)) end
  assert(left == 0)
end

function scenarios.large()
  local o, peer = pair(-1)
  local data = ("0123456789"):rep(20000)
  world.send(peer, data:sub(1, 100000))
  world.send(peer, data:sub(100001))
  assert(assert(o:receive(#data)) == data)
  world.send(peer, data:sub(1, 80000) .. "\n")
  assert(#assert(o:receive "*l") == 80000)
end

function scenarios.limits()
  local o, peer = pair(0)
  local line, err, partial = o:receive()
  assert(not line and err == "timeout" and partial == "", err)
  world.heard(err)
  o:settimeout(5)
  world.send(peer, "0123456789\n")
  line, err, partial = o:receive("*l", nil, 4)
  assert(not line and err == "oversized" and partial == "0123", err)
  assert(assert(o:receive("*l", partial, 100)) == "0123456789")
  world.send(peer, "ab")
  world.close(peer)
  assert(assert(o:receive("*a", nil, 2)) == "ab")
end

function scenarios.send()
  local o, peer = pair(-1)
  assert(assert(o:send("hello", 2, 4)) == 4)
  assert(o:setoption("send-buffer-size", 16384))
  for _ = 1, 20 do world.drain(peer) end
  assert(assert(o:send(("x"):rep(100000))) == 100000)
  assert(o:shutdown "send")
  assert(o:close())
end

function scenarios.select()
  local o, peer = pair(5)
  local foreign = { getfd = function() return peer end }
  local r, w, err = socket.select({ o, foreign }, nil, 0)
  assert(err == "timeout" and #r == 0 and #w == 0, err)
  world.later(peer, "x")
  r, w, err = socket.select({ o, foreign }, { o }, 5)
  assert(w[1] == o and w[o] == 1, err)
  r, w, err = socket.select({ o, foreign }, {}, 5)
  assert(r[1] == o and r[o] == 1 and #r == 1, err)
  assert(assert(o:receive(1)) == "x")
end

function scenarios.select_many()
  local o = pair(5)
  local list = {}
  for i = 1, 100 do list[i] = o end
  local _, w, err = socket.select(list, list, 5)
  assert(w[1] == o and #w == 1, err)
end

function scenarios.poller()
  local o, peer = pair(5)
  local poller = assert(socket.poller())
  local foreign = { getfd = function() return peer end }
  assert(poller:add(o, "r", "mine"))
  assert(poller:add(foreign, "r1"))
  local more = {}
  for i = 1, 20 do
    more[i] = assert(socket.tcp4())
    assert(poller:add(more[i], "", i))
  end
  world.later(peer, "x")
  local seen = 0
  for object, events, value in poller:wait(5) do
    assert(object == o and events == "r" and value == "mine")
    seen = seen + 1
  end
  assert(seen == 1, "nothing seen")
  assert(poller:modify(o, "w"))
  for object, events in poller:wait(5) do
    assert(object == o and events == "w")
  end
  for i = 1, 20 do
    if i % 2 == 0 then assert(poller:remove(more[i])) end
    more[i]:close()
  end
  assert(poller:remove(foreign))
  o:close()
  for _ in poller:wait(0) do error "nothing is left" end
  assert(poller:close() == 1)
end

function scenarios.dns()
  local dns = socket.dns
  local ip, host = assert(dns.toip "two.test")
  assert(ip == "127.0.0.2" and host.name == "two.test" and #host.ip == 2, ip)
  local list = assert(dns.getaddrinfo "one.test")
  assert(list[1].addr == "127.0.0.1" and list[1].family == "inet")
  assert(assert(dns.tohostname "127.0.0.1") == "one.test")
  local names, service = assert(dns.getnameinfo("127.0.0.1", "80"))
  assert(names[1] == "one.test" and service == "http")
  assert(dns.gethostname())
  local none, err = dns.toip("none.test", 5)
  assert(not none and err == "host not found", err)
  world.heard(err)
end

function scenarios.fromfd()
  local o = pair(5)
  -- it is the program's until fromfd has it
  local fd = o:detach()
  world.remember(fd)
  local adopted = assert(socket.fromfd(fd))
  world.forget(fd)
  -- ENOTCONN means something, and is no failure
  assert(adopted.class == "tcp{client}" or world.excuse())
  assert(adopted:getfd() == fd)
  adopted:setfd(-1)
  world.remember(fd)
  adopted = assert(socket.fromfd(fd))
  world.forget(fd)
  assert(adopted.class == "tcp{client}" or world.excuse())
  assert(adopted:close() == 1)
end

function scenarios.bind()
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = assert(server:getsockname())
  local client = assert(socket.connect("one.test", port, "127.0.0.1", 0))
  server:settimeout(5)
  assert(server:accept()):close()
  client:close()
  server:close()
end

function scenarios.sinks()
  local o, peer = pair(5)
  local sink = socket.sink("close-when-done", o)
  assert(sink "data")
  world.send(peer, "12345678")
  local source = socket.source("by-length", o, 8)
  local chunk, err = source()
  assert(chunk == "12345678", err)
  assert(sink(nil))
end

function scenarios.protect()
  local o = pair(0)
  local get = socket.protect(function()
    local try = socket.newtry(function() o:close() end)
    return try(o:receive())
  end)
  local line, err = get()
  assert(not line and world.heard(err) == "timeout", err)
  -- a finalizer that has run out of memory has not closed it
  if o:getfd() ~= -1 then error("not enough memory", 0) end
end

return scenarios
