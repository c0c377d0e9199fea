-- SPDX-License-Identifier: MIT
-- dirty: is there anything in the read buffer.
local t = require "harness"
local socket = t.socket

t.test("fresh objects of every class are not dirty", function()
  local client, accepted, server = t.pair("inet", true)
  for _, o in ipairs { client, accepted, server, socket.tcp(), socket.tcp4() } do
    t.results({ false }, o:dirty())
  end
end)

t.each_family("a rest after a line makes it dirty, reading it makes it clean", function(family)
  local client, accepted = t.pair(family)
  t.works(client:send("one\ntwo\nthree"))
  t.equal(accepted:dirty(), false, "what the system holds does not count")
  t.equal(accepted:receive(), "one")
  t.results({ true }, accepted:dirty())
  t.equal(accepted:receive(), "two")
  t.equal(accepted:dirty(), true)
  t.equal(accepted:receive(5), "three")
  t.equal(accepted:dirty(), false)
end)

t.test("a dirty object is ready at once, though the system has nothing", function()
  local client, accepted = t.pair()
  t.works(client:send("one\ntwo"))
  t.equal(accepted:receive(), "one")
  t.takes(0, 1, function()
    local ready, _, err = socket.select({ accepted }, nil, 5)
    t.equal(ready[1], accepted)
    t.equal(ready[accepted], 1)
    t.equal(err, nil)
  end)
end)

t.test("a partial line that was given away is not in the buffer any more", function()
  local client, accepted = t.pair()
  t.works(client:send("part"))
  accepted:settimeout(0)
  t.wait_readable(accepted)
  t.results({ nil, "timeout", "part", n = 3 }, accepted:receive())
  t.equal(accepted:dirty(), false)
end)

t.beyond("receive(0) leaves everything in place", function()
  local client, accepted = t.pair()
  t.works(client:send("ab"))
  t.equal(accepted:receive(0), "")
  t.equal(accepted:receive(1), "a")
  t.equal(accepted:receive(1), "b")
end)

t.done()
