-- SPDX-License-Identifier: MIT
-- connect with a limit of 0: begin, be told by select, ask again.
local t = require "harness"
local socket = t.socket

local function start(family, host, port)
  local o = t.master(family)
  o:settimeout(0)
  local result, err = o:connect(host, port)
  -- A system may connect to itself at once.
  if result then t.equal(result, 1) else t.equal(err, "timeout") end
  return o, result
end

local function writable(o, seconds)
  local _, ready = socket.select(nil, { o }, seconds or 5)
  return ready[o] ~= nil
end

t.each_family("timeout, then writable, then 1", function(family)
  local server, host, port = t.server(family)
  local o, done = start(family, host, port)
  t.equal(o.class, "tcp{client}")
  t.truth(writable(o), "writable when the connection stands")
  if not done then
    t.results({ 1 }, o:connect(host, port))
  end
  local accepted = t.works(server:accept())
  t.works(o:send("x"))
  t.equal(accepted:receive(1), "x")
end)

t.beyond("results: nil and timeout, then 1 alone, then already connected", function()
  local _, host, port = t.server()
  local o = socket.tcp()
  o:settimeout(0)
  t.results({ nil, "timeout", n = 2 }, o:connect(host, port))
  t.truth(writable(o))
  t.results({ 1 }, o:connect(host, port))
  t.results({ nil, "already connected", socket.errno.EISCONN, n = 3 }, o:connect(host, port))
end)

t.test("already connected when asked once more", function()
  local _, host, port = t.server()
  local o = start("inet", host, port)
  t.truth(writable(o))
  o:connect(host, port)
  t.fails("already connected", o:connect(host, port))
end)

t.beyond("without asking again the connection can be used", function()
  local server, host, port = t.server()
  local o = start("inet", host, port)
  local accepted = t.works(server:accept())
  t.truth(writable(o))
  t.works(o:send("straight\n"))
  t.equal(accepted:receive(), "straight")
  t.works(accepted:send("answer\n"))
  t.wait_readable(o)
  t.equal(o:receive(), "answer")
end)

t.beyond("Operation already in progress while it is pending", function()
  local _, host, port = t.full_server()
  local o = socket.tcp()
  o:settimeout(0)
  t.results({ nil, "timeout", n = 2 }, o:connect(host, port))
  local fd = o:getfd()
  for _ = 1, 3 do
    t.takes(0, 0.5, function()
      t.results({ nil, "Operation already in progress", socket.errno.EALREADY, n = 3 },
        o:connect(host, port))
    end)
  end
  t.equal(o:getfd(), fd)
  t.equal(writable(o, 0.02), false)
  t.results({ 1 }, o:close())
end)

t.beyond("a pending attempt that goes through later", function()
  local server, host, port, fillers = t.full_server()
  local o = socket.tcp()
  o:settimeout(0)
  t.fails("timeout", o:connect(host, port))
  server:settimeout(0)
  for i = 1, #fillers do
    server:accept()
    fillers[i]:close()
  end
  t.truth(writable(o, 10), "the handshake is repeated by the system")
  t.results({ 1 }, o:connect(host, port))
end)

t.beyond("calls on a pending connection wait for it, within their limit", function()
  local _, host, port = t.full_server()
  local o = socket.tcp()
  o:settimeout(0)
  t.fails("timeout", o:connect(host, port))
  t.results({ nil, "timeout", 0, n = 3 }, o:send("x"))
  t.results({ nil, "timeout", "", n = 3 }, o:receive())
  o:settimeout(0.05)
  t.takes(0.05, 2, function() t.results({ nil, "timeout", 0, n = 3 }, o:send("x")) end)
  t.takes(0.05, 2, function() t.results({ nil, "timeout", "", n = 3 }, o:receive(1)) end)
  t.takes(0.05, 2, function() t.results({ nil, "timeout", n = 2 }, o:connect(host, port)) end)
end)

t.test("send of nothing on a connection under way does not raise", function()
  local _, host, port = t.full_server()
  local o = socket.tcp()
  o:settimeout(0)
  o:connect(host, port)
  local good = pcall(o.send, o, "")
  t.equal(good, true)
end)

