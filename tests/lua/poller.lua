-- SPDX-License-Identifier: MIT
-- socket.poller(): a standing set of objects to wait for.
local t = require "harness"
local socket = t.socket

-- What one wait gives, as a list of {object, events, value}.
local function ready(poller, seconds, max)
  local list = {}
  for object, events, value in poller:wait(seconds, max) do
    list[#list + 1] = { object, events, value }
  end
  return list
end

local function only(poller, object, events, value)
  local list = ready(poller, 5)
  t.equal(#list, 1)
  t.equal(list[1][1], object)
  t.equal(list[1][2], events)
  t.equal(list[1][3], value)
end

t.beyond("a new poller is empty and waits for its time", function()
  local poller = t.works(socket.poller())
  t.match(tostring(poller), "^poller: ")
  t.takes(0.03, 5, function() t.equal(#ready(poller, 0.03), 0) end)
  t.takes(0, 1, function() t.equal(#ready(poller, 0), 0) end)
  t.equal(poller:close(), 1)
end)

t.beyond_each_family("readable, writable, with the value that was given", function(family)
  local client, accepted = t.pair(family)
  local poller = socket.poller()
  local value = {}
  t.equal(poller:add(accepted, "r", value), 1)
  t.equal(#ready(poller, 0), 0)
  t.works(client:send("x"))
  only(poller, accepted, "r", value)
  only(poller, accepted, "r", value)
  t.equal(poller:modify(accepted, "rw"), 1)
  only(poller, accepted, "rw", value)
  t.equal(poller:modify(accepted, "w", "other"), 1)
  only(poller, accepted, "w", "other")
  t.equal(poller:modify(accepted, "", nil), 1)
  t.equal(#ready(poller, 0), 0)
  t.equal(poller:remove(accepted), 1)
  t.equal(#ready(poller, 0), 0)
  t.equal(poller:add(accepted, "r"), 1)
  only(poller, accepted, "r", nil)
  poller:close()
end)

t.beyond("what is in and what is not", function()
  local client, accepted = t.pair()
  local poller = socket.poller()
  t.fails("not in the poller", poller:modify(client, "r"))
  t.fails("not in the poller", poller:remove(client))
  t.equal(poller:add(client, "r"), 1)
  t.fails("already in the poller", poller:add(client, "w"))
  client:send("x")
  t.equal(#ready(poller, 0), 0)
  accepted:close()
  t.fails("closed", poller:add(accepted, "r"))
  t.equal(#ready(poller, 5), 1)
  poller:close()
end)

t.beyond("wrong arguments raise and change nothing", function()
  local client = t.pair()
  local poller = socket.poller()
  t.raises("bad argument", poller.add, poller, client, "x")
  t.raises("bad argument", poller.add, poller, client)
  t.raises("bad argument", poller.add, poller, 12, "r")
  t.raises("bad argument", poller.add, poller, {}, "r")
  t.raises("bad argument", poller.add, poller, nil, "r")
  t.raises("bad argument", poller.add, client, client, "r")
  t.raises("bad argument", poller.wait, poller, 0 / 0)
  t.raises("bad argument", poller.wait, poller, 0, 0)
  t.raises("bad argument", poller.wait, poller, 0, -1)
  t.fails("not in the poller", poller:remove(client))
  poller:close()
  t.raises("closed", poller.wait, poller, 0)
  t.raises("closed", poller.add, poller, client, "r")
  t.equal(poller:close(), 1)
end)

t.beyond("buffered input is ready at once", function()
  local client, accepted = t.pair()
  local poller = socket.poller()
  poller:add(accepted, "r")
  t.works(client:send("one\ntwo\n"))
  only(poller, accepted, "r")
  t.equal((accepted:receive()), "one")
  t.equal(accepted:dirty(), true)
  only(poller, accepted, "r")
  t.equal((accepted:receive()), "two")
  t.equal(#ready(poller, 0), 0)
  poller:close()
end)

t.beyond("one shots", function()
  local client, accepted = t.pair()
  local poller = socket.poller()
  poller:add(accepted, "r1")
  t.works(client:send("x"))
  only(poller, accepted, "r")
  t.equal(#ready(poller, 0), 0)
  t.equal(poller:modify(accepted, "r1"), 1)
  only(poller, accepted, "r")
  t.equal(#ready(poller, 0), 0)
  poller:close()
end)

t.beyond("closed objects leave by themselves and are let go", function()
  local client, accepted = t.pair()
  local poller = socket.poller()
  local weak = setmetatable({}, { __mode = "k" })
  poller:add(accepted, "r", {})
  weak[accepted] = true
  collectgarbage()
  t.truth(next(weak), "the poller keeps it alive")
  accepted:close()
  accepted = nil
  t.equal(#ready(poller, 0), 0)
  collectgarbage()
  collectgarbage()
  t.equal(next(weak), nil)
  poller:close()
end)

t.beyond("closed and removed, closed and added again", function()
  local client, accepted = t.pair()
  local poller = socket.poller()
  poller:add(accepted, "r")
  accepted:close()
  t.fails("not in the poller", poller:remove(accepted))
  local other, theirs = t.pair()
  poller:add(theirs, "r", "theirs")
  t.works(other:send("x"))
  only(poller, theirs, "r", "theirs")
  only(poller, theirs, "r", "theirs")
  poller:close()
end)

t.beyond("removed in the middle of the loop", function()
  local poller = socket.poller()
  local pairs_ = {}
  for i = 1, 5 do
    local client, accepted = t.pair()
    poller:add(accepted, "r")
    t.works(client:send("x"))
    t.wait_readable(accepted)
    pairs_[i] = { client, accepted }
  end
  local seen = 0
  for object in poller:wait(5) do
    seen = seen + 1
    for i = 1, 5 do
      if pairs_[i][2] ~= object then poller:remove(pairs_[i][2]) end
    end
  end
  t.equal(seen, 1)
  t.equal(#ready(poller, 0), 1)
  poller:close()
end)

t.beyond("closed in the middle of the loop", function()
  local poller = socket.poller()
  for _ = 1, 3 do
    local client, accepted = t.pair()
    poller:add(client, "w")
  end
  local seen = 0
  for _ in poller:wait(5) do
    seen = seen + 1
    poller:close()
  end
  t.equal(seen, 1)
end)

t.beyond("no more than max, and nobody starves", function()
  local poller = socket.poller()
  local seen = {}
  for _ = 1, 6 do
    local client, accepted = t.pair()
    poller:add(client, "w")
  end
  for _ = 1, 12 do
    local list = ready(poller, 5, 2)
    t.truth(#list <= 2, "at most two")
    for _, one in ipairs(list) do seen[one[1]] = true end
  end
  local count = 0
  for _ in pairs(seen) do count = count + 1 end
  t.equal(count, 6)
  poller:close()
end)

t.beyond("a connect is carried, a failed one is ready", function()
  local server = t.server()
  local _, port = server:getsockname()
  local poller = socket.poller()
  local client = socket.tcp()
  client:settimeout(0)
  t.fails("timeout", client:connect("127.0.0.1", port))
  t.equal(poller:add(client, "w"), 1)
  only(poller, client, "w")
  t.equal((client:connect("127.0.0.1", port)), 1)
  poller:remove(client)
  local failing = socket.tcp()
  failing:settimeout(0)
  t.equal(poller:add(failing, "w"), 1)
  local dead = t.dead_port()
  failing:connect("127.0.0.1", dead)
  only(poller, failing, "w")
  t.fails("connection refused", failing:connect("127.0.0.1", dead))
  poller:close()
end)

t.beyond("objects of others, asked for buffered input after a report", function()
  local client, accepted = t.pair()
  local poller = socket.poller()
  local asked, dirty = 0, false
  local wrapper = {
    getfd = function() return accepted:getfd() end,
    dirty = function() asked = asked + 1; return dirty end
  }
  t.equal(poller:add(wrapper, "r", "wrapped"), 1)
  t.equal(#ready(poller, 0), 0)
  t.works(client:send("x"))
  only(poller, wrapper, "r", "wrapped")
  t.equal((accepted:receive(1)), "x")
  dirty = true
  only(poller, wrapper, "r", "wrapped")
  only(poller, wrapper, "r", "wrapped")
  dirty = false
  t.equal(#ready(poller, 0), 0)
  local before = asked
  t.equal(#ready(poller, 0), 0)
  t.equal(asked, before) -- the idle cost nothing
  t.equal(poller:modify(wrapper, "r1"), 1)
  dirty = true
  only(poller, wrapper, "r", "wrapped")
  t.equal(#ready(poller, 0), 0)
  t.equal(poller:remove(wrapper), 1)
  poller:close()
end)

t.beyond("an error in a method of others goes through", function()
  local client, accepted = t.pair()
  local poller = socket.poller()
  local wrapper = {
    getfd = function() return accepted:getfd() end,
    dirty = function() error("from dirty", 0) end
  }
  poller:add(wrapper, "r")
  t.raises("from dirty", poller.wait, poller, 0)
  t.raises("from getfd", poller.add, poller, { getfd = function() error("from getfd", 0) end }, "r")
  poller:remove(wrapper)
  t.equal(#ready(poller, 0), 0)
  poller:close()
end)

t.beyond("unreferenced pollers close themselves", function()
  local client = t.pair()
  for _ = 1, 20 do
    local poller = socket.poller()
    poller:add(client, "r")
  end
  collectgarbage()
  collectgarbage()
  t.works(client:send("x"))
end)

t.beyond("getfd and dirty that cannot be called are no methods", function()
  local client, accepted = t.pair()
  local poller = socket.poller()
  t.raises("object with a descriptor", poller.add, poller, { getfd = true }, "r")
  local o = { getfd = function() return accepted:getfd() end, dirty = 1 }
  t.equal(poller:add(o, "r"), 1)
  t.equal(#ready(poller, 0), 0)
  client:send("x")
  only(poller, o, "r", nil)
  poller:close()
end)

t.beyond("a method dirty that removes what was found dirty", function()
  local pairs_of = { t.pack(t.pair()), t.pack(t.pair()) }
  local poller = socket.poller()
  local function stranger(i, dirty)
    local client = pairs_of[i][1]
    return { getfd = function() return client:getfd() end, dirty = dirty }
  end
  local first = stranger(1, function() return true end)
  local second = stranger(2, function()
    poller:remove(first)
    return false
  end)
  t.equal(poller:add(first, "r"), 1)
  t.equal(poller:add(second, "r"), 1)
  t.equal(#ready(poller, 0), 0)
  t.fails("not in the poller", poller:modify(first, "r"))
  poller:close()
end)

t.beyond("finalizers called by hand do no harm", function()
  local client, accepted = t.pair()
  local poller = socket.poller()
  poller:add(accepted, "r")
  getmetatable(accepted).__gc(accepted)
  t.equal(#ready(poller, 0), 0)
  getmetatable(poller).__gc(poller)
  t.raises("closed", poller.wait, poller, 0)
end)

t.beyond("a wake-up makes no garbage", function()
  local client, accepted = t.pair()
  local poller = socket.poller()
  poller:add(client, "w")
  for _ in poller:wait(5) do end
  collectgarbage()
  collectgarbage("stop")
  local before = collectgarbage("count")
  for _ = 1, 1000 do
    for _ in poller:wait(5) do end
  end
  local after = collectgarbage("count")
  collectgarbage("restart")
  t.truth(after - before < 2, "grew by " .. (after - before) .. " KiB")
  poller:close()
end)

t.done()
