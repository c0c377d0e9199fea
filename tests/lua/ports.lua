-- SPDX-License-Identifier: MIT
-- What is a port, and a host: numbers, their texts, names of services, no more.
local t = require "harness"
local socket = t.socket

t.test("numbers and their texts", function()
  local _, host, port = t.server()
  for _, value in ipairs { port, tostring(port) } do
    t.results({ 1 }, socket.tcp():connect(host, value))
  end
  t.results({ 1 }, socket.tcp4():bind("127.0.0.1", 0))
  t.results({ 1 }, socket.tcp4():bind("127.0.0.1", "0"))
end)

t.beyond("a float with a whole value is a port", function()
  local _, host, port = t.server()
  t.results({ 1 }, socket.tcp():connect(host, port * 2 / 2))
  t.works(socket.bind("127.0.0.1", 0.0))
end)

t.test("the name of a service", function()
  -- "http" is in every list of services; nobody may listen, but it is looked up.
  local o = socket.tcp4()
  o:settimeout(5)
  local result, err = o:connect("127.0.0.1", "http")
  if result then
    t.equal(tonumber((select(2, o:getpeername()))), 80)
  elseif err:find("service") or not io.open("/etc/services") then
    t.skip("no list of services here")
  else
    t.truth(err == "connection refused" or err == "timeout", err)
  end
end)

t.test("a service that nobody knows", function()
  local result, err = socket.tcp4():connect("127.0.0.1", "no-such-service-here")
  t.equal(result, nil)
  t.kind(err, "string")
end)

local bad = { -1, 65536, 65537, 99999999999, 2 ^ 32 + 80, 1.5, 80.25, 0 / 0, math.huge,
  -math.huge, "-1", "65536", "99999999999", "", " ", " 80", "80 ", "8 0", "80.5", "+80", "80\0",
  "80\0x" }

t.beyond("everything else is an invalid port, for connect", function()
  for _, port in ipairs(bad) do
    local o = socket.tcp()
    local result, err = o:connect("127.0.0.1", port)
    t.equal(result, nil, tostring(port))
    t.equal(err, "invalid port", tostring(port))
    t.equal(o:getfd(), -1)
  end
end)

t.beyond("and for bind", function()
  for _, port in ipairs(bad) do
    local o = socket.tcp()
    t.fails("invalid port", o:bind("127.0.0.1", port))
    t.fails("invalid port", o:bind("*", port))
    local server, err = socket.bind("127.0.0.1", port)
    t.equal(server, nil)
    t.equal(err, "invalid port")
  end
end)

t.beyond("and for a name", function()
  for _, port in ipairs(bad) do
    t.fails("invalid port", socket.tcp():connect("localhost", port))
  end
end)

t.beyond("and for socket.connect", function()
  for _, port in ipairs(bad) do
    local o, err = socket.connect("127.0.0.1", port)
    t.equal(o, nil)
    t.equal(err, "invalid port")
  end
end)

t.beyond("a port that wraps does not reach the port below", function()
  local server, host, port = t.server()
  server:settimeout(0)
  t.fails("invalid port", socket.tcp():connect(host, 65536 + port))
  t.fails("timeout", server:accept())
end)

t.beyond("leading zeros are decimal", function()
  local _, host, port = t.server()
  local result, err = socket.tcp():connect(host, ("%06d"):format(port))
  t.truth(result == 1 or err == "invalid port")
end)

t.beyond("a host with a NUL is refused", function()
  local server, host, port = t.server()
  server:settimeout(0)
  for _, name in ipairs { host .. "\0", host .. "\0evil.example", "\0" .. host, "\0" } do
    local result, err = socket.tcp():connect(name, port)
    t.equal(result, nil)
    t.kind(err, "string")
    result, err = socket.tcp():bind(name, 0)
    t.equal(result, nil)
    t.kind(err, "string")
  end
  t.fails("timeout", server:accept())
end)

t.beyond("port 0 is none to connect to", function()
  local o = socket.tcp()
  o:settimeout(2)
  local result, err = o:connect("127.0.0.1", 0)
  t.equal(result, nil)
  t.kind(err, "string")
end)

t.done()
