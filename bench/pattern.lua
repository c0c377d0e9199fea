-- SPDX-License-Identifier: MIT
--
-- pattern.lua: what is sent in the benchmark, as pattern.h has it, and what all
-- programs that are measured do alike: arguments, intervals, checks.

local byte, char, clock, find = string.byte, string.char, os.clock, string.find
local format, rep = string.format, string.rep

local pattern = {}

local SEGMENT = 4093

local segment
do
  local letters = {}
  for i = 0, SEGMENT - 1 do
    letters[i + 1] = char(byte("a") + (i * 7 + i // 26) % 26)
  end
  segment = table.concat(letters)
end

local function letters(size)
  if size <= SEGMENT then return segment:sub(1, size) end
  return rep(segment, size // SEGMENT) .. segment:sub(1, size % SEGMENT)
end

-- How many different pieces of a size there are before they start again.
local function period(size)
  return size < 65536 and 1048576 // size or 1
end

-- Piece number i of a size; a line comes without its LF.
function pattern.piece(size, i, line)
  local length = line and size - 1 or size
  return format("%08d", i) .. letters(length):sub(9)
end

-- Is this piece number i of a size?  Without another string of that size.
function pattern.check(data, size, i, line)
  local length = line and size - 1 or size
  if not data or #data ~= length then
    error(("piece %d of %d bytes: got %s bytes"):format(i, size,
                                                        data and #data))
  end
  local at = 1
  local expected = format("%08d", i % period(size)) .. segment:sub(9)
  while at <= length do
    local rest = length - at + 1
    if rest < SEGMENT then expected = expected:sub(1, rest) end
    if find(data, expected, at, true) ~= at then
      error(("piece %d of %d bytes: wrong from byte %d on"):format(i, size, at))
    end
    at = at + SEGMENT
    expected = segment
  end
end

-- The intervals that count: between pairs of calls of os.clock, which reads
-- the processor time of this process.  The driver finds them among the system
-- calls and the called functions as well.
local started, total = nil, 0

function pattern.start() started = clock() end

function pattern.stop()
  local now = clock()
  total = total + (now - started)
end

function pattern.report() print(format("cpu %.9f", total)) end

-- Resident memory of this process in bytes, where the system tells.
function pattern.resident()
  local file = io.open("/proc/self/smaps_rollup") or
               io.open("/proc/self/status")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  local kilobytes = text:match("Rss:%s*(%d+) kB") or
                    text:match("VmRSS:%s*(%d+) kB")
  return tonumber(kilobytes) * 1024
end

-- The shape of most workloads: a few operations that are fully checked, then
-- those that are measured and of which the cheap signs are checked.
function pattern.measure(operate, warm, count)
  operate(warm, true)
  pattern.start()
  operate(count, false)
  pattern.stop()
  pattern.report()
end

return pattern
