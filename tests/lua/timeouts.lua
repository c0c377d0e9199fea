-- SPDX-License-Identifier: MIT
-- settimeout and gettimeout: values, modes and what they do at their edges.
local t = require "harness"
local socket = t.socket

t.test("settimeout returns 1 on every class", function()
  local client, accepted, server = t.pair("inet", true)
  for _, o in ipairs { client, accepted, server, socket.tcp(), socket.tcp4() } do
    for _, mode in ipairs { "b", "t", "r" } do
      t.results({ 1 }, o:settimeout(1, mode))
    end
    t.results({ 1 }, o:settimeout(2))
    t.results({ 1 }, o:settimeout())
    t.results({ 1 }, o:settimeout(nil))
    t.results({ 1 }, o:settimeout(-1))
    t.results({ 1 }, o:settimeout(nil, "t"))
    t.results({ 1 }, o:settimeout("3"))
    t.results({ 1 }, o:settimeout(1, "block"))
    t.results({ 1 }, o:settimeout(1, "total"))
  end
end)

t.beyond("gettimeout gives block and total, -1 for none", function()
  local client, accepted, server = t.pair("inet", true)
  for _, o in ipairs { client, accepted, server, socket.tcp(), socket.tcp4() } do
    t.results({ -1, -1 }, o:gettimeout())
    o:settimeout(1.5)
    t.results({ 1.5, -1 }, o:gettimeout())
    o:settimeout(2.5, "t")
    t.results({ 1.5, 2.5 }, o:gettimeout())
    o:settimeout(3, "b")
    t.results({ 3, 2.5 }, o:gettimeout())
    o:settimeout(nil)
    t.results({ -1, 2.5 }, o:gettimeout())
    o:settimeout(-5, "t")
    t.results({ -1, -1 }, o:gettimeout())
    o:settimeout(0)
    t.results({ 0, -1 }, o:gettimeout())
    o:settimeout(7, "total")
    t.results({ 0, 7 }, o:gettimeout())
    o:settimeout(8, "r")
    t.results({ 0, 8 }, o:gettimeout())
  end
end)

t.beyond("limits stay through connect and listen", function()
  local _, host, port = t.server()
  local o = socket.tcp()
  o:settimeout(4)
  o:settimeout(5, "t")
  t.works(o:connect(host, port))
  t.results({ 4, 5 }, o:gettimeout())
  local s = socket.tcp4()
  s:settimeout(6)
  t.works(s:bind("127.0.0.1", 0))
  t.works(s:listen())
  t.results({ 6, -1 }, s:gettimeout())
end)

t.beyond("an unknown mode raises and changes nothing", function()
  local o = socket.tcp()
  o:settimeout(4)
  t.raises("bad argument", o.settimeout, o, 1, "banana2")
  t.raises("bad argument", o.settimeout, o, 1, "x")
  t.raises("bad argument", o.settimeout, o, 1, "")
  t.results({ 4, -1 }, o:gettimeout())
end)

t.test("an unknown mode raises", function()
  local o = socket.tcp()
  t.raises("bad argument", o.settimeout, o, 1, "x")
end)

t.beyond("a mode with a NUL inside raises and changes nothing", function()
  local o = socket.tcp()
  o:settimeout(4)
  for _, mode in ipairs { "b\0x", "t\0", "block\0", "total\0x", "r\0", "\0" } do
    t.raises("bad argument", o.settimeout, o, 1, mode)
  end
  t.results({ 4, -1 }, o:gettimeout())
end)

t.test("a mode that begins with block or total is taken", function()
  local _, accepted = t.pair()
  t.works(accepted:settimeout(-1, "blocking"))
  t.works(accepted:settimeout(0, "totals"))
  t.fails("timeout", accepted:receive())
  t.works(accepted:settimeout(-1, "total"))
  t.works(accepted:settimeout(0, "blockade"))
  t.fails("timeout", accepted:receive())
end)

t.test("a value that is no number raises", function()
  local o = socket.tcp()
  t.raises("bad argument", o.settimeout, o, "soon")
  t.raises("bad argument", o.settimeout, o, {})
  t.raises("bad argument", o.settimeout, o, true)
end)

