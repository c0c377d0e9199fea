-- SPDX-License-Identifier: MIT
-- Peers whose line never ends: maxsize bounds what is kept, and ends the call
-- as soon as it is reached.
local t = require "harness"
local hostile = require "hostile_peer"
local socket = t.socket

if not t.ours then
  t.test("maxsize", function() t.skip("this module has no maxsize") end)
  t.done()
end

-- As much as the system takes is under way, and then nothing more comes.
local flood = [[peer:send(("x"):rep(3000000))]] .. hostile.stay

for _, pattern in ipairs { "*l", "*L", "*a" } do
  t.test("a flood, " .. pattern, function()
    local accepted = hostile.start(flood)
    accepted:settimeout(30)
    for _ = 1, 10 do
      t.takes(0, 25, function()
        t.results({ nil, "oversized", ("x"):rep(100000), n = 3 },
          accepted:receive(pattern, "", 100000))
      end)
    end
  end)

  t.test("a few bytes more than the bound, then silence, " .. pattern, function()
    local accepted = hostile.start([[peer:send("123456")]] .. hostile.stay)
    -- a call that waited for more would wait for ever
    accepted:settimeout(30)
    t.takes(0, 25, function()
      t.results({ nil, "oversized", "12345", n = 3 }, accepted:receive(pattern, "", 5))
    end)
    t.equal((accepted:receive(1)), "6")
  end)
end

t.test("memory stays bounded", function()
  local accepted = hostile.start(flood)
  accepted:settimeout(30)
  collectgarbage()
  collectgarbage()
  local before = collectgarbage("count")
  for _ = 1, 2000 do
    local data, message, partial = accepted:receive("*l", "", 1000)
    t.truth(data == nil and message == "oversized" and #partial == 1000)
  end
  collectgarbage()
  collectgarbage()
  t.truth(collectgarbage("count") - before < 500, "memory is kept")
end)

t.test("a count that never comes costs little", function()
  local client, peer = t.pair()
  t.works(peer:send("few"))
  client:settimeout(0)
  t.wait_readable(client)
  collectgarbage()
  collectgarbage("stop")
  local before = collectgarbage("count")
  local data, message, partial = client:receive(2 ^ 40)
  local after = collectgarbage("count")
  collectgarbage("restart")
  t.equal(data, nil)
  t.equal(message, "timeout")
  t.equal(partial, "few")
  t.truth(after - before < 8192, "took " .. (after - before) .. " KiB")
end)

t.done()
