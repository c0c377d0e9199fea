-- SPDX-License-Identifier: MIT
-- Loops over partial results: whatever the pieces, no byte is lost or doubled.
local t = require "harness"

local seed = 20240611
local function random(n)
  seed = (seed * 16807) % 2147483647
  return seed % n + 1
end

-- Sends data in random pieces, and reads it with the pattern and the loop that
-- the manual describes.
local function exchange(data, reader)
  local client, accepted = t.pair()
  client:settimeout(0)
  accepted:settimeout(0)
  local results, sent, part = {}, 0, ""
  local ended = false
  for _ = 1, 100000 do
    if sent < #data then
      local last, err, reached = client:send(data, sent + 1, math.min(sent + random(40), #data))
      if not last then t.equal(err, "timeout") end
      sent = last or reached
    elseif not ended then
      ended = true
      client:close()
    end
    local got, err
    got, err, part = reader(accepted, part)
    if got then
      results[#results + 1] = got
      part = ""
    elseif err == "closed" then
      results[#results + 1] = "(" .. part .. ")"
      break
    else
      t.equal(err, "timeout")
    end
    if ended then accepted:settimeout(5) end
  end
  return results
end

t.test("lines in random pieces", function()
  local lines, want = {}, {}
  for i = 1, 300 do
    local line = ("abcdefghijklmnopqrstuvwxyz"):rep(4):sub(1, random(90) - 1)
    if random(5) == 1 then line = line .. "\r" end
    lines[i] = line .. (random(2) == 1 and "\r\n" or "\n")
    want[i] = line:gsub("\r", "")
  end
  local got = exchange(table.concat(lines) .. "tail", function(accepted, part)
    return accepted:receive("*l", part)
  end)
  t.equal(#got, #want + 1)
  for i = 1, #want do t.equal(got[i], want[i]) end
  t.equal(got[#got], "(tail)")
end)

t.test("counts in random pieces", function()
  local data = {}
  for i = 1, 5000 do data[i] = string.char(random(256) - 1) end
  data = table.concat(data)
  local got = exchange(data, function(accepted, part) return accepted:receive(37, part) end)
  got[#got] = got[#got]:sub(2, -2)
  t.equal(#table.concat(got), #data)
  t.truth(table.concat(got) == data, "content")
  for i = 1, #got - 1 do t.equal(#got[i], 37) end
end)

t.test("everything in random pieces", function()
  local data = {}
  for i = 1, 5000 do data[i] = string.char(random(256) - 1) end
  data = table.concat(data)
  local got = exchange(data, function(accepted, part) return accepted:receive("*a", part) end)
  -- The end may come with the last bytes or in a call of its own.
  if #got == 2 then
    t.equal(got[2], "()")
  else
    t.equal(#got, 1)
    got[1] = got[1]:sub(2, -2)
  end
  t.truth(got[1] == data, "content")
end)

t.beyond("whatever is there, in random pieces", function()
  local data = {}
  for i = 1, 5000 do data[i] = string.char(random(256) - 1) end
  data = table.concat(data)
  local got = exchange(data, function(accepted)
    local bytes, err = accepted:receiveany(17)
    return bytes, err, ""
  end)
  got[#got] = nil
  t.truth(table.concat(got) == data, "content")
end)

t.done()