t.each_family("a refused connection is writable and then gives its error", function(family)
  local o = t.master(family)
  o:settimeout(0)
  local port = t.dead_port(family)
  local result, err = o:connect(t.loopback(family), port)
  t.equal(result, nil)
  if err == "timeout" then
    t.truth(writable(o))
    t.fails("connection refused", o:connect(t.loopback(family), port))
  else
    t.equal(err, "connection refused")
  end
end)

t.beyond("option error tells of a failed connect, and goes on telling", function()
  local o = socket.tcp()
  o:settimeout(0)
  if select(2, o:connect("127.0.0.1", t.dead_port())) ~= "timeout" then
    t.skip("refused at once here")
  end
  t.truth(writable(o))
  t.equal(o:getoption("error"), "connection refused")
  t.equal(o:getoption("error"), "connection refused")
end)

t.beyond("send and receive on a failed connection tell of it", function()
  local o = socket.tcp()
  o:settimeout(0)
  o:connect("127.0.0.1", t.dead_port())
  t.truth(writable(o))
  local result, err = o:receive()
  t.equal(result, nil)
  t.kind(err, "string")
  t.differ(err, "timeout")
  result, err = o:send("x")
  t.equal(result, nil)
  t.differ(err, "timeout")
end)

t.beyond("another port starts afresh", function()
  local _, host, port = t.full_server()
  local _, host2, port2 = t.server()
  local o = socket.tcp()
  o:settimeout(0)
  t.fails("timeout", o:connect(host, port))
  o:settimeout(5)
  t.results({ 1 }, o:connect(host2, port2))
  t.equal(tonumber((select(2, o:getpeername()))), port2)
end)

t.beyond("after a timeout with a limit the attempt goes on", function()
  local server, host, port, fillers = t.full_server()
  local o = socket.tcp()
  o:settimeout(0.05)
  t.fails("timeout", o:connect(host, port))
  server:settimeout(0)
  for i = 1, #fillers do
    server:accept()
    fillers[i]:close()
  end
  o:settimeout(10)
  t.results({ 1 }, o:connect(host, port))
end)

t.beyond("a name is looked up without blocking", function()
  local server, _, port = t.server()
  local o = socket.tcp4()
  o:settimeout(0)
  local result, err
  t.takes(0, 1, function() result, err = o:connect("localhost", port) end)
  local turns = 0
  while not result and turns < 100 do
    t.match(err, "^timeout$", "pending") 
    t.truth(writable(o), "select carries it through lookup and connect")
    result, err = o:connect("localhost", port)
    turns = turns + 1
    if err == "Operation already in progress" then err = "timeout" end
  end
  t.equal(result, 1)
  t.works(server:accept())
end)

t.beyond("getfd in the middle of a lookup gives a usable descriptor", function()
  local server, _, port = t.server()
  local o = socket.tcp4()
  o:settimeout(0)
  o:connect("localhost", port)
  local fd = o:getfd()
  t.truth(fd >= 0)
  local stranger = { getfd = function() return fd end }
  local _, ready = socket.select(nil, { stranger }, 5)
  t.equal(ready[1], stranger)
  local result, err = o:connect("localhost", port)
  t.truth(result == 1 or err == "already connected", err)
  t.works(server:accept())
end)

t.beyond("the descriptor keeps its number from one address to the next", function()
  t.need("inet6")
  -- Where localhost has both addresses the first is refused and the second not.
  local list = socket.dns.getaddrinfo("localhost")
  if #list < 2 then t.skip("localhost has one address here") end
  local family = list[2].family
  local server, _, port = t.server(family)
  local o = socket.tcp()
  o:settimeout(0)
  local result, err = o:connect("localhost", port)
  local fd = o:getfd()
  for _ = 1, 50 do
    if result then break end
    socket.select(nil, { o }, 5)
    result, err = o:connect("localhost", port)
  end
  t.equal(result, 1, err)
  t.equal(o:getfd(), fd)
  t.works(server:accept())
end)

t.beyond("close in the middle of a lookup or attempt leaks nothing", function()
  local _, host, port = t.full_server()
  for _ = 1, 5 do
    local o = socket.tcp4()
    o:settimeout(0)
    o:connect("localhost", port)
    t.results({ 1 }, o:close())
    local p = socket.tcp()
    p:settimeout(0)
    p:connect(host, port)
    t.results({ 1 }, p:close())
    local q = socket.tcp4()  -- left to the collector
    q:settimeout(0)
    q:connect("localhost", port)
  end
end)

t.done()
