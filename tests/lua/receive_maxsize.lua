-- SPDX-License-Identifier: MIT
-- receive(pattern, prefix, maxsize): a bound on what a peer can make us keep.
local t = require "harness"

if not t.ours then
  t.test("maxsize", function() t.skip("this module has no maxsize") end)
  t.done()
end

t.each_family("results up to maxsize are fine", function(family)
  local client, accepted = t.pair(family)
  t.works(client:send("12345\n123456789\n"))
  t.equal((accepted:receive("*l", "", 5)), "12345")
  t.equal((accepted:receive("*l", nil, 100)), "123456789")
  t.works(client:send("abc"))
  t.equal((accepted:receive(3, "", 3)), "abc")
end)

-- Reads on with what a failure gave and returns everything put together.
local function drain(accepted, part)
  local rest = assert(accepted:receive("*a"))
  return part .. rest
end

t.test("a longer line fails with oversized, and nothing is lost", function()
  for _, pattern in ipairs { "*l", "L" } do
    local client, accepted = t.pair()
    t.works(client:send("0123456789\nrest"))
    client:close()
    t.wait_readable(accepted)
    local line, err, part = accepted:receive(pattern, "", 5)
    t.equal(line, nil)
    t.equal(err, "oversized")
    t.truth(#part <= 5, "the partial keeps the bound")
    t.equal(drain(accepted, part), "0123456789\nrest")
  end
end)

t.test("a line without an end is bounded", function()
  local client, accepted = t.pair()
  t.works(client:send(("x"):rep(100000)))
  local line, err, part = accepted:receive("*l", "", 1000)
  t.equal(line, nil)
  t.equal(err, "oversized")
  t.truth(#part <= 1000)
  client:close()
  t.equal(#drain(accepted, part), 100000)
end)

t.test("*a is bounded", function()
  local client, accepted = t.pair()
  t.works(client:send(("y"):rep(5000)))
  client:close()
  t.wait_readable(accepted)
  local all, err, part = accepted:receive("*a", "", 1000)
  t.equal(all, nil)
  t.equal(err, "oversized")
  t.truth(#part <= 1000)
  t.equal(#drain(accepted, part), 5000)
end)

t.test("*a of exactly maxsize is no failure", function()
  local client, accepted = t.pair()
  t.works(client:send(("z"):rep(1000)))
  client:close()
  t.equal((accepted:receive("*a", "", 1000)), ("z"):rep(1000))
end)

t.test("a timeout before the bound stays a timeout", function()
  local client, accepted = t.pair()
  accepted:settimeout(0)
  t.works(client:send("abc"))
  t.wait_readable(accepted)
  t.results({ nil, "timeout", "abc", n = 3 }, accepted:receive("*l", "", 5))
end)

t.test("the prefix counts", function()
  local client, accepted = t.pair()
  t.works(client:send("34\n56\n"))
  t.equal((accepted:receive("*l", "12", 4)), "1234")
  t.equal((accepted:receive("*l", "123", 5)), "12356")
end)

t.test("a prefix or a count that leaves no room raises", function()
  local client, accepted = t.pair()
  t.works(client:send("kept\n"))
  t.raises("bad argument", accepted.receive, accepted, "*l", "1234", 4)
  t.raises("bad argument", accepted.receive, accepted, "*l", "12345", 4)
  t.raises("bad argument", accepted.receive, accepted, 5, "", 4)
  t.equal((accepted:receive()), "kept")
end)

t.test("a partial result of a timeout is always fit to be a prefix", function()
  for _, text in ipairs { "a", "abc", "abcd", "abcde" } do
    local client, accepted = t.pair()
    accepted:settimeout(0)
    t.works(client:send(text))
    t.wait_readable(accepted)
    local line, err, part = accepted:receive("*l", "", 4)
    t.equal(line, nil)
    t.equal(part, text:sub(1, 4))
    t.equal(err, #text < 4 and "timeout" or "oversized")
  end
end)

t.test("strange bounds raise and read nothing", function()
  local client, accepted = t.pair()
  t.works(client:send("kept\n"))
  for _, bad in ipairs { -1, 1.5, 0 / 0, "x", {} } do
    t.raises("bad argument", accepted.receive, accepted, "*l", "", bad)
  end
  t.equal((accepted:receive()), "kept")
end)

t.done()
