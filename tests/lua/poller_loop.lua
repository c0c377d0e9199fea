-- SPDX-License-Identifier: MIT
-- The loop over socket.poller's wait: left early, and what happens inside it.
local t = require "harness"
local socket = t.socket

-- As many connections with something to read: accepted objects, their peers.
local function readable(count)
  local accepted, peers = {}, {}
  for i = 1, count do
    peers[i], accepted[i] = t.pair()
    t.works(peers[i]:send("x"))
    t.wait_readable(accepted[i])
  end
  return accepted, peers
end

-- An object of others for one of ours.
local function wrap(object, dirty)
  return { getfd = function() return object:getfd() end, dirty = dirty }
end

-- The value of the first that a wait gives, as a loop does that is left then.
local function first(poller)
  local give, state = poller:wait(5)
  local _, _, value = give(state)
  return value
end

-- How often each value was given until a wait gave nothing.
local function rest(poller, max)
  local seen = {}
  for _ = 1, 50 do
    local any = false
    for _, _, value in poller:wait(0, max) do
      any = true
      seen[value] = (seen[value] or 0) + 1
    end
    if not any then return seen end
  end
  error("reported without end", 2)
end

local function each_once(seen, count)
  for i = 1, count do t.equal(seen[i], 1, "of " .. i) end
end

-- ---- One shots and loops that are left early --------------------------------

local function one_shots(count)
  local poller, accepted, peers = socket.poller(), readable(count)
  for i, object in ipairs(accepted) do
    t.equal(poller:add(object, "r1", i), 1)
  end
  return poller, accepted, peers
end

-- A loop is left behind its first turn; the next one gives the others.
local function leave_and_go_on(poller, count)
  local given = t.truth(first(poller))
  local seen = rest(poller)
  t.equal(seen[given], nil)
  seen[given] = 1
  each_once(seen, count)
end

t.beyond("one shots that a loop did not give are given by the next", function()
  local poller, accepted, peers = one_shots(4)
  leave_and_go_on(poller, 4)
  poller:close()
end)

t.beyond("the same after an error in the loop", function()
  local poller, accepted, peers = one_shots(4)
  local seen = {}
  for _ = 1, 4 do
    t.raises("from the loop", function()
      for _, _, value in poller:wait(5) do
        seen[value] = (seen[value] or 0) + 1
        error("from the loop")
      end
    end)
  end
  each_once(seen, 4)
  t.equal(next(rest(poller)), nil)
  poller:close()
end)

t.beyond("the same after a loop inside the loop", function()
  local poller, accepted, peers = one_shots(4)
  local seen, outer = {}, 0
  for _, _, value in poller:wait(5) do
    outer = outer + 1
    seen[value] = (seen[value] or 0) + 1
    for _, _, inner in poller:wait(0) do
      seen[inner] = (seen[inner] or 0) + 1
    end
  end
  t.equal(outer, 1)
  each_once(seen, 4)
  t.equal(next(rest(poller)), nil)
  poller:close()
end)

t.beyond("the same for objects of others", function()
  local poller, accepted, peers = socket.poller(), readable(4)
  for i, object in ipairs(accepted) do
    -- two that the system reports, and two that say so themselves besides
    local dirty = i > 2 and function() return true end
    t.equal(poller:add(wrap(object, dirty), "r1", i), 1)
  end
  leave_and_go_on(poller, 4)
  poller:close()
end)

t.beyond("armed again before its turn: given once for that", function()
  local poller, accepted, peers = one_shots(2)
  local seen = {}
  for object, _, value in poller:wait(5) do
    seen[value] = (seen[value] or 0) + 1
    if not seen.changed then
      seen.changed = true
      t.equal(poller:modify(accepted[3 - value], "r1"), 1)
    end
  end
  t.equal(next(rest(poller)), nil)
  each_once(seen, 2)
  poller:close()
end)

t.beyond("a one shot of others is not given for the rest of its input", function()
  local poller, accepted, peers = socket.poller(), readable(1)
  local asked = 0
  local wrapper = wrap(accepted[1], function()
    asked = asked + 1
    return asked > 1
  end)
  t.equal(poller:add(wrapper, "r1", 1), 1)
  each_once(rest(poller), 1)
  t.equal(poller:modify(wrapper, "r1"), 1)
  each_once(rest(poller), 1)
  poller:close()
end)

t.beyond("a wait in a method dirty", function()
  local poller, accepted, peers = one_shots(3)
  local client, idle = t.pair()
  local inside
  t.equal(poller:add(wrap(idle, function()
    if inside then return false end
    inside = true
    first(poller)
    return true
  end), "", "idle"), 1)
  local seen = {}
  for _ = 1, 3 do
    for _, _, value in poller:wait(0) do
      seen[value] = (seen[value] or 0) + 1
    end
  end
  local count = 0
  for _ in pairs(seen) do count = count + 1 end
  t.equal(count, 2) -- the one that the other loop was given, and not this one
  poller:close()
end)

