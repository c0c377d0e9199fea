-- SPDX-License-Identifier: MIT
-- Peers that reset the connection in the middle of something.
local t = require "harness"
local hostile = require "hostile_peer"
local socket = t.socket

local ECONNRESET = t.ours and socket.errno.ECONNRESET
local EPIPE = t.ours and socket.errno.EPIPE

-- A client whose peer has sent this and then reset the connection.
local function cut_after(data, family)
  local client, peer = t.pair(family)
  t.works(peer:send(data))
  t.wait_readable(client)
  assert(peer:setoption("linger", { on = true, timeout = 0 }))
  peer:close()
  return client
end

-- Systems may drop what had come before the reset, but must not invent any.
local function reset_behind(sent, data, message, partial, number)
  t.equal(data, nil)
  t.equal(message, "closed")
  t.equal(partial, sent:sub(1, #partial))
  t.equal(number, ECONNRESET)
end

for _, pattern in ipairs { "*l", "L", 1000, 100000, "*a" } do
  t.beyond_each_family("in the middle of " .. pattern, function(family)
    local client = cut_after("half of it", family)
    reset_behind("half of it", client:receive(pattern))
    local again, message = client:receive(pattern)
    t.equal(again, nil)
    t.equal(message, "closed")
  end)
end

t.beyond("what came before the reset is not lost where the system keeps it", function()
  local client = cut_after("one\ntwo\nthr")
  if client:receive() == "one" then
    t.equal(client:receive(), "two")
    reset_behind("thr", client:receive())
  else
    t.skip("this system drops what came before a reset")
  end
end)

for _, pattern in ipairs { "*l", 1000, "*a" } do
  t.beyond("while " .. pattern .. " waits", function()
    local accepted = hostile.start("peer:send('part') socket.sleep(0.2) reset()")
    accepted:settimeout(30)
    local got = t.pack(t.takes(0, 25, function()
      return accepted:receive(pattern == "*l" and "*l" or pattern)
    end))
    reset_behind("part", t.unpack(got, 1, got.n))
  end)
end

-- As large as no buffer is.
local huge = ("0123456789abcdef"):rep(1048576)

local function lost(sent, message, last, number)
  t.equal(sent, nil)
  t.equal(message, "closed")
  t.within(t.integer(last), 0, #huge - 1)
  t.truth(number == ECONNRESET or number == EPIPE, "number " .. tostring(number))
end

t.beyond("in the middle of send", function()
  local client, peer = t.pair()
  client:settimeout(0)
  local sent, message, last = client:send(huge)
  t.equal(sent, nil)
  t.equal(message, "timeout")
  assert(peer:setoption("linger", { on = true, timeout = 0 }))
  peer:close()
  client:settimeout(10)
  lost(client:send(huge, last + 1))
  local fails, why = client:send("x")
  t.equal(fails, nil)
  t.equal(why, "closed")
end)

t.beyond("while send waits", function()
  local accepted = hostile.start("socket.sleep(0.2) reset()")
  accepted:settimeout(30)
  t.takes(0, 25, function() lost(accepted:send(huge)) end)
end)

t.beyond("while select and a poller wait", function()
  local accepted = hostile.start("socket.sleep(0.1) reset()")
  local ready = socket.select({ accepted }, nil, 30)
  t.equal(ready[1], accepted)
  local poller = socket.poller()
  t.works(poller:add(accepted, "r"))
  local seen
  for object in poller:wait(30) do seen = object end
  poller:close()
  t.equal(seen, accepted)
  reset_behind("", accepted:receive())
end)

if not t.ours then
  t.test("resets", function() t.skip("LuaSocket has no error numbers") end)
end
t.done()
