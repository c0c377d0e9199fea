-- SPDX-License-Identifier: MIT
-- newtry, protect, try, skip, choose: the exceptions of the drop-in surface.
local t = require "harness"
local socket = t.socket
local newtry, protect, try = socket.newtry, socket.protect, socket.try

t.test("try passes on what is no failure, all of it", function()
  t.results({ 1, nil, "x", n = 3 }, newtry()(1, nil, "x"))
  t.results({ 1, nil, n = 2 }, try(1, nil))
  t.results({ 0 }, try(0))
  t.results({ "" }, try(""))
end)

t.test("protect turns a failure of try into nil and its message", function()
  local f = protect(function() try(nil, "the message") return "not reached" end)
  t.results({ nil, "the message", n = 2 }, f())
  f = protect(function() try(false, "also") end)
  t.results({ nil, "also", n = 2 }, f())
end)

t.test("protect passes arguments and results", function()
  local f = protect(function(...) return select("#", ...), ... end)
  t.results({ 3, "a", nil, "c", n = 4 }, f("a", nil, "c"))
  t.results({ 0 }, f())
  t.results({}, protect(function() end)())
  t.results({ nil, n = 1 }, protect(function() return nil end)())
end)

t.test("a message may be any value", function()
  local value = {}
  local got, err = protect(function() try(nil, value) end)()
  t.equal(got, nil)
  t.equal(err, value)
  got, err = protect(function() try(nil, 42) end)()
  t.equal(err, 42)
end)

t.test("the finalizer runs before, without arguments, once, only on failure", function()
  local calls, count = 0, nil
  local mytry = newtry(function(...) calls = calls + 1; count = select("#", ...) end)
  t.equal(mytry("fine"), "fine")
  t.equal(calls, 0)
  t.results({ nil, "broken", n = 2 }, protect(function() mytry(nil, "broken") end)())
  t.equal(calls, 1)
  t.equal(count, 0)
end)

t.beyond("an error in the finalizer changes nothing", function()
  local mytry = newtry(function() error("in the finalizer") end)
  t.results({ nil, "broken", n = 2 }, protect(function() mytry(nil, "broken") end)())
end)

t.test("a finalizer closes what is open, as the users do", function()
  local client, accepted = t.pair()
  local mytry = newtry(function() client:close() end)
  local f = protect(function()
    mytry(client:send("ok"))
    mytry(nil, "enough")
  end)
  t.results({ nil, "enough", n = 2 }, f())
  t.equal((accepted:receive("*a")), "ok")
end)

t.test("other errors pass protect untouched", function()
  local good, err = pcall(protect(function() error("plain", 0) end))
  t.equal(good, false)
  t.equal(err, "plain")
  local value = { "mine" }
  good, err = pcall(protect(function() error(value) end))
  t.equal(good, false)
  t.equal(err, value)
  t.equal(getmetatable(value), nil)
  t.equal(value[1], "mine")
  local object = setmetatable({}, { __tostring = function() return "object" end })
  good, err = pcall(protect(function() error(object) end))
  t.equal(err, object)
  good, err = pcall(protect(function() error(nil) end))
  t.equal(good, false)
  t.equal(err == nil or type(err) == "string", true)  -- 5.5 turns nil into a text
end)

t.test("a run-time error keeps its text", function()
  local good, err = pcall(protect(function() local x; return x.y end))
  t.equal(good, false)
  t.match(err, "index")
end)

t.test("protect nests", function()
  local inner = protect(function() try(nil, "inner") end)
  local outer = protect(function()
    local got, err = inner()
    return got, "seen " .. err
  end)
  t.results({ nil, "seen inner", n = 2 }, outer())
  outer = protect(function()
    try(inner())
    return "not reached"
  end)
  t.results({ nil, "inner", n = 2 }, outer())
end)

t.test("a try error outside of protect is an error", function()
  local good, err = pcall(try, nil, "message")
  t.equal(good, false)
  t.truth(err ~= nil)
end)

t.beyond("and can be read by people", function()
  local _, err = pcall(try, nil, "the message")
  t.match(tostring(err), "the message")
end)

-- ---- Yields ------------------------------------------------------------------

t.beyond("a protected function may yield", function()
  local f = protect(function(a)
    local b = coroutine.yield(a + 1)
    local c = coroutine.yield(b + 1)
    return "done", c
  end)
  local co = coroutine.create(f)
  t.results({ true, 2 }, coroutine.resume(co, 1))
  t.results({ true, 11 }, coroutine.resume(co, 10))
  t.results({ true, "done", 5 }, coroutine.resume(co, 5))
  t.equal(coroutine.status(co), "dead")
end)

