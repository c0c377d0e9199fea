-- SPDX-License-Identifier: MIT
-- getfd and setfd: how descriptors are lent to strangers and moved away.
local t = require "harness"
local socket = t.socket

t.each_family("getfd is a small whole number, the same each time", function(family)
  local client, accepted, server = t.pair(family, true)
  local seen = {}
  for _, o in ipairs { client, accepted, server, t.master(family) } do
    local fd = t.integer(o:getfd())
    t.within(fd, 3, 100000)
    t.equal(o:getfd(), fd)
    t.equal(seen[fd], nil, "each object has its own")
    seen[fd] = true
  end
end)

t.beyond("getfd reads as a whole number", function()
  t.match(tostring(socket.tcp4():getfd()), "^%d+$")
end)

t.test("getfd of a closed object is -1", function()
  local o = socket.tcp4()
  o:close()
  t.results({ -1 }, o:getfd())
end)

t.test("setfd returns nothing", function()
  local o = socket.tcp4()
  local fd = o:getfd()
  t.results({}, o:setfd(-1))
  t.results({}, o:setfd(fd))
  t.equal(o:getfd(), fd)
end)

-- What a TLS module does: it takes the descriptor out of the object.
t.each_family("the descriptor can be moved to another object", function(family)
  local client, accepted = t.pair(family)
  local fd = client:getfd()
  client:setfd(-1)
  t.equal(client:getfd(), -1)
  t.results({ 1 }, client:close())
  client = nil
  collectgarbage()
  collectgarbage()
  local other = socket.tcp()
  local class = other.class
  other:setfd(fd)
  t.equal(other.class, class, "no other change to the state")
  t.equal(other:getfd(), fd)
  t.works(accepted:send("still open\n"))
  t.wait_readable(other)
  t.equal(tonumber((select(2, other:getsockname()))),
    tonumber((select(2, accepted:getpeername()))))
end)

t.test("an object without its descriptor", function()
  local client, accepted = t.pair()
  local fd = client:getfd()
  client:setfd(-1)
  local result = client:send("x")
  t.equal(result, nil)
  result = client:receive()
  t.equal(result, nil)
  client:setfd(fd)
  t.works(client:send("x"))
  t.equal(accepted:receive(1), "x")
end)

t.test("a client that takes over a descriptor goes on with it", function()
  local client, accepted = t.pair()
  local other = t.pair()
  local fd = client:getfd()
  client:setfd(-1)
  local old = other:getfd()
  other:setfd(fd)
  t.works(other:send("via other\n"))
  t.equal(accepted:receive(), "via other")
  -- The old one was dropped, not closed: give it to an object that closes it.
  client:setfd(old)
  t.equal(client:getfd(), old)
  client:close()
end)

t.test("what is buffered stays through setfd", function()
  local client, accepted = t.pair()
  t.works(client:send("one\ntwo\n"))
  t.equal(accepted:receive(), "one")
  local fd = accepted:getfd()
  accepted:setfd(-1)
  t.equal(accepted:dirty(), true)
  accepted:setfd(fd)
  t.equal(accepted:receive(), "two")
end)

t.test("without a descriptor what is buffered still comes, then the end", function()
  local client, accepted = t.pair()
  t.works(client:send("one\ntwo\nthree"))
  t.equal(accepted:receive(), "one")
  local fd = accepted:getfd()
  t.cleanup(function() accepted:setfd(fd) accepted:close() end)
  accepted:setfd(-1)
  t.equal(accepted:receive(), "two")
  local rest = t.fails("closed", accepted:receive())
  t.equal(rest, "three")
  t.fails("closed", accepted:receive())
end)

t.beyond("the family is asked of the descriptor", function()
  t.need("inet6")
  local server = t.server("inet6")
  local o = socket.tcp()
  local fd = server:getfd()
  server:setfd(-1)
  o:setfd(fd)
  t.equal(select(3, o:getsockname()), "inet6")
end)

t.beyond("strange numbers raise, and the descriptor stays", function()
  local o = socket.tcp4()
  local fd = o:getfd()
  for _, bad in ipairs { 1e20, 1.5, 0 / 0, 2 ^ 31, math.huge, "x", {} } do
    t.raises("bad argument", o.setfd, o, bad)
    t.equal(o:getfd(), fd)
  end
  t.raises("bad argument", o.setfd, o)
end)

t.test("a descriptor that is not open gives errors, no crash", function()
  local client = t.pair()
  local fd = client:getfd()
  client:setfd(t.scan + 17)
  t.equal((client:send("x")), nil)
  t.equal((client:receive()), nil)
  client:setfd(fd)
  client:close()
end)

-- Event loops and TLS modules count on it.
t.each_family("what getfd hands out is non-blocking", function(family)
  local client, accepted, server = t.pair(family, true)
  for _, o in ipairs { client, accepted, server, t.master(family) } do
    t.truth(t.nonblocking(o:getfd()))
  end
  -- Limits and blocking calls do not change that.
  local fd = client:getfd()
  client:settimeout(nil)
  accepted:settimeout(0.01)
  accepted:receive(1)
  t.works(client:send("x"))
  t.truth(t.nonblocking(fd))
  t.truth(t.nonblocking(accepted:getfd()))
end)

t.done()
