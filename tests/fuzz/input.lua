-- SPDX-License-Identifier: MIT
--
-- input.lua: what the fuzzing targets in Lua share: reading the input, whose
-- bytes decide everything, and connected pairs.  A target is a module that
-- returns a function of one input; it raises an error when it finds something.

local socket = require "socket"

local input = {}
input.__index = input

function input.new(data)
  return setmetatable({ data = data, at = 1 }, input)
end

function input:more()
  return self.at <= #self.data
end

-- The next byte; 0 beyond the end.
function input:byte()
  local byte = self.data:byte(self.at) or 0
  self.at = self.at + 1
  return byte
end

function input:chance(one_in)
  return self:byte() % one_in == 0
end

function input:pick(list)
  return list[self:byte() % #list + 1]
end

-- The same for what may be nil.
function input:one_of(...)
  return (select(self:byte() % select("#", ...) + 1, ...))
end

function input:bytes(count)
  local bytes = self.data:sub(self.at, self.at + count - 1)
  self.at = self.at + count
  return bytes
end

-- Mostly small, now and then up to 131,071.
function input:size()
  local first = self:byte()
  if first < 192 then return first end
  local second = self:byte()
  if first < 250 then return (first - 192) * 256 + second end
  return first % 2 * 65536 + second * 256 + self:byte()
end

-- Some bytes as they are, or many times the same few.
function input:text()
  if self:chance(2) then return self:bytes(self:byte() % 64) end
  local period = self:bytes(1 + self:byte() % 4)
  if period == "" then return "" end
  local size = self:size()
  return period:rep(math.ceil(size / #period)):sub(1, size)
end

-- Two connected objects, without limits.
function input.pair()
  local server = assert(socket.tcp4())
  -- of thousands of connections some are not quite over
  assert(server:setoption("reuseaddr", true))
  assert(server:bind("127.0.0.1", 0))
  assert(server:listen())
  local host, port = server:getsockname()
  local client = assert(socket.connect(host, port))
  local accepted = assert(server:accept())
  server:close()
  return client, accepted
end

function input.claim(condition, ...)
  if condition then return end
  local words = {}
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if type(value) == "string" and #value > 200 then
      value = value:sub(1, 200) .. "... (" .. #value .. " bytes)"
    end
    words[i] = type(value) == "string" and ("%q"):format(value) or tostring(value)
  end
  error(table.concat(words, " "), 2)
end

return input