t.beyond("NaN raises", function()
  local o = socket.tcp()
  o:settimeout(4)
  t.raises("bad argument", o.settimeout, o, 0 / 0)
  t.raises("bad argument", o.settimeout, o, 0 / 0, "t")
  t.results({ 4, -1 }, o:gettimeout())
end)

t.beyond("huge values mean no limit and do no harm", function()
  local client, accepted = t.pair()
  for _, huge in ipairs { 2147484, 2 ^ 31, 1e10, 1e19, 1e300, math.huge } do
    for _, mode in ipairs { "b", "t" } do
      t.works(accepted:settimeout(huge, mode))
      t.works(client:send("x"))
      t.equal(accepted:receive(1), "x")
      t.works(accepted:settimeout(nil, mode))
    end
  end
  local server = t.server()
  server:settimeout(2147484)
  local host, port = server:getsockname()
  local late = t.works(socket.connect(host, port))
  t.works(server:accept())
  late:close()
end)

t.each_family("limit 0 never waits", function(family)
  local client, accepted = t.pair(family)
  for _, mode in ipairs { "b", "t" } do
    client:settimeout(nil, "b")
    client:settimeout(nil, "t")
    client:settimeout(0, mode)
    t.takes(0, 0.5, function()
      for _ = 1, 50 do
        t.results({ nil, "timeout", "", n = 3 }, client:receive())
        t.results({ nil, "timeout", "", n = 3 }, client:receive(3))
        t.results({ nil, "timeout", "", n = 3 }, client:receive("*a"))
      end
    end)
  end
  accepted:close()
end)

t.beyond("tiny limits round up", function()
  local client, accepted = t.pair()
  for _, seconds in ipairs { 0.0005, 0.0009, 0.0015, 1e-9 } do
    for _, mode in ipairs { "b", "t" } do
      client:settimeout(nil, "b")
      client:settimeout(nil, "t")
      client:settimeout(seconds, mode)
      t.takes(seconds, 1, function() t.fails("timeout", client:receive(1)) end)
    end
  end
  accepted:close()
end)

t.beyond("a short wait does not burn time", function()
  local client, accepted = t.pair()
  client:settimeout(0.15)
  local before = os.clock()
  t.fails("timeout", client:receive(1))
  t.within(os.clock() - before, 0, 0.1, "processor time")
  accepted:close()
end)

t.test("a limit for receive does not close anything", function()
  local client, accepted = t.pair()
  client:settimeout(0.01)
  t.fails("timeout", client:receive())
  t.works(accepted:send("late\n"))
  client:settimeout(5)
  t.equal(client:receive(), "late")
end)

t.test("settimeout may change back and forth", function()
  local client, accepted = t.pair()
  for round = 1, 3 do
    client:settimeout(0)
    t.fails("timeout", client:receive())
    client:settimeout(0.01)
    t.fails("timeout", client:receive())
    client:settimeout(nil)
    t.works(accepted:send(round .. "\n"))
    t.equal(client:receive(), tostring(round))
  end
end)

t.test("gettime is the time of day", function()
  t.within(socket.gettime() - os.time(), -2, 2)
  t.truth(socket.gettime() > 1e9)
end)

t.beyond("monotime only goes forward", function()
  local last = socket.monotime()
  for _ = 1, 1000 do
    local now = socket.monotime()
    t.truth(now >= last)
    last = now
  end
  t.kind(last, "number")
end)

t.test("sleep takes fractions", function()
  t.takes(0.03, 2, socket.sleep, 0.03)
  t.takes(0, 1, socket.sleep, 0)
  t.takes(0, 1, socket.sleep, -1)
end)

t.beyond("sleep with odd numbers", function()
  t.takes(0, 1, function() pcall(socket.sleep, 0 / 0) end)
  t.takes(0, 1, function() pcall(socket.sleep, -(0 / 0)) end)
  t.takes(0, 1, socket.sleep, -math.huge)
  t.takes(0.0004, 1, socket.sleep, 0.0004)
  t.raises("bad argument", socket.sleep)
  t.raises("bad argument", socket.sleep, {})
end)

t.done()
