-- SPDX-License-Identifier: MIT
-- master:listen.
local t = require "harness"
local socket = t.socket

t.each_family("listen turns a bound master into a server", function(family)
  local o = t.master(family)
  t.works(o:bind(t.loopback(family), 0))
  t.results({ 1 }, o:listen(5))
  t.equal(o.class, "tcp{server}")
  t.match(tostring(o), "^tcp{server}: ")
end)

t.test("the backlog may be left out", function()
  local o = socket.tcp4()
  t.works(o:bind("127.0.0.1", 0))
  t.results({ 1 }, o:listen())
  t.equal(o.class, "tcp{server}")
end)

t.test("connections queue up to the backlog and are served in order", function()
  local server, host, port = t.server("inet", 8)
  local clients = {}
  for i = 1, 6 do
    clients[i] = t.works(socket.connect(host, port))
    t.works(clients[i]:send(i .. "\n"))
  end
  for i = 1, 6 do
    local accepted = t.works(server:accept())
    t.equal(accepted:receive(), tostring(i))
  end
end)

t.test("a connection beyond the backlog does not stand", function()
  local _, host, port = t.full_server()
  local late = socket.tcp4()
  late:settimeout(0.05)
  local result, err = late:connect(host, port)
  t.equal(result, nil)
  t.match(err, "timeout")
end)

t.each_family("listen on a family's object that was not bound", function(family)
  local o = t.master(family)
  t.results({ 1 }, o:listen())
  t.equal(o.class, "tcp{server}")
  local _, port = o:getsockname()
  t.within(tonumber(port), 1, 65535)
end)

t.test("listen fails while no family is chosen", function()
  local o = socket.tcp()
  local result, err = o:listen()
  t.equal(result, nil)
  t.kind(err, "string")
  t.equal(o.class, "tcp{master}")
end)

t.beyond("and says so", function()
  local _, err = socket.tcp():listen()
  t.match(err, "family")
end)

t.beyond("listen on a closed object fails", function()
  local o = socket.tcp4()
  t.works(o:bind("127.0.0.1", 0))
  o:close()
  t.fails("closed", o:listen())
  t.equal(o.class, "tcp{master}")
end)

t.test("a server is not a master any more", function()
  local server = t.server()
  t.raises("expected", function() server.listen(server) end)
  t.raises("expected", function() socket.tcp().listen(server) end)
  t.raises("expected", function() socket.tcp().bind(server, "127.0.0.1", 0) end)
  t.equal(server.class, "tcp{server}")
end)

t.test("a backlog that is no number raises", function()
  local o = socket.tcp4()
  t.works(o:bind("127.0.0.1", 0))
  t.raises("bad argument", o.listen, o, "many")
  t.raises("bad argument", o.listen, o, {})
  t.equal(o.class, "tcp{master}")
  t.works(o:listen())
end)

t.beyond("large and odd backlogs", function()
  for _, backlog in ipairs { 0, 1, 65536, 2 ^ 31, "7" } do
    local o = socket.tcp4()
    t.works(o:bind("127.0.0.1", 0))
    t.works(o:listen(backlog))
    o:close()
  end
  local o = socket.tcp4()
  t.works(o:bind("127.0.0.1", 0))
  t.raises("bad argument", o.listen, o, 0 / 0)
  t.raises("bad argument", o.listen, o, 1.5)
end)

t.beyond("two servers share a port with reuseport", function()
  local first = socket.tcp4()
  if not first:setoption("reuseport", true) then t.skip("no reuseport") end
  t.works(first:bind("127.0.0.1", 0))
  t.works(first:listen())
  local _, port = first:getsockname()
  local second = socket.tcp4()
  t.works(second:setoption("reuseport", true))
  t.works(second:bind("127.0.0.1", port))
  t.works(second:listen())
end)

t.done()
