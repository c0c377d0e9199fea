-- SPDX-License-Identifier: MIT
-- local o <close>: where Lua has it.
local t = require "harness"
local socket = t.socket

local chunk = (loadstring or load)([[
  local make, f = ...
  local o <close> = make()
  return f(o)
]])

if not chunk or not t.ours then
  t.test("<close>", function()
    t.skip(t.ours and "this Lua has no <close>" or "LuaSocket has no __close")
  end)
  t.done()
end

t.test("the object is closed at the end of the block", function()
  local client, accepted = t.pair()
  chunk(function() return client end, function(o) t.works(o:send("x")) end)
  t.equal(client:getfd(), -1)
  t.equal((accepted:receive("*a")), "x")
end)

t.test("also when an error leaves it", function()
  local client = t.pair()
  local good = pcall(chunk, function() return client end, function() error("leaving") end)
  t.equal(good, false)
  t.equal(client:getfd(), -1)
end)

t.test("every class has it, closed objects too", function()
  local client, accepted, server = t.pair("inet", true)
  local closed = socket.tcp4()
  closed:close()
  for _, o in ipairs { client, accepted, server, socket.tcp(), socket.tcp4(), closed } do
    chunk(function() return o end, function() end)
    t.equal(o:getfd(), -1)
  end
end)

t.done()
