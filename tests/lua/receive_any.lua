-- SPDX-License-Identifier: MIT
-- receiveany: at least one byte, at most max, whatever is there.
local t = require "harness"

if not t.ours then
  t.test("receiveany", function() t.skip("this module has no receiveany") end)
  t.done()
end

t.each_family("what is there, up to max", function(family)
  local client, accepted = t.pair(family)
  t.works(client:send("hello"))
  t.wait_readable(accepted)
  t.equal((accepted:receiveany(100)), "hello")
  t.works(client:send("0123456789"))
  t.wait_readable(accepted)
  t.equal((accepted:receiveany(4)), "0123")
  t.equal((accepted:receiveany(1)), "4")
  t.equal((accepted:receiveany(100)), "56789")
end)

t.test("what is buffered comes first and is never lost", function()
  local client, accepted = t.pair()
  t.works(client:send("line\nrest"))
  t.equal((accepted:receive()), "line")
  t.equal((accepted:receiveany(2)), "re")
  t.equal((accepted:receiveany(100)), "st")
  t.equal(accepted:dirty(), false)
end)

t.test("nothing is translated", function()
  local client, accepted = t.pair()
  t.works(client:send("a\r\n\0b"))
  t.wait_readable(accepted)
  t.equal((accepted:receiveany(10)), "a\r\n\0b")
end)

t.test("nothing there in time", function()
  local client, accepted = t.pair()
  accepted:settimeout(0)
  local result, err = accepted:receiveany(10)
  t.equal(result, nil)
  t.equal(err, "timeout")
  accepted:settimeout(0.05)
  t.takes(0.05, 2, function() t.fails("timeout", accepted:receiveany(10)) end)
  client:close()
end)

t.test("the end of the stream", function()
  local client, accepted = t.pair()
  t.works(client:send("x"))
  client:close()
  t.equal((accepted:receiveany(10)), "x")
  local result, err = accepted:receiveany(10)
  t.equal(result, nil)
  t.equal(err, "closed")
end)

t.test("max is required and must be a size above 0", function()
  local client, accepted = t.pair()
  t.works(client:send("kept"))
  t.raises("bad argument", accepted.receiveany, accepted)
  for _, bad in ipairs { 0, -1, 1.5, 0 / 0, math.huge, "x", {} } do
    t.raises("bad argument", accepted.receiveany, accepted, bad)
  end
  t.equal((accepted:receive(4)), "kept")
end)

t.test("a large max takes no memory in advance", function()
  local client, accepted = t.pair()
  t.works(client:send("abc"))
  t.wait_readable(accepted)
  collectgarbage()
  local before = collectgarbage("count")
  t.equal((accepted:receiveany(2 ^ 40)), "abc")
  t.within(collectgarbage("count") - before, -1e6, 4096, "KiB of memory")
end)

t.test("it counts as received", function()
  local client, accepted = t.pair()
  t.works(client:send("abcde"))
  t.wait_readable(accepted)
  t.equal((accepted:receiveany(3)), "abc")
  t.equal((accepted:getstats()), 3)
end)

t.done()
