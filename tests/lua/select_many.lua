-- SPDX-License-Identifier: MIT
-- socket.select beyond 1024 descriptors: a thousand is no limit.
local t = require "harness"
local socket = t.socket

if not t.ours then
  t.test("many", function() t.skip("LuaSocket stops at 1024") end)
  t.done()
end

-- Opens until one has a number above the wanted one.
local function hoard(wanted)
  local list = {}
  for i = 1, wanted do
    local o, err = socket.tcp4()
    if not o then
      for _, open in ipairs(list) do open:close() end
      t.skip("not enough descriptors: " .. err)
    end
    list[i] = o
    if o:getfd() > wanted then break end
  end
  return list
end

t.test("descriptors with large numbers", function()
  local list = hoard(1100)
  t.cleanup(function() for _, o in ipairs(list) do o:close() end end)
  local client, accepted = t.pair()
  t.truth(accepted:getfd() > 1024)
  local r, w, err = socket.select({ client, accepted }, nil, 0)
  t.equal(r[1], nil)
  t.equal(err, "timeout")
  t.works(client:send("x"))
  r, w = socket.select({ client, accepted }, { client, accepted }, 5)
  t.equal(#r, 1)
  t.equal(r[1], accepted)
  t.equal(#w, 2)
  accepted:settimeout(5)
  t.equal((accepted:receive(1)), "x")
  accepted:settimeout(0.02)
  t.fails("timeout", accepted:receive(1))
end)

-- Listening and never connected to: not ready.
local function idle_objects(count)
  local list = {}
  t.cleanup(function() for _, o in ipairs(list) do o:close() end end)
  for i = 1, count do list[i] = t.server("inet") end
  return list
end

t.test("calls leave no garbage but their results", function()
  local list = idle_objects(250)
  local function garbage(count)
    local some = { t.unpack(list, 1, count) }
    socket.select(some, nil, 0)
    collectgarbage("stop")
    local before = collectgarbage("count")
    for _ = 1, 50 do socket.select(some, nil, 0) end
    local after = collectgarbage("count")
    collectgarbage("restart")
    return (after - before) * 1024 / 50
  end
  local few, many = garbage(3), garbage(250)
  t.truth(few > 0, "results are no garbage")
  t.within(many, 0, few + 100, "bytes a call")
end)

t.test("one call within another, and after one that failed", function()
  local list = idle_objects(150)
  local client, accepted = t.pair()
  t.works(client:send("x"))
  table.insert(list, 1, accepted)
  local backwards, inner = {}, nil
  for i, o in ipairs(list) do backwards[#list + 1 - i] = o end
  local foreign = { getfd = function()
    inner = socket.select(backwards, nil, 5)
    return -1
  end }
  local failing = { getfd = function() error("no descriptor", 0) end }
  for _ = 1, 2 do
    list[152] = foreign
    local r = socket.select(list, nil, 5)
    t.equal(#r, 1)
    t.equal(r[1], accepted)
    t.equal(#inner, 1)
    t.equal(inner[1], accepted)
    list[152] = failing
    t.raises("no descriptor", socket.select, list, nil, 5)
  end
end)

t.test("more than 1024 in one call", function()
  local pairs_, all = {}, {}
  t.cleanup(function() for _, o in ipairs(all) do o:close() end end)
  local server, host, port = t.server("inet", 128)
  for i = 1, 560 do
    local client, err = socket.connect(host, port)
    if not client then t.skip("not enough descriptors: " .. err) end
    all[#all + 1] = client
    local accepted
    accepted, err = server:accept()
    if not accepted then t.skip("not enough descriptors: " .. err) end
    all[#all + 1] = accepted
    pairs_[i] = { client, accepted }
  end
  server:close()
  t.truth(#all > 1024)
  local r, w, err = socket.select(all, nil, 0)
  t.equal(next(r), nil)
  t.equal(err, "timeout")
  for i = 7, 560, 50 do t.works(pairs_[i][1]:send("x")) end
  for i = 7, 560, 50 do t.wait_readable(pairs_[i][2]) end
  r = socket.select(all, nil, 5)
  local want = 0
  for i = 7, 560, 50 do
    want = want + 1
    t.truth(r[pairs_[i][2]], "number " .. i)
  end
  t.equal(#r, want)
  w = select(2, socket.select(nil, all, 5))
  t.equal(#w, #all)
end)

t.done()
