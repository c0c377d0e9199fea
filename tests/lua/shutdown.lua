-- SPDX-License-Identifier: MIT
-- client:shutdown.
local t = require "harness"
local socket = t.socket

t.each_family("shutdown of sending ends the peer's stream, not ours", function(family)
  local client, accepted = t.pair(family)
  t.works(client:send("question"))
  t.results({ 1 }, client:shutdown("send"))
  t.equal((accepted:receive("*a")), "question")
  t.results({ nil, "closed", "", n = 3 }, accepted:receive())
  t.works(accepted:send("answer\n"))
  t.equal((client:receive()), "answer")
  t.equal((client:send("x")), nil)
end)

t.each_family("shutdown of receiving", function(family)
  local client, accepted = t.pair(family)
  t.results({ 1 }, client:shutdown("receive"))
  t.fails("closed", client:receive())
  t.works(client:send("still sending\n"))
  t.equal((accepted:receive()), "still sending")
end)

t.beyond("after it nothing is received, even what comes later", function()
  local client, accepted = t.pair()
  t.works(client:shutdown("receive"))
  t.works(accepted:send("late\n"))
  socket.sleep(0.01)
  t.fails("closed", client:receive())
  t.fails("closed", client:receive(2))
end)

t.test("shutdown of both is the default", function()
  for _, mode in ipairs { "both", false } do
    local client, accepted = t.pair()
    if mode then
      t.results({ 1 }, client:shutdown(mode))
    else
      t.results({ 1 }, client:shutdown())
    end
    t.results({ nil, "closed", "", n = 3 }, accepted:receive())
    t.fails("closed", client:receive())
    t.equal((select(2, client:send("x"))), "closed")
    t.results({ 1 }, client:close())
  end
end)

t.test("shutdown does not close the object", function()
  local client = t.pair()
  t.works(client:shutdown())
  t.truth(client:getfd() >= 0)
  t.equal(client.class, "tcp{client}")
end)

t.test("an unknown mode raises and shuts nothing", function()
  local client, accepted = t.pair()
  for _, bad in ipairs { "", "sideways", "SEND", {} } do
    t.raises("bad argument", client.shutdown, client, bad)
  end
  t.works(client:send("open\n"))
  t.equal((accepted:receive()), "open")
end)

t.test("shutdown on what is no client raises", function()
  local client, _, server = t.pair("inet", true)
  t.raises("expected", client.shutdown, server)
  t.raises("expected", client.shutdown, socket.tcp())
end)

t.beyond("a mode with a NUL inside raises, and shuts nothing", function()
  local client, accepted = t.pair()
  t.raises("zeros", client.shutdown, client, "send\0x")
  t.works(client:send("open\n"))
  t.equal((accepted:receive()), "open")
end)

t.beyond("shutdown on a closed object fails", function()
  local client = t.pair()
  client:close()
  t.fails("closed", client:shutdown())
end)

t.test("shutdown where the peer was faster", function()
  local client, accepted = t.pair()
  accepted:close()
  t.fails("closed", client:receive())
  t.results({ 1 }, client:shutdown())
  local reset = t.reset_client()
  t.wait_readable(reset)
  reset:receive()
  t.results({ 1 }, reset:shutdown())
end)

t.beyond("shutdown of what was never connected fails with the number", function()
  local o = socket.tcp()
  t.fails("connection refused", o:connect("127.0.0.1", t.dead_port()))
  local result, err, code = o:shutdown()
  t.equal(result, nil)
  t.kind(err, "string")
  t.equal(code, socket.errno.ENOTCONN)
end)

t.done()
