-- SPDX-License-Identifier: MIT
-- Both families in one program, and one server for both.
local t = require "harness"
local socket = t.socket

t.test("an IPv4 and an IPv6 server on one port", function()
  t.need("inet6")
  local six = socket.tcp6()
  t.works(six:setoption("reuseaddr", true))
  local four, port
  for _ = 1, 500 do -- others may have most of the ports
    local candidate = t.dead_port("inet6")
    four = socket.tcp4()
    if four:bind("127.0.0.1", candidate) then
      port = candidate
      break
    end
    four:close()
  end
  t.works(port)
  t.works(six:bind("::1", port))
  t.works(four:listen())
  t.works(six:listen())
  for _, case in ipairs { { "127.0.0.1", four, "inet" }, { "::1", six, "inet6" } } do
    local client = t.works(socket.connect(case[1], port))
    local ready = socket.select({ four, six }, nil, 5)
    t.equal(#ready, 1)
    t.equal(ready[1], case[2])
    local accepted = t.works(ready[1]:accept())
    t.equal(select(3, accepted:getpeername()), case[3])
    client:close()
  end
end)

t.test("one server for both with ipv6-v6only off", function()
  t.need("inet6")
  local server = socket.tcp6()
  t.works(server:setoption("ipv6-v6only", false))
  t.works(server:bind("*", 0))
  t.works(server:listen())
  local _, port = server:getsockname()
  server:settimeout(5)
  local client = socket.tcp4()
  client:settimeout(5)
  t.works(client:connect("127.0.0.1", port))
  local accepted = t.works(server:accept())
  local host, _, family = accepted:getpeername()
  t.equal(host, "::ffff:127.0.0.1")
  t.equal(family, "inet6")
  t.works(client:send("x"))
  t.equal((accepted:receive(1)), "x")
  local six = t.works(socket.connect("::1", port))
  accepted = t.works(server:accept())
  t.equal((accepted:getpeername()), "::1")
  six:close()
end)

t.test("both families work at the same time", function()
  t.need("inet6")
  local ends = { { t.pair("inet") }, { t.pair("inet6") } }
  for i, two in ipairs(ends) do t.works(two[1]:send("via " .. i .. "\n")) end
  for i, two in ipairs(ends) do t.equal((two[2]:receive()), "via " .. i) end
end)

t.beyond("localhost reaches a server of either family", function()
  local list = t.works(socket.dns.getaddrinfo("localhost"))
  for _, entry in ipairs(list) do
    local server, _, port = t.server(entry.family)
    local o = socket.tcp()
    o:settimeout(5)
    t.works(o:connect("localhost", port))
    t.equal((o:getpeername()), entry.addr)
    t.works(server:accept())
  end
end)

t.beyond("textual forms of IPv6 addresses", function()
  t.need("inet6")
  local server, _, port = t.server("inet6")
  server:settimeout(5)
  for _, text in ipairs { "::1", "0:0:0:0:0:0:0:1", "0000:0000:0000:0000:0000:0000:0000:0001" } do
    local o = t.works(socket.connect(text, port))
    t.equal((o:getpeername()), "::1")
    t.works(server:accept())
  end
end)

t.beyond("a zone in an address is understood or refused, never ignored by a crash", function()
  t.need("inet6")
  local o = socket.tcp()
  o:settimeout(1)
  local result, err = o:connect("fe80::1%lo", t.dead_port("inet6"))
  t.equal(result, nil)
  t.kind(err, "string")
  o = socket.tcp()
  o:settimeout(1)
  result, err = o:connect("fe80::1%no-such-interface", 9)
  t.equal(result, nil)
  t.kind(err, "string")
end)

t.done()
