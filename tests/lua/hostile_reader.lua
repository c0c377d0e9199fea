-- SPDX-License-Identifier: MIT
-- Peers that never read: what is sent to them ends by the limit, and says where.
local t = require "harness"
local socket = t.socket

local huge = ("0123456789abcdef"):rep(1048576)

t.each_family("a total limit ends send", function(family)
  local client, peer = t.pair(family)
  client:settimeout(0.2, "t")
  local sent, message, last
  t.takes(0.19, 20, function() sent, message, last = client:send(huge) end)
  t.equal(sent, nil)
  t.equal(message, "timeout")
  t.within(t.integer(last), 1, #huge - 1)
  -- what is said to be sent arrives, and nothing else
  client:close()
  peer:settimeout(30)
  local got, why, partial = peer:receive("*a")
  got = got or partial
  t.equal(#got, last)
  t.truth(got == huge:sub(1, last), "other bytes")
end)

t.test("a block limit ends send", function()
  local client, peer = t.pair()
  client:settimeout(0.1)
  -- the second call finds all buffers full
  for _ = 1, 2 do
    t.takes(0.09, 20, function()
      local sent, message, last = client:send(huge)
      t.equal(sent, nil)
      t.equal(message, "timeout")
      t.within(last, 0, #huge - 1)
    end)
  end
  peer:close()
end)

t.test("closing does not wait for them", function()
  local client, peer = t.pair()
  client:settimeout(0)
  client:send(huge)
  t.takes(0, 10, function() t.equal(client:close(), 1) end)
  peer:close()
end)

t.test("a server goes on with others meanwhile", function()
  local stuck, silent = t.pair()
  stuck:settimeout(0)
  local _, message = stuck:send(huge)
  t.equal(message, "timeout")
  local client, peer = t.pair()
  t.works(peer:send("hello\n"))
  local readable, writable = socket.select({ client }, { stuck, client }, 10)
  t.truth(readable[client] or writable[client])
  t.equal(writable[stuck], nil)
  t.equal(client:receive(), "hello")
  silent:close()
end)

t.done()
