-- SPDX-License-Identifier: MIT
-- Results of many MiB: whole, one after another and one inside another, and
-- without anything that stays behind.
local t = require "harness"
local socket = t.socket

local MIB = 1048576
local LARGE = 33 * MIB -- from 32 MiB on memory is kept for the next result

-- Resident memory in bytes, where the system tells.
local function resident()
  local file = io.open "/proc/self/statm"
  local pages = file and file:read "*l":match "^%d+ (%d+)"
  if file then file:close() end
  return pages and tonumber(pages) * 4096
end

local at_first = resident()

-- A peer that sends one string after another and closes.
local function sender(pieces)
  return t.peer_process(([[
    for unit, size in ("%s"):gmatch("(%%a+)(%%d+)") do
      assert(peer:send((unit:rep(size / #unit))))
    end
  ]]):format(table.concat(pieces)))
end

-- first, before the heap is in use
t.beyond("what the memory is kept for is collected with the rest", function()
  if not at_first then t.skip("the system does not tell of memory") end
  if os.getenv "LUATCP_PRELOAD" then t.skip("a sanitizer keeps what was freed") end
  local o = sender { "abc" .. LARGE, "d" .. LARGE }
  o:settimeout(60)
  for _ = 1, 2 do t.equal(#t.works(o:receive(LARGE)), LARGE) end
  collectgarbage()
  collectgarbage()
  t.within(resident() - at_first, -math.huge, 16 * MIB)
end)

local function same(got, unit, size, what)
  t.equal(#got, size, what)
  t.truth(got == unit:rep(size / #unit), what)
end

t.test("one after another: each is what was sent", function()
  local o = sender {
    "abc" .. LARGE, "x" .. 10000, "defg" .. LARGE + 4 * MIB, "hi" .. LARGE,
  }
  o:settimeout(60)
  same(t.works(o:receive(LARGE)), "abc", LARGE, "the first")
  same(t.works(o:receive(10000)), "x", 10000, "a small one")
  same(t.works(o:receive(LARGE + 4 * MIB)), "defg", LARGE + 4 * MIB, "a larger one")
  same(t.works(o:receive("*a")), "hi", LARGE, "until closed")
end)

t.test("a partial result is whole, and its prefix is not lost", function()
  local o = sender { "abc" .. LARGE }
  o:settimeout(60)
  local data, err, part = o:receive(LARGE + 1)
  t.equal(data, nil)
  t.equal(err, "closed")
  same(part, "abc", LARGE)
  data, err, part = o:receive(LARGE + 1, part)
  t.equal(err, "closed")
  same(part, "abc", LARGE)
end)

local function at_collection(f)
  if newproxy then
    getmetatable(newproxy(true)).__gc = f
  else
    setmetatable({}, { __gc = f })
  end
end

-- How fast the collector is; returns how fast it was.
local function set_speed(multiplier)
  local good, before = pcall(collectgarbage, "setstepmul", multiplier)
  if good then return before end
  return collectgarbage("param", "stepmul", multiplier) -- Lua 5.5
end

t.test("one inside another, in a finalizer", function()
  local outer, inner = sender { "abc" .. LARGE, "def" .. LARGE }, sender { "uvwx" .. LARGE }
  outer:settimeout(60)
  inner:settimeout(60)
  local got
  -- the string that is made for the outer result runs a whole cycle of the
  -- collector, on some Luas before it has the bytes
  collectgarbage "stop"
  local speed = set_speed(10000000)
  local good, err = pcall(function()
    t.works(outer:receive(LARGE))
    at_collection(function() got = inner:receive(LARGE) end)
    collectgarbage "restart"
    return outer:receive(LARGE)
  end)
  collectgarbage "restart"
  set_speed(speed)
  same(t.truth(good and err, err), "def", LARGE, "outer")
  collectgarbage()
  same(got, "uvwx", LARGE, "inner")
end)

t.done()
