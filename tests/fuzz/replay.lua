-- SPDX-License-Identifier: MIT
--
-- replay.lua: gives the targets that are written in Lua each input of their
-- corpus.  What libFuzzer has found is looked at, in the build directory, with
--   tests/lua-run SOURCE/tests/fuzz/replay.lua TARGET FILE
local here = arg[0]:match("^(.*/)") or "./"
package.path = here .. "?.lua;" .. package.path
local t = require "harness"

local targets = { "receive", "send", "surface", "proxy" }

if not t.ours then
  t.test("replay", function() t.skip("the targets are for this module alone") end)
  t.done()
end

local function from_hex(line)
  return (line:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function replay(target, path)
  local run = require(target)
  local number = 0
  for line in io.lines(path) do
    number = number + 1
    local good, problem = xpcall(function() run(from_hex(line)) end, debug.traceback)
    if not good then
      error(("%s, input %d, %s: %s"):format(path, number, line, tostring(problem)), 0)
    end
  end
  t.truth(number > 0, "the corpus is empty")
end

if arg[1] then
  t.test(arg[2], function()
    local file = assert(io.open(arg[2], "rb"))
    local data = file:read("*a")
    file:close()
    require(arg[1])(data)
    t.truth(true)
  end)
  t.done()
end

for _, target in ipairs(targets) do
  t.test(target, function() replay(target, here .. "corpus/" .. target .. ".hex") end)
end
t.done()
