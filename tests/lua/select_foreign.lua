-- SPDX-License-Identifier: MIT
-- socket.select on objects of other kinds: anything with getfd and dirty.
local t = require "harness"
local socket = t.socket
local select_ = socket.select

local function wrapper(o)
  return { getfd = function() return o:getfd() end,
    dirty = function() return o:dirty() end }
end

t.test("a table with getfd", function()
  local client, accepted = t.pair()
  local w = { getfd = function() return accepted:getfd() end }
  local r, _, err = select_({ w }, nil, 0)
  t.equal(r[1], nil)
  t.equal(err, "timeout")
  t.works(client:send("x"))
  r = select_({ w }, nil, 5)
  t.equal(r[1], w)
  t.equal(r[w], 1)
  local _, s = select_(nil, { w }, 5)
  t.equal(s[1], w)
end)

t.test("getfd gets the object and may come from a metatable", function()
  local client, accepted = t.pair()
  local class = {}
  class.__index = class
  function class:getfd()
    t.equal(getmetatable(self), class)
    return self.socket:getfd()
  end
  local w = setmetatable({ socket = accepted }, class)
  t.works(client:send("x"))
  local r = select_({ w }, nil, 5)
  t.equal(r[1], w)
end)

t.test("dirty makes it ready at once", function()
  local client, accepted = t.pair()
  t.works(client:send("one\ntwo\n"))
  t.equal((accepted:receive()), "one")
  local w = wrapper(accepted)
  t.takes(0, 1, function()
    local r, _, err = select_({ w }, nil, 5)
    t.equal(r[1], w)
    t.equal(err, nil)
  end)
end)

t.test("dirty counts for the receive set only", function()
  local client, accepted = t.pair()
  local asked = 0
  local w = { getfd = function() return accepted:getfd() end,
    dirty = function() asked = asked + 1; return true end }
  local _, s = select_(nil, { w }, 5)
  t.equal(s[1], w, "writable for real")
  t.equal(asked, 0)
  local r = select_({ w }, nil, 5)
  t.equal(r[1], w)
  t.truth(asked > 0)
  client:close()
end)

t.test("dirty that is false does not", function()
  local client, accepted = t.pair()
  local r, _, err = select_({ wrapper(accepted) }, nil, 0)
  t.equal(r[1], nil)
  t.equal(err, "timeout")
  client:close()
end)

t.beyond("values of any other type are ignored", function()
  local client, accepted = t.pair()
  t.works(client:send("x"))
  t.wait_readable(accepted)
  local values = { 1, "text", true, print, coroutine.create(function() end), {}, io.stdout, accepted }
  local r = select_(values, values, 5)
  t.equal(#r, 1)
  t.equal(r[1], accepted)
end)

t.test("getfd that gives no descriptor is ignored", function()
  local client, accepted = t.pair()
  t.works(client:send("x"))
  local values = { { getfd = function() return -1 end }, { getfd = function() return nil end },
    { getfd = function() end }, accepted }
  local r = select_(values, nil, 5)
  t.equal(#r, 1)
  t.equal(r[1], accepted)
end)

t.beyond("getfd that gives nonsense does not crash", function()
  for _, bad in ipairs { 1e20, -1e20, 2 ^ 31, 2 ^ 53, 0 / 0, math.huge, "x", 1.5, {} } do
    local w = { getfd = function() return bad end }
    pcall(select_, { w }, nil, 0)
    pcall(select_, nil, { w }, 0)
  end
  local client, accepted = t.pair()
  t.works(client:send("x"))
  t.equal(select_({ accepted }, nil, 5)[1], accepted)
end)

t.test("an error in getfd or dirty comes through untouched", function()
  local value = {}
  local w = { getfd = function() error(value, 0) end }
  local good, err = pcall(select_, { w }, nil, 0)
  t.equal(good, false)
  t.equal(err, value)
  local client = t.pair()
  w = { getfd = function() return client:getfd() end, dirty = function() error(value, 0) end }
  good, err = pcall(select_, { w }, nil, 0)
  t.equal(good, false)
  t.equal(err, value)
end)

t.beyond("an object that is closed by another's getfd does no harm", function()
  local client, accepted = t.pair()
  local w = { getfd = function() accepted:close(); collectgarbage(); return -1 end }
  local good, r = pcall(select_, { accepted, w, client }, nil, 0)
  if good then t.kind(r, "table") else t.match(r, "select failed") end
  local other = t.pair()
  w = { getfd = function() other:close(); return -1 end }
  good = pcall(select_, { w, other }, { other }, 0)
  t.equal(good, true)
end)

t.beyond("sets that change under way do no harm", function()
  local client, accepted = t.pair()
  local list = {}
  list[1] = { getfd = function()
    for i = 1, #list do list[i] = nil end
    collectgarbage()
    return -1
  end }
  for i = 2, 100 do list[i] = accepted end
  pcall(select_, list, nil, 0)
  local grow = {}
  grow[1] = { getfd = function()
    for i = 2, 200 do grow[i] = accepted end
    return -1
  end }
  pcall(select_, grow, nil, 0)
  t.works(client:send("x"))
  t.equal(select_({ accepted }, nil, 5)[1], accepted)
end)

t.test("a yield across select is an error, no crash", function()
  local w = { getfd = function() return coroutine.yield() end }
  local co = coroutine.create(function() return select_({ w }, nil, 0) end)
  local good = coroutine.resume(co)
  if good then good = coroutine.resume(co, -1) end
  t.kind(good, "boolean")
end)

t.beyond("sources and sinks carry getfd and dirty", function()
  local client, accepted = t.pair()
  local source = socket.source("until-closed", accepted)
  local sink = socket.sink("keep-open", client)
  t.equal(source:getfd(), accepted:getfd())
  t.equal(source:dirty(), false)
  t.equal(sink:getfd(), client:getfd())
  local r, w, err = select_({ source }, { sink }, 5)
  t.equal(r[1], nil)
  t.equal(w[1], sink)
  t.equal(err, nil)
  t.works(client:send("x"))
  t.equal(select_({ source }, nil, 5)[1], source)
end)

t.done()
