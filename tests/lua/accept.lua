-- SPDX-License-Identifier: MIT
-- server:accept.
local t = require "harness"
local socket = t.socket

t.each_family("accept gives a client object", function(family)
  local server, host, port = t.server(family)
  local client = t.works(socket.connect(host, port))
  local accepted, extra = server:accept()
  t.kind(accepted, "userdata")
  t.equal(extra, nil)
  t.equal(accepted.class, "tcp{client}")
  t.equal(server.class, "tcp{server}")
  local phost, pport, pfamily = accepted:getpeername()
  local chost, cport = client:getsockname()
  t.equal(phost, chost)
  t.equal(tonumber(pport), tonumber(cport))
  t.equal(pfamily, family)
  local shost, sport = accepted:getsockname()
  t.equal(shost, host)
  t.equal(tonumber(sport), port)
  t.works(client:send("hello\n"))
  t.equal(accepted:receive(), "hello")
  t.works(accepted:send("back\n"))
  t.equal(client:receive(), "back")
end)

t.test("accept returns one value", function()
  local server, host, port = t.server()
  local client = t.works(socket.connect(host, port))
  t.equal(select("#", server:accept()), 1)
  client:close()
end)

t.each_family("timeout 0 does not wait", function(family)
  local server = t.server(family)
  server:settimeout(0)
  t.takes(0, 0.5, function() t.results({ nil, "timeout", n = 2 }, server:accept()) end)
  t.equal(server.class, "tcp{server}")
end)

t.test("a block timeout is kept", function()
  local server = t.server()
  server:settimeout(0.05)
  t.takes(0.05, 2, function() t.results({ nil, "timeout", n = 2 }, server:accept()) end)
end)

t.test("a total timeout is kept", function()
  local server = t.server()
  server:settimeout(0.05, "t")
  t.takes(0.05, 2, function() t.results({ nil, "timeout", n = 2 }, server:accept()) end)
end)

t.test("after a timeout the next connection is taken", function()
  local server, host, port = t.server()
  server:settimeout(0)
  t.fails("timeout", server:accept())
  local client = t.works(socket.connect(host, port))
  server:settimeout(5)
  t.works(server:accept())
  client:close()
end)

t.test("a shared descriptor does not make accept return early", function()
  local server = t.server()
  t.truth(server:getfd() >= 0)
  server:settimeout(0.05)
  t.takes(0.05, 2, function() t.fails("timeout", server:accept()) end)
end)

t.beyond("accepted objects do not inherit limits", function()
  local server, host, port = t.server()
  server:settimeout(5)
  server:settimeout(6, "t")
  local client = t.works(socket.connect(host, port))
  local accepted = t.works(server:accept())
  local block, total = accepted:gettimeout()
  t.equal(block, -1)
  t.equal(total, -1)
  client:close()
end)

t.test("accept on a closed server", function()
  local server = t.server()
  server:close()
  t.fails("closed", server:accept())
end)

t.test("accept on what is no server raises", function()
  local client, _, server = t.pair("inet", true)
  local accept = server.accept
  t.raises("expected", accept, client)
  t.raises("expected", accept, socket.tcp())
  t.raises("expected", accept, socket.tcp4())
end)

t.test("a client that has gone by the time of accept", function()
  local server, host, port = t.server()
  local client = t.works(socket.connect(host, port))
  t.works(client:send("last words\n"))
  client:close()
  local accepted = t.works(server:accept())
  t.equal(accepted:receive(), "last words")
  t.fails("closed", accepted:receive())
end)

t.test("a client that has reset by the time of accept does not end the server", function()
  local server, host, port = t.server()
  server:settimeout(1)
  local client = t.works(socket.connect(host, port))
  t.works(client:setoption("linger", { on = true, timeout = 0 }))
  client:close()
  server:accept()  -- some systems drop it from the queue, others do not
  local second = t.works(socket.connect(host, port))
  local accepted = t.works(server:accept())
  t.works(second:send("x"))
  t.equal(accepted:receive(1), "x")
end)

t.beyond("out of descriptors accept fails, and the connection stays queued", function()
  local server, host, port = t.server()
  local client = t.works(socket.connect(host, port))
  local hoard = {}
  t.cleanup(function() for _, o in ipairs(hoard) do o:close() end end)
  local full
  for _ = 1, 5000 do
    local o = socket.tcp4()
    if not o then full = true break end
    hoard[#hoard + 1] = o
  end
  if not full then t.skip("more than 5000 descriptors are allowed here") end
  server:settimeout(1)
  t.results({ nil, socket.strerror(socket.errno.EMFILE), socket.errno.EMFILE, n = 3 },
    server:accept())
  hoard[#hoard]:close()
  local accepted = t.works(server:accept())
  accepted:close()
  client:close()
end)

t.done()
