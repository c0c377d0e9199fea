-- SPDX-License-Identifier: MIT
-- Several MiB both ways at once in one process, with limit 0 and select.
local t = require "harness"
local socket = t.socket

-- A stream of bytes without a short period.
local function noise(size, seed)
  local parts, state = {}, seed
  for i = 1, math.ceil(size / 7) do
    state = (state * 16807) % 2147483647
    parts[i] = ("%07x"):format(state % 268435456)
  end
  return table.concat(parts):sub(1, size)
end

local function exchange(family, size, step)
  local client, accepted = t.pair(family)
  local ends = {
    { socket = client, data = noise(size, 42), sent = 0, got = {}, count = 0 },
    { socket = accepted, data = noise(size, 4242), sent = 0, got = {}, count = 0 },
  }
  local by_socket = {}
  for _, e in ipairs(ends) do
    e.socket:settimeout(0)
    by_socket[e.socket] = e
  end
  local limit = t.clock() + 60
  while t.clock() < limit do
    local readers, writers = {}, {}
    for _, e in ipairs(ends) do
      if e.count < size then readers[#readers + 1] = e.socket end
      if e.sent < size then writers[#writers + 1] = e.socket end
    end
    if #readers == 0 then break end
    local r, w, err = socket.select(readers, writers, 10)
    t.equal(err, nil)
    for _, o in ipairs(w) do
      local e = by_socket[o]
      local last, why, reached = o:send(e.data, e.sent + 1)
      if not last then t.equal(why, "timeout") end
      e.sent = last or reached
    end
    for _, o in ipairs(r) do
      local e = by_socket[o]
      local bytes, why, part = o:receive(math.min(step, size - e.count))
      if not bytes then t.equal(why, "timeout") end
      bytes = bytes or part
      e.got[#e.got + 1] = bytes
      e.count = e.count + #bytes
    end
  end
  t.equal(ends[1].count, size)
  t.equal(ends[2].count, size)
  t.truth(table.concat(ends[1].got) == ends[2].data, "one way")
  t.truth(table.concat(ends[2].got) == ends[1].data, "the other way")
  local received, sent = client:getstats()
  t.equal(received, size)
  t.equal(sent, size)
end

t.each_family("in large steps", function(family) exchange(family, 3 * 1024 * 1024, 262144) end)
t.each_family("in odd steps", function(family) exchange(family, 1024 * 1024 + 13, 7919) end)

t.done()