-- ---- Objects that were closed ---------------------------------------------

local function count_left(weak)
  collectgarbage()
  collectgarbage()
  local count = 0
  for _ in pairs(weak) do count = count + 1 end
  return count
end

t.beyond("closed objects are let go whatever becomes of the loops", function()
  local poller = socket.poller()
  local weak = setmetatable({}, { __mode = "k" })
  -- one with buffered input is given before them
  local client, busy = t.pair()
  t.works(client:send("one\ntwo\n"))
  t.equal((busy:receive()), "one")
  t.equal(poller:add(busy, "r"), 1)
  for _ = 1, 20 do
    local a, b = t.pair()
    weak[a] = true
    t.equal(poller:add(a, "r", {}), 1)
    a:close()
    first(poller)
  end
  t.equal(count_left(weak), 0)
  poller:close()
end)

t.beyond("a closed poller keeps no objects and values", function()
  local poller = socket.poller()
  local weak = setmetatable({}, { __mode = "k" })
  do
    local a, b = t.pair()
    local value = {}
    weak[a], weak[value] = true, true
    t.equal(poller:add(a, "r", value), 1)
  end
  t.equal(count_left(weak), 2)
  t.equal(poller:close(), 1)
  t.equal(count_left(weak), 0)
  t.equal(poller:close(), 1)
end)

t.beyond("a wait is not over because an object was closed", function()
  local poller = socket.poller()
  local client, accepted = t.pair()
  t.equal(poller:add(client, "r"), 1)
  client:close()
  local turns = 0
  t.takes(0.05, 5, function()
    for _ in poller:wait(0.05) do turns = turns + 1 end
  end)
  t.equal(turns, 0)
  poller:close()
end)

t.beyond("closed objects do not count for max", function()
  local poller = socket.poller()
  local accepted, peers = readable(3)
  t.equal(poller:add(accepted[1], "r", 1), 1)
  t.equal(poller:add(accepted[2], "r", 2), 1)
  t.equal(poller:add(accepted[3], "r", 3), 1)
  accepted[1]:close()
  accepted[2]:close()
  local turns = 0
  for _, _, value in poller:wait(0, 1) do
    turns = turns + 1
    t.equal(value, 3)
  end
  t.equal(turns, 1)
  poller:close()
end)

-- ---- Objects that are closed and changed inside the loop --------------------

