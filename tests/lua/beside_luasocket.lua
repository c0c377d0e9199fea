-- SPDX-License-Identifier: MIT
-- This module and the installed LuaSocket in one process, whichever comes
-- first: each has its own objects, and they talk to each other.
local version = _VERSION:match("%d+%.%d+")

-- LuaSocket's core is looked for where it usually is.  Opened by hand, as its
-- name is the module's own.
local function luasocket_core()
  for _, place in ipairs { "/usr/lib/x86_64-linux-gnu/lua/%s", "/usr/lib/aarch64-linux-gnu/lua/%s",
    "/usr/lib/lua/%s", "/usr/lib64/lua/%s", "/usr/local/lib/lua/%s" } do
    local path = place:format(version) .. "/socket/core.so"
    local open = package.loadlib(path, "luaopen_socket_core")
    local core = open and open()
    if core and core._VERSION:find("LuaSocket", 1, true) then return core end
  end
end

-- The name of this script is the argument of its other order.
local first = ... == "LuaSocket first" and luasocket_core()

local t = require "harness"
local socket = t.socket
if not t.ours then
  t.test("both", function() t.skip("this is LuaSocket itself") end)
  t.done()
end
local other = first or luasocket_core()
if not other then
  t.test("both", function() t.skip("LuaSocket is not installed for this Lua") end)
  t.done()
end

-- A client and the accepted end, made by the two modules.
local function pair(server_side, client_side)
  local server = assert(server_side.tcp())
  assert(server:bind("127.0.0.1", 0))
  assert(server:listen(1))
  local client = assert(client_side.tcp())
  client:settimeout(10)
  server:settimeout(10)
  local host, port = server:getsockname()
  assert(client:connect(host, port))
  local accepted = assert(server:accept())
  accepted:settimeout(10)
  t.cleanup(function()
    client:close()
    accepted:close()
    server:close()
  end)
  return client, accepted, server
end

for _, order in ipairs { { socket, other, "client of LuaSocket's" },
  { other, socket, "server of LuaSocket's" } } do
  local server_side, client_side, name = order[1], order[2], order[3]
  t.test("lines both ways, " .. name, function()
    local client, accepted, server = pair(server_side, client_side)
    t.equal(client:send("to the server\n"), 14)
    t.equal((accepted:receive()), "to the server")
    t.equal(accepted:send("to the client\n"), 14)
    t.equal((client:receive()), "to the client")
    t.match(tostring(client), "^tcp{client}: ")
    t.match(tostring(accepted), "^tcp{client}: ")
    t.match(tostring(server), "^tcp{server}: ")
  end)
end

t.test("neither takes the other's objects for its own", function()
  local ours, theirs = socket.tcp(), other.tcp()
  t.cleanup(function()
    ours:close()
    theirs:close()
  end)
  t.raises("expected", ours.settimeout, theirs, 1)
  t.raises("expected", theirs.settimeout, ours, 1)
  t.raises("expected", getmetatable(ours).__gc, theirs)
  t.raises("expected", getmetatable(theirs).__gc, ours)
end)

t.test("select waits for LuaSocket's objects", function()
  local client, accepted = pair(other, other)
  local readable, writable, err = socket.select({ accepted }, { client }, 0)
  t.equal(readable[1], nil)
  t.equal(writable[1], client)
  t.equal(err, nil)
  client:send("x")
  readable = socket.select({ accepted }, nil, 10)
  t.equal(readable[1], accepted)
end)

t.test("its datagrams beside these streams", function()
  local datagrams = t.works(other.udp())
  t.cleanup(function() datagrams:close() end)
  t.works(datagrams:setsockname("127.0.0.1", 0))
  local host, port = datagrams:getsockname()
  t.works(datagrams:sendto("datagram", host, port))
  local stream = t.pair()
  local readable = socket.select({ stream, datagrams }, nil, 10)
  t.equal(readable[1], datagrams)
  t.equal((datagrams:receive()), "datagram")
end)

t.test("objects of both are collected", function()
  local kept = setmetatable({}, { __mode = "k" })
  for _ = 1, 20 do
    kept[socket.tcp4()] = true
    kept[other.tcp4()] = true
  end
  collectgarbage()
  collectgarbage()
  t.equal(next(kept), nil)
end)

if not first then
  t.test("the other order", function()
    local output = t.run("loadfile(" .. ("%q"):format(arg[0]) .. ")('LuaSocket first')")
    t.match(output, "0 failed")
    t.match(output, "^[1-9]%d* passed")
  end)
end

t.done()
