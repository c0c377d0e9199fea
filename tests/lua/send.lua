-- SPDX-License-Identifier: MIT
-- send: results, failures, and what never happens to the process.
local t = require "harness"
local socket = t.socket

t.each_family("send returns the index of the last byte", function(family)
  local client, accepted = t.pair(family)
  local last = t.works(client:send("hello"))
  t.equal(t.integer(last), 5)
  t.equal((accepted:receive(5)), "hello")
end)

t.test("every byte arrives as it is", function()
  local all = {}
  for code = 0, 255 do all[code + 1] = string.char(code) end
  all = table.concat(all)
  local client, accepted = t.pair()
  t.equal((client:send(all)), 256)
  t.equal((accepted:receive(256)), all)
end)

t.test("nothing to send", function()
  local client, accepted = t.pair()
  t.equal((client:send("")), 0)
  t.works(client:send("x"))
  t.equal((accepted:receive(1)), "x")
end)

t.test("a number is sent as its text", function()
  local client, accepted = t.pair()
  t.equal((client:send(12345)), 5)
  t.equal((accepted:receive(5)), "12345")
end)

t.test("output is not buffered", function()
  local client, accepted = t.pair()
  t.works(client:setoption("tcp-nodelay", true))
  t.works(client:send("x"))
  t.wait_readable(accepted)
  t.equal((accepted:receive(1)), "x")
end)

t.test("a peer that never reads: timeout with the index reached", function()
  local client, accepted = t.pair()
  client:settimeout(0)
  local block = ("x"):rep(1024 * 1024)
  local total, last, err, reached = 0, nil, nil, nil
  for _ = 1, 200 do
    last, err, reached = client:send(block)
    if not last then break end
    total = total + last
  end
  t.equal(last, nil)
  t.equal(err, "timeout")
  t.within(t.integer(reached), 0, #block - 1)
  total = total + reached
  -- What was counted is what arrives.
  client:close()
  local got = 0
  while true do
    local bytes, why, part = accepted:receive(65536)
    got = got + #(bytes or part)
    if why then
      t.equal(why, "closed")
      break
    end
  end
  t.equal(got, total)
end)

t.test("a peer that never reads, with a limit", function()
  local client, accepted = t.pair()
  client:settimeout(0.05)
  local block = ("x"):rep(32 * 1024 * 1024)
  t.takes(0.05, 5, function()
    local last, err, reached = client:send(block)
    t.equal(last, nil)
    t.equal(err, "timeout")
    t.within(reached, 1, #block - 1)
  end)
  accepted:close()
end)

t.test("to a closed peer: closed, and the process lives", function()
  local client, accepted = t.pair()
  accepted:close()
  local last, err, reached
  for _ = 1, 200 do
    last, err, reached = client:send("data")
    if not last then break end
    socket.sleep(0.002)
  end
  t.equal(last, nil)
  t.equal(err, "closed")
  t.equal(reached, 0)
  t.equal((select(2, client:send("again"))), "closed")
end)

t.test("after a reset", function()
  local client = t.reset_client()
  t.wait_readable(client)
  local last, err, reached = client:send("data")
  t.equal(last, nil)
  t.equal(err, "closed")
  t.equal(reached, 0)
end)

t.beyond("a broken connection has its number, a closed object has none", function()
  local client = t.reset_client()
  t.wait_readable(client)
  local last, err, reached, code = client:send("data")
  t.equal(last, nil)
  t.equal(err, "closed")
  t.equal(reached, 0)
  t.truth(code == socket.errno.EPIPE or code == socket.errno.ECONNRESET, code)
  client:close()
  t.results({ nil, "closed", 0, n = 3 }, client:send("data"))
end)

t.test("after the own shutdown of sending", function()
  local client, accepted = t.pair()
  t.works(client:shutdown("send"))
  local last, err = client:send("x")
  t.equal(last, nil)
  t.equal(err, "closed")
  t.works(accepted:send("still\n"))
  t.equal((client:receive()), "still")
end)

t.test("wrong arguments raise and send nothing", function()
  local client, accepted = t.pair()
  t.raises("bad argument", client.send, client)
  t.raises("bad argument", client.send, client, nil)
  t.raises("bad argument", client.send, client, {})
  t.raises("bad argument", client.send, client, true)
  t.raises("bad argument", client.send, client, "x", "first")
  t.raises("bad argument", client.send, client, "x", 1, {})
  t.works(client:send("only this"))
  client:close()
  t.equal((accepted:receive("*a")), "only this")
end)

t.test("send on what is no client raises", function()
  local client, _, server = t.pair("inet", true)
  t.raises("expected", client.send, server, "x")
  t.raises("expected", client.send, socket.tcp(), "x")
end)

t.done()
