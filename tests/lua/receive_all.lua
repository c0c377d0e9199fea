-- SPDX-License-Identifier: MIT
-- receive "*a": until the connection is closed.
local t = require "harness"

t.each_family("everything until the peer closes", function(family)
  local client, accepted = t.pair(family)
  t.works(client:send("one\r\ntwo\0\r"))
  client:close()
  local all, err = accepted:receive("*a")
  t.equal(all, "one\r\ntwo\0\r")
  t.equal(err, nil)
end)

t.test("shutdown of sending ends it as well", function()
  local client, accepted = t.pair()
  t.works(client:send("data"))
  client:shutdown("send")
  t.equal((accepted:receive("*a")), "data")
  t.works(accepted:send("answer"))
  accepted:close()
  t.equal((client:receive("*a")), "answer")
end)

t.test("what is buffered comes first", function()
  local client, accepted = t.pair()
  t.works(client:send("line\nbody body"))
  client:close()
  t.equal((accepted:receive()), "line")
  t.equal((accepted:receive("*a")), "body body")
end)

t.test("nothing at all is closed, with an empty partial", function()
  local client, accepted = t.pair()
  client:close()
  t.results({ nil, "closed", "", n = 3 }, accepted:receive("*a"))
end)

t.test("after the end it is closed", function()
  local client, accepted = t.pair()
  t.works(client:send("x"))
  client:close()
  t.equal((accepted:receive("*a")), "x")
  t.results({ nil, "closed", "", n = 3 }, accepted:receive("*a"))
  t.results({ nil, "closed", "", n = 3 }, accepted:receive())
end)

t.test("the prefix comes first", function()
  local client, accepted = t.pair()
  t.works(client:send("data"))
  client:close()
  t.equal((accepted:receive("*a", "pre-")), "pre-data")
end)

t.test("a timeout gives what there is", function()
  local client, accepted = t.pair()
  accepted:settimeout(0)
  t.works(client:send("so far"))
  t.wait_readable(accepted)
  t.results({ nil, "timeout", "so far", n = 3 }, accepted:receive("*a"))
  t.works(client:send(" and the rest"))
  client:close()
  accepted:settimeout(5)
  t.equal((accepted:receive("*a", "so far")), "so far and the rest")
end)

t.test("a reset gives closed and what there is", function()
  local client, accepted = t.pair()
  t.works(client:send("partial"))
  t.wait_readable(accepted)
  t.equal((accepted:receive(4)), "part")
  t.works(client:setoption("linger", { on = true, timeout = 0 }))
  client:close()
  local all, err, part = accepted:receive("*a")
  t.equal(all, nil)
  t.equal(err, "closed")
  -- A reset may throw away what was still in the system.
  t.truth(part == "ial" or part == "", part)
end)

t.beyond("the pattern without its star", function()
  local client, accepted = t.pair()
  t.works(client:send("x"))
  client:close()
  t.equal((accepted:receive("a")), "x")
end)

t.test("a few hundred KiB", function()
  local client, accepted = t.pair()
  local data = ("0123456789abcdefghijklmnopqrstuvwxyz"):rep(12000)
  client:settimeout(0)
  accepted:settimeout(0)
  local sent, all, err, part = 0, nil, nil, ""
  repeat
    if sent < #data then
      local last, _, reached = client:send(data, sent + 1)
      sent = last or reached
      if sent == #data then client:close() end
    else
      accepted:settimeout(5)
    end
    all, err, part = accepted:receive("*a", part)
    if not all and err ~= "timeout" then
      -- The end came in a call of its own.
      t.equal(err, "closed")
      all = part
    end
  until all
  t.truth(all == data, "content")
end)

t.done()
