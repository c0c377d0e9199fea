-- SPDX-License-Identifier: MIT
-- Half-closed connections, from either side: each direction ends by itself.
local t = require "harness"
local hostile = require "hostile_peer"
local socket = t.socket

t.each_family("the peer has ended sending, and still receives", function(family)
  local client, peer = t.pair(family)
  t.works(peer:send("last words\nand a rest"))
  t.works(peer:shutdown("send"))
  t.equal(client:receive(), "last words")
  t.results({ nil, "closed", "and a rest", n = 3 }, client:receive())
  t.results({ nil, "closed", "", n = 3 }, client:receive())
  t.equal(client:send("answer\n"), 7)
  t.equal(peer:receive(), "answer")
  client:close()
  t.fails("closed", peer:receive())
end)

t.each_family("we have ended sending, and still receive", function(family)
  local client, peer = t.pair(family)
  t.works(client:send("question"))
  t.works(client:shutdown("send"))
  t.equal((peer:receive("*a")), "question")
  t.equal(peer:send("answer\n"), 7)
  t.equal(client:receive(), "answer")
  local sent, message = client:send("more")
  t.equal(sent, nil)
  t.equal(message, "closed")
  peer:close()
  t.fails("closed", client:receive())
end)

t.test("both have ended sending", function()
  local client, peer = t.pair()
  t.works(client:send("a"))
  t.works(peer:send("b"))
  t.works(client:shutdown("send"))
  t.works(peer:shutdown("send"))
  t.equal((client:receive("*a")), "b")
  t.equal((peer:receive("*a")), "a")
  t.fails("closed", client:receive(1))
  t.fails("closed", peer:receive(1))
end)

t.test("the end comes while a call waits", function()
  local accepted = hostile.start([[
    peer:send("part")
    socket.sleep(0.2)
    peer:shutdown("send")
    local question = peer:receive()
    peer:close()
  ]])
  accepted:settimeout(30)
  t.takes(0, 25, function() t.fails("closed", accepted:receive(1000)) end)
  t.equal(accepted:send("question\n"), 9)
  accepted:settimeout(10)
  t.fails("closed", accepted:receive())
end)

t.test("a peer that has ended its stream is readable, again and again", function()
  local client, peer = t.pair()
  t.works(peer:shutdown("send"))
  for _ = 1, 3 do
    t.wait_readable(client)
    t.fails("closed", client:receive())
  end
  t.equal(client:send("x"), 1)
  t.equal((peer:receive(1)), "x")
end)

t.done()
