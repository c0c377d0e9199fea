-- SPDX-License-Identifier: MIT
-- socket.fromfd adopts a descriptor, detach gives one up.
local t = require "harness"
local socket = t.socket

if not t.ours then
  t.test("fromfd", function() t.skip("this module has no fromfd") end)
  t.done()
end

t.each_family("detach returns the descriptor and leaves the object closed", function(family)
  local client, accepted = t.pair(family)
  local fd = client:getfd()
  t.results({ fd }, client:detach())
  t.equal(client:getfd(), -1)
  t.fails("closed", client:send("x"))
  t.results({ 1 }, client:close())
  local again = t.works(socket.fromfd(fd))
  t.works(again:send("alive\n"))
  t.equal(accepted:receive(), "alive")
end)

t.each_family("fromfd finds class and family out by itself", function(family)
  local client, accepted, server = t.pair(family, true)
  local cases = {
    { client, "tcp{client}" }, { accepted, "tcp{client}" }, { server, "tcp{server}" },
    { t.master(family), "tcp{master}" },
  }
  for _, case in ipairs(cases) do
    local fd = case[1]:detach()
    local o = t.works(socket.fromfd(fd))
    t.equal(o.class, case[2])
    t.equal(o:getfamily(), family == "inet" and "inet4" or "inet6")
    t.equal(o:getfd(), fd)
    t.equal(select(3, o:getsockname()), family)
    case[3] = o
  end
  t.works(cases[1][3]:send("x\n"))
  t.equal(cases[2][3]:receive(), "x")
  local host, port = cases[3][3]:getsockname()
  local second = t.works(socket.connect(host, port))
  t.works(cases[3][3]:accept())
  second:close()
end)

t.test("an adopted server accepts what was queued before", function()
  local server, host, port = t.server()
  local client = t.works(socket.connect(host, port))
  local adopted = t.works(socket.fromfd(server:detach()))
  local accepted = t.works(adopted:accept())
  t.works(client:send("queued\n"))
  t.equal(accepted:receive(), "queued")
end)

t.test("an adopted object closes its descriptor when collected", function()
  local client, accepted = t.pair()
  local fd = client:detach()
  local o = t.works(socket.fromfd(fd))
  t.equal(o.class, "tcp{client}")
  o = nil
  collectgarbage()
  collectgarbage()
  t.fails("closed", accepted:receive())
end)

t.test("what is no descriptor fails with the number", function()
  t.results({ nil, socket.strerror(socket.errno.EBADF), socket.errno.EBADF, n = 3 },
    socket.fromfd(t.scan + 200))
end)

t.test("what is no socket fails and stays the caller's", function()
  local result, err = socket.fromfd(1)
  t.equal(result, nil)
  t.kind(err, "string")
  t.truth(io.stdout:write(""))
  -- A descriptor of a file: found by what is open and no socket.
  local before = t.descriptors()
  local file = assert(io.open("/dev/null"))
  for number in t.descriptors():gmatch("%d+") do
    if not (" " .. before .. " "):find(" " .. number .. " ", 1, true) then
      t.equal((socket.fromfd(tonumber(number))), nil)
    end
  end
  t.truth(file:read(0) == nil, "the file is still open")
  file:close()
end)

t.test("wrong numbers raise", function()
  for _, bad in ipairs { -1, 1.5, 2 ^ 31, 1e20, 0 / 0, "x", {} } do
    t.raises("bad argument", socket.fromfd, bad)
  end
  t.raises("bad argument", socket.fromfd)
end)

t.test("detach where there is no descriptor", function()
  local o = socket.tcp4()
  o:close()
  local result = o:detach()
  t.truth(result == nil or result == -1)
end)

t.test("a detached descriptor is non-blocking", function()
  local client = t.pair()
  local fd = client:detach()
  t.cleanup(function() socket.fromfd(fd):close() end)
  t.truth(t.nonblocking(fd))
end)

t.done()
