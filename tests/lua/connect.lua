-- SPDX-License-Identifier: MIT
-- master:connect, setpeername, socket.connect, connect4 and connect6.
local t = require "harness"
local socket = t.socket

t.each_family("connect turns a master into a client", function(family)
  local server, host, port = t.server(family)
  local o = t.master(family)
  t.equal(o.class, "tcp{master}")
  t.results({ 1 }, o:connect(host, port))
  t.equal(o.class, "tcp{client}")
  local accepted = t.works(server:accept())
  t.works(o:send("ping\n"))
  t.equal(accepted:receive(), "ping")
end)

t.each_family("connect of socket.tcp chooses by the address", function(family)
  local _, host, port = t.server(family)
  local o = socket.tcp()
  t.results({ 1 }, o:connect(host, port))
  local phost, pport, pfamily = o:getpeername()
  t.equal(phost, host)
  t.equal(tonumber(pport), port)
  t.equal(pfamily, family)
end)

t.test("connect takes a name", function()
  local _, _, port = t.server()
  local o = socket.tcp4()
  t.results({ 1 }, o:connect("localhost", port))
  t.equal((o:getpeername()), "127.0.0.1")
end)

t.test("connect takes the port as a string", function()
  local _, host, port = t.server()
  t.results({ 1 }, socket.tcp():connect(host, tostring(port)))
end)

t.test("extra arguments are ignored", function()
  local _, host, port = t.server()
  t.results({ 1 }, socket.tcp():connect(host, port, "extra", 5))
end)

t.test("setpeername is connect", function()
  local _, host, port = t.server()
  local o = socket.tcp()
  t.results({ 1 }, o:setpeername(host, port))
  t.equal(o.class, "tcp{client}")
end)

t.each_family("nobody listens", function(family)
  local o = t.master(family)
  t.fails("connection refused", o:connect(t.loopback(family), t.dead_port(family)))
  o = socket.tcp()
  t.fails("connection refused", o:connect(t.loopback(family), t.dead_port(family)))
end)

t.test("nobody listens, with limits", function()
  for _, seconds in ipairs { 1, 5 } do
    local o = socket.tcp()
    o:settimeout(seconds)
    t.takes(0, seconds, function()
      t.fails("connection refused", o:connect("127.0.0.1", t.dead_port()))
    end)
  end
end)

t.beyond("the failure has its number", function()
  t.results({ nil, "connection refused", socket.errno.ECONNREFUSED, n = 3 },
    socket.tcp():connect("127.0.0.1", t.dead_port()))
end)

t.test("a failed connect can be followed by another", function()
  local _, host, port = t.server()
  local o = socket.tcp()
  t.fails("connection refused", o:connect(host, t.dead_port()))
  t.results({ 1 }, o:connect(host, port))
  t.equal(o.class, "tcp{client}")
end)

t.beyond_each_family("and then reach the other family", function(family)
  t.need("inet6")
  local other = family == "inet" and "inet6" or "inet"
  local _, host, port = t.server(other)
  local o = socket.tcp()
  t.fails("connection refused", o:connect(t.loopback(family), t.dead_port(family)))
  t.results({ 1 }, o:connect(host, port))
  t.equal(select(3, o:getpeername()), other)
end)

t.beyond("a timeout is kept", function()
  local _, host, port = t.full_server()
  for _, mode in ipairs { "b", "t" } do
    local o = socket.tcp()
    o:settimeout(0.06, mode)
    t.takes(0.06, 2, function() t.results({ nil, "timeout", n = 2 }, o:connect(host, port)) end)
  end
end)

t.beyond("connect on a connected object says so and changes nothing", function()
  local serverA, hostA, portA = t.server()
  local serverB, hostB, portB = t.server()
  local o = socket.tcp()
  t.works(o:connect(hostA, portA))
  t.results({ nil, "already connected", socket.errno.EISCONN, n = 3 }, o:connect(hostB, portB))
  t.results({ nil, "already connected", socket.errno.EISCONN, n = 3 }, o:connect(hostA, portA))
  t.equal(tonumber((select(2, o:getpeername()))), portA)
  t.works(o:send("for A\n"))
  t.equal(t.works(serverA:accept()):receive(), "for A")
  serverB:settimeout(0)
  t.fails("timeout", serverB:accept())
end)

