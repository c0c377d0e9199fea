-- SPDX-License-Identifier: MIT
-- Error numbers: the value after those that LuaSocket returns, socket.errno and
-- socket.strerror.
local t = require "harness"
local socket = t.socket

if not t.ours then
  t.test("errno", function() t.skip("this module has no error numbers") end)
  t.done()
end

t.test("socket.errno has names and numbers", function()
  for _, name in ipairs { "ECONNREFUSED", "ECONNRESET", "EADDRINUSE", "EADDRNOTAVAIL",
    "EACCES", "EINVAL", "EMFILE", "ENFILE", "ETIMEDOUT", "EPIPE", "EISCONN", "ENOTCONN",
    "EALREADY", "EINPROGRESS", "EAGAIN", "EINTR", "EBADF", "ENOMEM", "ENETUNREACH",
    "EHOSTUNREACH", "ECONNABORTED" } do
    t.truth(t.integer(socket.errno[name], name) > 0, name)
  end
  t.equal(socket.errno.ENOSUCHTHING, nil)
end)

t.test("strerror explains a number", function()
  for name, number in pairs(socket.errno) do
    if type(name) == "string" then t.kind(socket.strerror(number), "string", name) end
  end
  t.equal(socket.strerror(socket.errno.ECONNREFUSED), "connection refused")
  t.equal(socket.strerror(socket.errno.EADDRINUSE), "address already in use")
  t.kind(socket.strerror(socket.errno.ENOTCONN), "string")
  t.kind(socket.strerror(123456), "string")
  t.raises("bad argument", socket.strerror)
  t.raises("bad argument", socket.strerror, {})
end)

t.test("a reset and a clean end can be told apart", function()
  local client, accepted = t.pair()
  accepted:close()
  t.results({ nil, "closed", "", n = 3 }, client:receive())
  local reset = t.reset_client()
  t.wait_readable(reset)
  local line, err, part, code = reset:receive()
  t.equal(line, nil)
  t.equal(err, "closed")
  t.equal(part, "")
  t.equal(code, socket.errno.ECONNRESET)
end)

t.test("for every pattern", function()
  for _, pattern in ipairs { "*l", "*a", 5, 100000, 0 } do
    local reset = t.reset_client()
    t.wait_readable(reset)
    local line, err, part, code = reset:receive(pattern)
    t.equal(line, nil)
    t.equal(err, "closed")
    t.equal(part, "")
    t.equal(code, socket.errno.ECONNRESET, tostring(pattern))
  end
end)

t.test("partial data comes with the number", function()
  local client, accepted = t.pair()
  t.works(client:send("abcd\nef"))
  t.equal((accepted:receive()), "abcd")
  t.works(client:setoption("linger", { on = true, timeout = 0 }))
  client:close()
  t.results({ nil, "closed", "ef", socket.errno.ECONNRESET, n = 4 }, accepted:receive())
end)

t.test("the caller's timeout has no number", function()
  local client, accepted, server = t.pair("inet", true)
  for _, o in ipairs { client, accepted, server } do o:settimeout(0) end
  t.results({ nil, "timeout", "", n = 3 }, client:receive())
  t.results({ nil, "timeout", n = 2 }, server:accept())
end)

t.test("the numbers of bind, connect, send, options, names and adoption", function()
  local _, host, port = t.server()
  t.equal((select(3, socket.tcp4():bind(host, port))), socket.errno.EADDRINUSE)
  t.equal((select(3, socket.tcp4():bind("203.0.113.9", 0))), socket.errno.EADDRNOTAVAIL)
  t.equal((select(3, socket.tcp4():connect(host, t.dead_port()))), socket.errno.ECONNREFUSED)
  t.equal((select(3, socket.tcp4():getpeername())), socket.errno.ENOTCONN)
  t.equal((select(3, socket.fromfd(t.scan + 100))), socket.errno.EBADF)
  local client = t.pair()
  t.equal((select(3, client:setoption("tcp-keepidle", 1000000))), socket.errno.EINVAL)
end)

t.test("an unprivileged port", function()
  -- Only the words are tested where the user may not; the rest may do so.
  local o = socket.tcp4()
  local result, err, code = o:bind("127.0.0.1", 1)
  if result or err == "address already in use" then t.skip("this user may bind to low ports") end
  t.equal(err, "permission denied")
  t.equal(code, socket.errno.EACCES)
end)

t.test("messages are LuaSocket's where it has one", function()
  t.equal((select(2, socket.connect("127.0.0.1", t.dead_port()))), "connection refused")
  local client = t.pair()
  client:close()
  t.equal((select(2, client:receive())), "closed")
end)

t.done()
