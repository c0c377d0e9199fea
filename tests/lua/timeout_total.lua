-- SPDX-License-Identifier: MIT
-- The total timeout bounds the whole call, also while data keeps flowing.
local t = require "harness"
local socket = t.socket

-- Floods us until the connection ends.
local function flooded()
  return t.peer_process([[
    local block = ("x"):rep(262144)
    repeat until not peer:send(block)
  ]])
end

t.beyond("a flood does not keep receive going", function()
  for _, pattern in ipairs { "*a", "*l", 2 ^ 40 } do
    local accepted = flooded()
    -- not before it has begun
    t.truth(socket.select({ accepted }, nil, 20)[1] == accepted)
    accepted:settimeout(0.1, "t")
    t.takes(0.1, 20, function()
      local all, err, part = accepted:receive(pattern)
      t.equal(all, nil)
      t.equal(err, "timeout")
      t.truth(#part > 0)
    end)
  end
end)

t.beyond("a line without end is given up on in time", function()
  -- More is there than the library looks at in one turn.
  local client, accepted = t.pair()
  client:settimeout(0)
  for _ = 1, 20 do
    socket.sleep(0.01)
    if not client:send(("x"):rep(1000000)) then break end
  end
  accepted:settimeout(1e-9, "t")
  local line, err, part = accepted:receive("*l")
  t.equal(line, nil)
  t.equal(err, "timeout")
  t.within(#part, 0, 131072)
end)

t.beyond("with a block limit as well", function()
  local accepted = flooded()
  accepted:settimeout(0.1, "t")
  accepted:settimeout(3, "b")
  t.takes(0.1, 4, function()
    local all, err = accepted:receive("*a")
    t.equal(all, nil)
    t.equal(err, "timeout")
  end)
end)

t.beyond("each call has the whole limit for itself", function()
  local client, accepted = t.pair()
  accepted:settimeout(0.05, "t")
  for _ = 1, 3 do
    t.takes(0.05, 2, function() t.fails("timeout", accepted:receive()) end)
  end
  t.works(client:send("x\n"))
  t.equal((accepted:receive()), "x")
end)

t.test("a total limit alone ends a silence", function()
  local client, accepted = t.pair()
  accepted:settimeout(0.05, "t")
  t.takes(0.05, 2, function() t.results({ nil, "timeout", "", n = 3 }, accepted:receive()) end)
  client:close()
end)

t.test("the smaller limit decides", function()
  local client, accepted = t.pair()
  accepted:settimeout(0.05, "b")
  accepted:settimeout(5, "t")
  t.takes(0.05, 2, function() t.fails("timeout", accepted:receive(1)) end)
  accepted:settimeout(5, "b")
  accepted:settimeout(0.05, "t")
  t.takes(0.05, 2, function() t.fails("timeout", accepted:receive(1)) end)
  client:close()
end)

t.test("send is bounded too", function()
  local client, accepted = t.pair()
  client:settimeout(0.05, "t")
  local block = ("x"):rep(32 * 1024 * 1024)
  t.takes(0.05, 5, function()
    local last, err, reached = client:send(block)
    t.equal(last, nil)
    t.equal(err, "timeout")
    t.within(reached, 1, #block - 1)
  end)
  accepted:close()
end)

t.done()