t.beyond("connect on an accepted object says so too", function()
  local _, host, port = t.server()
  local _, accepted = t.pair()
  t.fails("already connected", accepted:connect(host, port))
end)

t.beyond("connect on a server fails and the server stays one", function()
  local _, host, port = t.server()
  local server, shost, sport = t.server()
  local connect = getmetatable(socket.tcp()).__index.connect
  local good, result, err = pcall(connect, server, host, port)
  if good then
    t.equal(result, nil)
    t.kind(err, "string")
  else
    t.match(result, "expected")
  end
  t.equal(server.class, "tcp{server}")
  local client = t.works(socket.connect(shost, sport))
  t.works(server:accept())
  client:close()
end)

t.test("connect to a wildcard address of the family", function()
  -- A system may refuse it, but must not do anything else.
  local server = t.works(socket.bind("*", 0))
  local _, port = server:getsockname()
  local o = socket.tcp()
  o:settimeout(2)
  local result, err = o:connect("0.0.0.0", port)
  if not result then t.kind(err, "string") else t.equal(result, 1) end
end)

t.test("a bound master connects from its address", function()
  local server, host, port = t.server()
  local o = socket.tcp4()
  t.works(o:bind("127.0.0.1", 0))
  local _, bound = o:getsockname()
  t.works(o:connect(host, port))
  local accepted = t.works(server:accept())
  t.equal(tonumber((select(2, accepted:getpeername()))), tonumber(bound))
end)

t.beyond("a bound master keeps its address through a failed connect", function()
  local server, host, port = t.server()
  local o = socket.tcp4()
  t.works(o:bind("127.0.0.2", 0))
  t.fails("connection refused", o:connect(host, t.dead_port()))
  t.works(o:connect(host, port))
  local accepted = t.works(server:accept())
  t.equal((accepted:getpeername()), "127.0.0.2")
end)

t.beyond("options are kept through a failed connect", function()
  local _, host, port = t.server()
  local o = socket.tcp4()
  t.works(o:setoption("keepalive", true))
  t.works(o:setoption("tcp-nodelay", true))
  t.fails("connection refused", o:connect(host, t.dead_port()))
  t.works(o:setoption("linger", { on = true, timeout = 3 }))
  t.works(o:connect(host, port))
  t.equal(o:getoption("keepalive"), true)
  t.equal(o:getoption("tcp-nodelay"), true)
  t.equal(o:getoption("linger").timeout, 3)
end)

t.test("names that do not resolve", function()
  local o = socket.tcp()
  local result, err = o:connect("no.such.name.invalid", 80)
  t.equal(result, nil)
  t.kind(err, "string")
end)

t.test("wrong arguments raise and change nothing", function()
  local o = socket.tcp()
  t.raises("bad argument", o.connect, o)
  t.raises("bad argument", o.connect, o, "127.0.0.1")
  t.raises("bad argument", o.connect, o, {}, 80)
  t.raises("bad argument", o.connect, o, nil, 80)
  t.raises("bad argument", o.connect, o, "127.0.0.1", {})
  t.equal(o.class, "tcp{master}")
  t.equal(o:getfd(), -1)
end)

-- ---- socket.connect -----------------------------------------------------------

t.each_family("socket.connect makes a client", function(family)
  local _, host, port = t.server(family)
  local o, extra = socket.connect(host, port)
  t.equal(t.works(o).class, "tcp{client}")
  t.equal(extra, nil)
end)

t.test("socket.connect binds to a local address", function()
  local server, host, port = t.server()
  local o = t.works(socket.connect(host, port, "127.0.0.1", 0))
  local accepted = t.works(server:accept())
  t.equal((accepted:getpeername()), "127.0.0.1")
  o:close()
end)