-- The one that is given first does something to the other one.
local function in_the_loop(events, what)
  local poller, accepted, peers = socket.poller(), readable(2)
  for i, object in ipairs(accepted) do
    t.equal(poller:add(object, events, i), 1)
  end
  local list = {}
  for _, given, value in poller:wait(5) do
    list[#list + 1] = given
    if #list == 1 then what(poller, accepted[3 - value]) end
  end
  return list, poller, accepted, peers
end

t.beyond("what was closed is not given", function()
  for _, events in ipairs { "r", "rw", "r1" } do
    local list, poller = in_the_loop(events, function(_, other)
      other:close()
    end)
    t.equal(#list, 1)
    poller:close()
  end
end)

t.beyond("what is not wanted any more is not given", function()
  for _, once in ipairs { "", "1" } do
    local list, poller = in_the_loop("r" .. once, function(poller, other)
      t.equal(poller:modify(other, "w" .. once), 1)
    end)
    t.equal(#list, 1)
    local written = 0
    for _, given in poller:wait(5) do
      if given == "w" then written = written + 1 end
    end
    t.equal(written, 1)
    poller:close()
    list, poller = in_the_loop("rw" .. once, function(poller, other)
      t.equal(poller:modify(other, "w" .. once), 1)
    end)
    t.equal(list[1], "rw")
    t.equal(list[2], "w")
    poller:close()
    list, poller = in_the_loop("r" .. once, function(poller, other)
      t.equal(poller:modify(other, ""), 1)
    end)
    t.equal(#list, 1)
    poller:close()
  end
end)

t.beyond("what was removed and added again waits for the next loop", function()
  local list, poller = in_the_loop("r", function(poller, other)
    t.equal(poller:remove(other), 1)
    t.equal(poller:add(other, "w", "again"), 1)
  end)
  t.equal(#list, 1)
  local again
  for _, given, value in poller:wait(5) do
    if value == "again" then again = given end
  end
  t.equal(again, "w")
  poller:close()
end)

-- ---- Buffered input and the others ------------------------------------------

-- Connections that all have more lines in their buffers than are read here.
local function buffered(count)
  local accepted, peers = {}, {}
  for i = 1, count do
    peers[i], accepted[i] = t.pair()
    t.works(peers[i]:send(("line\n"):rep(1000)))
    t.equal((accepted[i]:receive()), "line")
    t.equal(accepted[i]:dirty(), true)
  end
  return accepted, peers
end

-- How often each was given in so many waits, one line being read each time.
local function turns(poller, waits, max)
  local seen = {}
  for _ = 1, waits do
    local count = 0
    for object, _, value in poller:wait(5, max) do
      count = count + 1
      seen[value] = (seen[value] or 0) + 1
      if type(value) == "number" then object:receive() end
    end
    t.truth(count >= 1 and count <= max, "as many as may be")
  end
  return seen
end

local function nobody_starves(wrapped, max)
  local poller = socket.poller()
  local accepted, peers = buffered(6)
  for i, object in ipairs(accepted) do
    local member = object
    if wrapped then
      member = wrap(object, function() return true end)
      function member.receive() end
    end
    t.equal(poller:add(member, "r", i), 1)
  end
  local client, quiet = t.pair()
  t.works(client:send("x"))
  t.equal(poller:add(quiet, "r", "quiet"), 1)
  local server, host, port = t.server()
  local visitor = t.works(socket.connect(host, port))
  t.equal(poller:add(server, "r", "server"), 1)
  local seen = turns(poller, 24, max)
  t.truth((seen.quiet or 0) > 1, "fresh input is seen")
  t.truth((seen.server or 0) > 1, "a server is seen")
  for i = 1, 6 do t.truth((seen[i] or 0) > 1, "seen " .. i) end
  poller:close()
end

for _, max in ipairs { 1, 2, 3, 5, 256 } do
  t.beyond("buffered input keeps nobody from its turn, max " .. max, function()
    nobody_starves(false, max)
  end)
  t.beyond("nor do dirty objects of others, max " .. max, function()
    nobody_starves(true, max)
  end)
end

t.beyond("those with buffered input fill all the room there is", function()
  local poller = socket.poller()
  local accepted, peers = buffered(6)
  for i, object in ipairs(accepted) do poller:add(object, "r", i) end
  for _ = 1, 4 do
    local count = 0
    for _ in poller:wait(5, 4) do count = count + 1 end
    t.equal(count, 4)
  end
  poller:close()
end)

t.beyond("buffered input does not hide that more can be written", function()
  local accepted, peers = buffered(3)
  for _, max in ipairs { 1, 2, 3, 256 } do
    for _, events in ipairs { "rw", "rw1" } do
      local poller = socket.poller()
      for i, object in ipairs(accepted) do
        t.equal(poller:add(object, events, i), 1)
      end
      for _ = 1, events == "rw" and 6 or 1 do
        for _, given in poller:wait(5, max) do t.equal(given, "rw") end
      end
      poller:close()
    end
  end
end)

-- ---- Numbers that come back -------------------------------------------------

t.beyond("what closes its connection by itself takes no other along", function()
  local poller = socket.poller()
  local client, accepted = t.pair()
  local number = accepted:getfd()
  local source = socket.source("until-closed", accepted)
  t.equal(poller:add(source, "r", "source"), 1)
  t.works(client:send("bye"))
  client:close()
  local fresh, peer
  for _, _, value in poller:wait(5) do
    t.equal(value, "source")
    repeat until not source()
    local kept = {}
    repeat -- the number may be given to either end
      local a, b = t.pair()
      kept[#kept + 1] = { a, b }
      if a:getfd() == number then fresh, peer = a, b end
      if b:getfd() == number then fresh, peer = b, a end
    until fresh or #kept == 20
    t.truth(fresh, "the number is used again")
    t.equal(poller:add(fresh, "r", "fresh"), 1)
    t.equal(poller:remove(source), 1)
  end
  t.works(peer:send("x"))
  local seen = {}
  for _, _, value in poller:wait(5) do seen[#seen + 1] = value end
  t.equal(#seen, 1)
  t.equal(seen[1], "fresh")
  poller:close()
end)

t.beyond("two objects with one descriptor wait for their time", function()
  local poller = socket.poller()
  local client, accepted = t.pair()
  local theirs, other = t.pair()
  t.equal(poller:add(accepted, "r", "accepted"), 1)
  t.equal(poller:add(other, "r", "other"), 1)
  local old = other:getfd()
  other:setfd(accepted:getfd())
  t.takes(0.05, 5, function()
    for _ in poller:wait(0.05) do error("nothing is ready") end
  end)
  other:setfd(old)
  t.works(theirs:send("x"))
  for _, _, value in poller:wait(5) do t.equal(value, "other") end
  poller:close()
end)

t.done()
