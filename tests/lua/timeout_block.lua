-- SPDX-License-Identifier: MIT
-- The block timeout is the longest single wait: progress starts it again.
local t = require "harness"
local socket = t.socket

local trickle = [[
  for i = 1, 8 do socket.sleep(0.12); peer:send(tostring(i)) end
  peer:send("\n")
  peer:receive()
]]

-- Eight waits of 0.12 s are longer than the limit together, not one by one.
t.beyond("bytes that keep coming keep receive going", function()
  for _, pattern in ipairs { "*l", 8, "L" } do
    local accepted = t.peer_process(trickle)
    accepted:settimeout(0.9)
    t.takes(0.91, 20, function()
      local got = t.works(accepted:receive(pattern))
      t.equal(got:sub(1, 8), "12345678")
    end)
  end
end)

t.beyond("the same on a shared descriptor", function()
  local accepted = t.peer_process(trickle)
  t.truth(accepted:getfd() >= 0)
  accepted:settimeout(0.9)
  t.takes(0.91, 20, function() t.equal((accepted:receive()), "12345678") end)
end)

t.beyond("a gap that is longer ends it, with what has come", function()
  local accepted = t.peer_process([[
    peer:send("ab"); socket.sleep(0.05); peer:send("cd")
    peer:receive()
  ]])
  accepted:settimeout(0.3)
  t.takes(0.3, 10, function()
    t.results({ nil, "timeout", "abcd", n = 3 }, accepted:receive())
  end)
end)

t.beyond("block and total together: the total is the hard bound", function()
  local accepted = t.peer_process(trickle)
  accepted:settimeout(5)
  accepted:settimeout(0.15, "t")
  t.takes(0.15, 5, function()
    local line, err, part = accepted:receive()
    t.equal(line, nil)
    t.equal(err, "timeout")
    t.truth(#part < 8)
  end)
end)

t.beyond("block and total together: the block limit still ends a silence", function()
  local accepted = t.peer_process("peer:receive()")
  accepted:settimeout(0.05)
  accepted:settimeout(8, "t")
  t.takes(0.05, 4, function() t.fails("timeout", accepted:receive()) end)
end)

t.beyond("a reader that keeps reading keeps send going", function()
  local accepted = t.peer_process([[
    local count = 0
    repeat
      socket.sleep(0.06)
      local bytes = peer:receive(1000000)
      count = count + #(bytes or "")
    until not bytes or count >= 40000000
    peer:send(count .. "\n")
    peer:receive()
  ]])
  -- Thirty times 0.06 s at least, buffers taken off, of which each wait is a part.
  accepted:settimeout(0.9)
  t.takes(0.91, 100, function() t.equal((accepted:send(("x"):rep(40000000))), 40000000) end)
  accepted:settimeout(10)
  t.equal((accepted:receive()), "40000000")
end)

if not t.ours then
  t.test("block timeout", function() t.skip("LuaSocket takes the block timeout as a total one") end)
end
t.done()