t.test("a local port is used", function()
  local server, host, port = t.server()
  local lport = t.dead_port()
  local o = t.works(socket.connect(host, port, "127.0.0.1", lport))
  local accepted = t.works(server:accept())
  t.equal(tonumber((select(2, accepted:getpeername()))), lport)
  o:close()
end)

t.beyond("another local address of loopback", function()
  local server, host, port = t.server()
  local o = t.works(socket.connect(host, port, "127.0.0.3", 0))
  local accepted = t.works(server:accept())
  t.equal((accepted:getpeername()), "127.0.0.3")
  o:close()
end)

t.beyond("a bad local address fails and leaks nothing", function()
  local _, host, port = t.server()
  for _ = 1, 30 do
    local o, err = socket.connect(host, port, "203.0.113.9", 0)
    t.equal(o, nil)
    t.kind(err, "string")
  end
end)

t.test("socket.connect fails like connect", function()
  local o, err = socket.connect("127.0.0.1", t.dead_port())
  t.equal(o, nil)
  t.equal(err, "connection refused")
end)

t.beyond("socket.connect gives the number too", function()
  t.results({ nil, "connection refused", socket.errno.ECONNREFUSED, n = 3 },
    socket.connect("127.0.0.1", t.dead_port()))
end)

t.test("connect4 and connect6", function()
  local _, host4, port4 = t.server("inet")
  t.equal(select(3, t.works(socket.connect4(host4, port4)):getpeername()), "inet")
  t.need("inet6")
  local _, host6, port6 = t.server("inet6")
  t.equal(select(3, t.works(socket.connect6(host6, port6)):getpeername()), "inet6")
end)

t.beyond("the family is honoured", function()
  t.need("inet6")
  local _, host4, port4 = t.server("inet")
  local _, host6, port6 = t.server("inet6")
  t.equal((socket.connect4(host6, port6)), nil)
  t.equal((socket.connect6(host4, port4)), nil)
  t.equal((socket.connect(host6, port6, nil, nil, "inet")), nil)
  t.equal((socket.connect(host4, port4, nil, nil, "inet6")), nil)
  t.works(socket.connect(host4, port4, nil, nil, "inet"))
  t.works(socket.connect(host6, port6, nil, nil, "inet6"))
  t.works(socket.connect(host4, port4, nil, nil, "unspec"))
  t.works(socket.connect(host6, port6, nil, nil, "unspec"))
  local o = socket.connect("localhost", port4, nil, nil, "inet6")
  if o then t.equal(select(3, o:getpeername()), "inet6") end
end)

t.beyond("an unknown family raises", function()
  local _, host, port = t.server()
  t.raises("bad argument", socket.connect, host, port, nil, nil, "ipx")
end)

t.beyond("and so does one with a NUL inside", function()
  local _, host, port = t.server()
  t.raises("zeros", socket.connect, host, port, nil, nil, "inet\0x")
end)

t.beyond("an address of the other family is no host", function()
  t.need("inet6")
  for _, case in ipairs { { "tcp4", "::1" }, { "tcp6", "127.0.0.1" } } do
    for _, method in ipairs { "connect", "bind" } do
      local o = socket[case[1]]()
      t.fails("host or service not provided, or not known", o[method](o, case[2], 80))
      t.equal(o:getfamily(), case[1] == "tcp4" and "inet4" or "inet6")
    end
  end
end)

t.beyond("an IPv4 address in the form of IPv6 is reached by tcp()", function()
  t.need("inet6")
  local file = io.open("/proc/sys/net/ipv6/bindv6only")
  if not file then t.skip("other systems than Linux may keep the families apart") end
  local apart = file:read(1)
  file:close()
  if apart ~= "0" then t.skip("this system keeps the families apart") end
  local server, _, port = t.server()
  local client = socket.tcp()
  t.works(client:connect("::ffff:127.0.0.1", port))
  t.equal((client:getpeername()), "::ffff:127.0.0.1")
  t.equal((t.works(server:accept()):getpeername()), "127.0.0.1")
  -- of tcp6() option ipv6-v6only is on
  t.equal((socket.tcp6():connect("::ffff:127.0.0.1", port)), nil)
end)

t.done()
