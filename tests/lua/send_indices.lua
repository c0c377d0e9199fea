-- SPDX-License-Identifier: MIT
-- send(data, i, j): the indices work exactly like those of string.sub.
local t = require "harness"

local data = "0123456789"

-- Sends and reads back what came through; the end marker shows it is all.
local function through(client, accepted, ...)
  local last = t.works(client:send(data, ...))
  t.works(client:send("\n"))
  return (accepted:receive()), last
end

t.test("a table of usual indices", function()
  local client, accepted = t.pair()
  local cases = {
    { n = 1, 1, want = 10 }, { n = 2, 1, 10, want = 10 }, { n = 2, 3, 6, want = 6 },
    { n = 1, 4, want = 10 }, { n = 2, 5, 5, want = 5 }, { n = 1, -3, want = 10 },
    { n = 2, -3, -2, want = 9 }, { n = 2, 2, -2, want = 9 }, { n = 2, -100, 4, want = 4 },
    { n = 2, 0, 3, want = 3 }, { n = 2, 8, 100, want = 10 }, { n = 2, "3", "6", want = 6 },
    { n = 2, nil, 4, want = 4 }, { n = 2, 3, nil, want = 10 }, { n = 2, nil, nil, want = 10 },
  }
  for number, case in ipairs(cases) do
    local got, last = through(client, accepted, t.unpack(case, 1, case.n))
    local first = case[1] == nil and 1 or tonumber(case[1])
    t.equal(got, data:sub(first, case[2] == nil and -1 or tonumber(case[2])), "case " .. number)
    t.equal(last, case.want, "case " .. number)
  end
end)

t.test("nothing selected: the result is the index before", function()
  local client, accepted = t.pair()
  local got, last = through(client, accepted, 6, 5)
  t.equal(got, "")
  t.equal(last, 5)
end)

t.beyond("every pair of small indices", function()
  local client, accepted = t.pair()
  for i = -12, 12 do
    for j = -12, 12 do
      local got, last = through(client, accepted, i, j)
      if got ~= data:sub(i, j) then t.equal(got, data:sub(i, j), i .. "," .. j) end
      if #got > 0 then
        local first = i < 0 and math.max(#data + i + 1, 1) or math.max(i, 1)
        t.equal(last, first + #got - 1, i .. "," .. j)
      end
    end
  end
end)

t.beyond("huge and infinite indices", function()
  local client, accepted = t.pair()
  local cases = {
    { 1, math.huge, data }, { 1, 2 ^ 63, data }, { 1, 1e300, data }, { -math.huge, 3, "012" },
    { -2 ^ 63, 3, "012" }, { 3, math.huge, "23456789" }, { -1e300, math.huge, data },
    { math.huge, math.huge, "" }, { 2 ^ 63, -1, "" }, { 1, -math.huge, "" },
    { 11, 20, "" }, { 100, -1, "" },
  }
  for number, case in ipairs(cases) do
    t.equal((through(client, accepted, case[1], case[2])), case[3], "case " .. number)
  end
end)

t.beyond("NaN raises or selects nothing, and sends no byte", function()
  local client, accepted = t.pair()
  for _, indices in ipairs { { 0 / 0 }, { 1, 0 / 0 } } do
    pcall(client.send, client, data, indices[1], indices[2])
    t.works(client:send("\n"))
    t.equal((accepted:receive()), "")
  end
end)

t.test("an interrupted send goes on behind the index that failed it", function()
  local client, accepted = t.pair()
  client:settimeout(0)
  accepted:settimeout(0)
  local parts = {}
  for i = 1, 60000 do parts[i] = "number " .. i .. ";" end
  local long = "skipped" .. table.concat(parts) .. "not sent"
  local first, last = 8, #long - 8
  local got, size, want = {}, 0, last - first + 1
  local sent = first - 1
  while size < want do
    if sent < last then
      local done, err, reached = client:send(long, sent + 1, last)
      if not done then t.equal(err, "timeout") end
      sent = t.within(done or reached, sent, last)
    end
    local bytes, err, part = accepted:receive(math.min(10000, want - size))
    if not bytes then t.equal(err, "timeout") end
    bytes = bytes or part
    got[#got + 1] = bytes
    size = size + #bytes
  end
  t.truth(table.concat(got) == long:sub(first, last), "content")
  t.fails("timeout", accepted:receive(1))
end)

t.done()
