-- SPDX-License-Identifier: MIT
-- socket.source and socket.sink.
local t = require "harness"
local socket = t.socket

local function pump(source)
  local parts = {}
  for _ = 1, 10000 do
    local chunk, err = source()
    if not chunk then return table.concat(parts), err end
    parts[#parts + 1] = chunk
  end
  error("the source does not end")
end

t.test("until-closed", function()
  local client, accepted = t.pair()
  t.works(client:send(("0123456789"):rep(1000)))
  client:close()
  local all, err = pump(socket.source("until-closed", accepted))
  t.equal(#all, 10000)
  t.equal(all, ("0123456789"):rep(1000))
  t.equal(err, nil)
end)

t.test("until-closed is the default", function()
  local client, accepted = t.pair()
  t.works(client:send("x"))
  client:close()
  t.equal((pump(socket.source(accepted))), "x")
  t.equal(socket.sourcet["default"], socket.sourcet["until-closed"])
end)

t.test("until-closed ends for good", function()
  local client, accepted = t.pair()
  t.works(client:send("x"))
  client:close()
  local source = socket.source("until-closed", accepted)
  t.equal((source()), "x")
  for _ = 1, 3 do t.equal((source()), nil) end
  t.equal(accepted:getfd(), -1, "the source closes what has ended")
end)

t.test("by-length reads so much and no more", function()
  local client, accepted = t.pair()
  t.works(client:send("0123456789rest"))
  local source = socket.source("by-length", accepted, 10)
  t.equal((pump(source)), "0123456789")
  t.equal((source()), nil)
  t.equal((accepted:receive(4)), "rest")
end)

t.test("by-length of nothing", function()
  local _, accepted = t.pair()
  t.equal((socket.source("by-length", accepted, 0)()), nil)
end)

t.test("chunks are not larger than BLOCKSIZE, which is read when used", function()
  local before = socket.BLOCKSIZE
  t.cleanup(function() socket.BLOCKSIZE = before end)
  local client, accepted = t.pair()
  t.works(client:send(("x"):rep(1000)))
  local source = socket.source("by-length", accepted, 1000)
  socket.BLOCKSIZE = 100
  local chunk = t.works(source())
  t.equal(#chunk, 100)
  socket.BLOCKSIZE = 300
  t.equal(#t.works(source()), 300)
  t.equal(#(pump(source)), 600)
end)

t.test("by-length with a stream that is too short", function()
  local client, accepted = t.pair()
  t.works(client:send("1234567"))
  client:close()
  local _, err = pump(socket.source("by-length", accepted, 10))
  t.equal(err, "closed")
end)

t.beyond("and what came before its end is not lost", function()
  local client, accepted = t.pair()
  t.works(client:send("1234567"))
  client:close()
  t.equal((pump(socket.source("by-length", accepted, 10))), "1234567")
end)

t.beyond("until-closed resumes after a timeout and loses nothing", function()
  local client, accepted = t.pair()
  accepted:settimeout(0)
  local source = socket.source("until-closed", accepted)
  local got = {}
  local function drain()
    for _ = 1, 100 do
      local chunk, err = source()
      if not chunk then return err end
      got[#got + 1] = chunk
    end
  end
  t.equal(drain(), "timeout")
  for i = 1, 8 do
    t.works(client:send("x" .. i))
    t.wait_readable(accepted)
    t.equal(drain(), "timeout")
  end
  client:close()
  accepted:settimeout(5)
  t.equal(drain(), nil)
  t.equal(table.concat(got), "x1x2x3x4x5x6x7x8")
end)

t.beyond("by-length resumes after a timeout and loses nothing", function()
  local client, accepted = t.pair()
  accepted:settimeout(0)
  local source = socket.source("by-length", accepted, 16)
  local got, ended = {}, false
  for i = 1, 8 do
    t.works(client:send("x" .. i))
    t.wait_readable(accepted)
    repeat
      local chunk, err = source()
      if chunk then
        got[#got + 1] = chunk
      elseif err then
        t.equal(err, "timeout")
      else
        ended = true
      end
    until not chunk
  end
  if not ended then
    local chunk = source()
    while chunk do
      got[#got + 1] = chunk
      chunk = source()
    end
  end
  t.equal(table.concat(got), "x1x2x3x4x5x6x7x8")
  t.works(client:send("behind"))
  accepted:settimeout(5)
  t.equal((accepted:receive(6)), "behind")
end)

t.test("until-closed on a reset connection fails or ends, and no more", function()
  local client = t.reset_client()
  t.wait_readable(client)
  local source = socket.source("until-closed", client)
  local chunk = source()
  t.truth(chunk == nil or chunk == "")
end)

t.test("keep-open", function()
  local client, accepted = t.pair()
  local sink = socket.sink("keep-open", client)
  t.truth(sink("abc"))
  t.truth(sink("def"))
  t.truth(sink(nil))
  t.works(client:send("ghi"))
  client:close()
  t.equal((accepted:receive("*a")), "abcdefghi")
end)

t.test("keep-open is the default", function()
  local client, accepted = t.pair()
  local sink = socket.sink(client)
  t.truth(sink("abc"))
  t.truth(sink(nil))
  t.truth(client:getfd() >= 0)
  t.equal((accepted:receive(3)), "abc")
  t.equal(socket.sinkt["default"], socket.sinkt["keep-open"])
end)

t.test("close-when-done", function()
  local client, accepted = t.pair()
  local sink = socket.sink("close-when-done", client)
  t.truth(sink("abc"))
  t.truth(sink(""))
  t.equal(sink(nil), 1)
  t.equal(client:getfd(), -1)
  t.equal((accepted:receive("*a")), "abc")
end)

t.test("a sink on a closed connection fails", function()
  local client = t.pair()
  client:close()
  local result, err = socket.sink("keep-open", client)("x")
  t.equal(result, nil)
  t.equal(err, "closed")
end)

t.test("sources and sinks carry getfd and dirty", function()
  local client, accepted = t.pair()
  for _, name in ipairs { "until-closed", "by-length" } do
    local source = socket.source(name, accepted, 5)
    t.equal(source:getfd(), accepted:getfd())
    t.equal(source:dirty(), false)
  end
  for _, name in ipairs { "keep-open", "close-when-done" } do
    local sink = socket.sink(name, client)
    t.equal(sink:getfd(), client:getfd())
    t.equal(sink:dirty(), false)
  end
end)

t.test("dirty of a source is that of its socket", function()
  local client, accepted = t.pair()
  t.works(client:send("one\ntwo\n"))
  t.equal((accepted:receive()), "one")
  t.equal(socket.source("until-closed", accepted):dirty(), true)
end)

t.test("new kinds can be added", function()
  t.cleanup(function() socket.sourcet["mine"], socket.sinkt["mine"] = nil, nil end)
  socket.sourcet["mine"] = function(o, option) return "source", o, option end
  socket.sinkt["mine"] = function(o) return "sink", o end
  local client = t.pair()
  local kind, o, option = socket.source("mine", client, 7)
  t.equal(kind, "source")
  t.equal(o, client)
  t.equal(option, 7)
  t.equal((socket.sink("mine", client)), "sink")
end)

t.test("unknown kinds raise", function()
  local client = t.pair()
  t.raises("unknown key", socket.source, "nothing", client)
  t.raises("unknown key", socket.sink, "nothing", client)
end)

t.beyond("an unknown kind is the caller's error", function()
  local choice = socket.choose { known = function() return 1 end }
  for _, choose in ipairs { socket.source, socket.sink, choice } do
    local _, message = pcall(function()
      local result = choose("nothing")
      return result
    end)
    t.match(message, "source_sink%.lua:%d+: unknown key")
  end
end)

t.beyond("arguments are checked when a source or sink is made", function()
  local client = t.pair()
  local function raises(what, place, expected, make, ...)
    local arguments = t.pack(...)
    local _, message = pcall(function()
      local made = make(t.unpack(arguments, 1, arguments.n))
      return made
    end)
    t.match(message, "source_sink%.lua:%d+: bad argument #" .. place .. " to '" ..
      what .. "' %(" .. expected)
  end
  for what, kinds in pairs { source = { "until-closed", "by-length" },
    sink = { "keep-open", "close-when-done" } } do
    local make = socket[what]
    raises(what, 1, "object expected, got nil", make)
    raises(what, 1, "object expected, got number", make, 5, client)
    for _, kind in ipairs(kinds) do
      raises(what, 2, "object expected, got nil", make, kind)
      for _, bad in ipairs { 5, "x", true, socket.tcp } do
        raises(what, 2, "object expected, got " .. type(bad), make, kind, bad)
      end
    end
  end
  raises("source", 3, "number expected, got nil", socket.source, "by-length", client)
  raises("source", 3, "number expected, got string", socket.source, "by-length", client, "3")
  raises("source", 3, "number has no", socket.source, "by-length", client, 2.5)
  raises("choose", 1, "table expected, got nil", socket.choose)
end)

t.test("kinds of others and odd objects are let through", function()
  t.cleanup(function() socket.sourcet["mine"] = nil end)
  socket.sourcet["mine"] = function(...) return select("#", ...) end
  t.equal(t.ours and socket.source("mine") or 0, 0)
  local client, accepted = t.pair()
  t.works(client:send("12345"))
  client:close()
  -- methods by a metatable, which has them only later
  local meta = {}
  local wrapped = setmetatable({}, meta)
  local source = socket.source("by-length", wrapped, math.huge)
  meta.__index = { receive = function(_, size, ...) return accepted:receive(size, ...) end }
  t.equal((socket.source("by-length", wrapped, -1)()), nil)
  t.equal((socket.source("by-length", wrapped, 2)()), "12")
  accepted:settimeout(5)
  if t.ours then t.equal((source()), "345") end
end)

-- Schedulers wrap objects, and their methods yield.
t.test("sources and sinks may yield, and kinds of them too", function()
  local yield = coroutine.yield
  local wrapped = {
    receive = function(_, size) return yield(size) end,
    send = function(_, data) return yield(data) end,
    close = function() end
  }
  t.cleanup(function() socket.sourcet["mine"] = nil end)
  socket.sourcet["mine"] = function() return yield("kind") end
  local thread = coroutine.wrap(function()
    local source = socket.source("by-length", wrapped, 3)
    local sink = socket.sink("keep-open", wrapped)
    return "end", source(), sink("data"), (socket.source("mine"))
  end)
  t.equal(thread(), 3)
  t.equal(thread("abc"), "data")
  t.equal(thread(4), "kind")
  t.results({ "end", "abc", 4, 5 }, thread(5))
end)

t.test("they work with the pump of the installed ltn12", function()
  local found, ltn12 = pcall(require, "ltn12")
  if not found then t.skip("ltn12 is not on the path") end
  local client, accepted = t.pair()
  t.works(client:send(("y"):rep(5000)))
  client:close()
  local parts = {}
  t.works(ltn12.pump.all(socket.source("until-closed", accepted), (ltn12.sink.table(parts))))
  t.equal(#table.concat(parts), 5000)
end)

t.done()