t.beyond("and fail after that", function()
  local f = protect(function()
    coroutine.yield("waiting")
    try(nil, "failed later")
  end)
  local co = coroutine.create(f)
  t.results({ true, "waiting" }, coroutine.resume(co))
  t.results({ true, nil, "failed later", n = 3 }, coroutine.resume(co))
end)

t.beyond("foreign errors after a yield pass untouched", function()
  local value = {}
  local co = coroutine.create(protect(function()
    coroutine.yield()
    error(value)
  end))
  t.equal((coroutine.resume(co)), true)
  local good, err = coroutine.resume(co)
  t.equal(good, false)
  t.equal(err, value)
end)

t.beyond("nested protects yield through each other", function()
  local inner = protect(function()
    local got = coroutine.yield("inner waits")
    try(nil, "inner " .. got)
  end)
  local outer = protect(function()
    local _, err = inner()
    local got = coroutine.yield(err)
    try(got)
    try(nil, "outer")
  end)
  local co = coroutine.create(outer)
  t.results({ true, "inner waits" }, coroutine.resume(co))
  t.results({ true, "inner x" }, coroutine.resume(co, "x"))
  t.results({ true, nil, "outer", n = 3 }, coroutine.resume(co, true))
end)

t.beyond("wrapped coroutines inside of protect work", function()
  local f = protect(function()
    local sum = 0
    for value in coroutine.wrap(function() for i = 1, 4 do coroutine.yield(i) end end) do
      sum = sum + value
    end
    return sum
  end)
  t.results({ 10 }, f())
  t.results({ true, 10 }, coroutine.resume(coroutine.create(f)))
end)

t.beyond("many values through yields", function()
  local co = coroutine.create(protect(function(...)
    local n = select("#", coroutine.yield(...))
    return n
  end))
  t.results({ true, 1, nil, 3, nil, n = 5 }, coroutine.resume(co, 1, nil, 3, nil))
  t.results({ true, 4 }, coroutine.resume(co, nil, nil, nil, nil))
end)

t.beyond("coroutine.running is not changed outside of coroutines", function()
  t.equal(protect(function() return 7 end)(), 7)
  t.results({ nil, "x", n = 2 }, protect(function() try(nil, "x") end)())
end)

t.test("what cannot be called raises", function()
  t.raises("", function() protect(5)() end)
end)

t.beyond("and newtry says so at once", function()
  t.raises("bad argument", newtry, 5)
end)

-- ---- skip and choose -------------------------------------------------------

t.test("skip drops the first results", function()
  t.results({ "c" }, socket.skip(2, "a", "b", "c"))
  t.results({ "a", "b" }, socket.skip(0, "a", "b"))
  t.results({ nil, 2, n = 2 }, socket.skip(1, 1, nil, 2))
  t.results({}, socket.skip(3, "a", "b", "c"))
end)

t.beyond("skip of more than there is", function()
  t.results({}, socket.skip(5, "a"))
  t.results({}, socket.skip(1))
  t.results({}, socket.skip(1e6, "a", "b"))
end)

t.beyond("skip cannot be made to crash", function()
  for _, bad in ipairs { -1, -3, -20, -1000, -100000, -2 ^ 31, -2 ^ 53, 0 / 0, -math.huge,
    1.5, "x", {} } do
    t.raises("bad argument", socket.skip, bad, "a", "b")
  end
  t.raises("bad argument", socket.skip)
  -- Larger than any stack: nothing is left, or refused.
  for _, huge in ipairs { 2 ^ 31, 2 ^ 53, math.huge } do
    local got = t.pack(pcall(socket.skip, huge, "a", "b"))
    t.truth(got[1] == false or got.n == 1)
  end
end)

t.test("choose picks by name, or the default", function()
  local seen
  local pick = socket.choose {
    default = function(a, b) seen = "default"; return a, b end,
    other = function(a, b) seen = "other"; return a, b end,
  }
  local one, two = pick("other", 1, 2)
  t.equal(seen, "other")
  t.equal(one, 1)
  t.equal(two, 2)
  local value = {}
  one, two = pick(value, 2)
  t.equal(seen, "default")
  t.equal(one, value)
  t.equal(two, 2)
  t.raises("unknown key", pick, "nothing")
end)

t.done()
