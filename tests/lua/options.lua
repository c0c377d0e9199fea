-- SPDX-License-Identifier: MIT
-- setoption and getoption.
local t = require "harness"
local socket = t.socket

local booleans = { "keepalive", "reuseaddr", "tcp-nodelay" }

t.each_family("the booleans of the manual, set and read back", function(family)
  local client, accepted, server = t.pair(family, true)
  for _, o in ipairs { client, accepted, server } do
    for _, name in ipairs(booleans) do
      t.results({ 1 }, o:setoption(name, true))
      t.results({ true }, o:getoption(name))
      t.results({ 1 }, o:setoption(name, false))
      t.results({ false }, o:getoption(name))
    end
  end
end)

t.each_family("masters have options as well", function(family)
  local o = t.master(family)
  for _, name in ipairs(booleans) do
    t.results({ 1 }, o:setoption(name, true))
    t.equal(o:getoption(name), true)
  end
  t.works(o:bind(t.loopback(family), 0))
  t.works(o:listen())
  for _, name in ipairs(booleans) do t.equal(o:getoption(name), true) end
end)

t.each_family("linger", function(family)
  local client = t.pair(family)
  local value = t.works(client:getoption("linger"))
  t.equal(value.on, false)
  t.results({ 1 }, client:setoption("linger", { on = true, timeout = 7 }))
  value = client:getoption("linger")
  t.equal(value.on, true)
  t.integer(value.timeout)
  t.equal(value.timeout, 7)
  t.results({ 1 }, client:setoption("linger", { on = false, timeout = 0 }))
  t.equal(client:getoption("linger").on, false)
end)

t.beyond("linger times are not cut", function()
  local client = t.pair()
  t.works(client:setoption("linger", { on = true, timeout = 65536 }))
  t.equal(client:getoption("linger").timeout, 65536)
  t.works(client:setoption("linger", { on = true, timeout = 0 }))
  t.equal(client:getoption("linger").timeout, 0)
  t.equal(client:getoption("linger").on, true)
end)

t.test("linger wants its table", function()
  local client = t.pair()
  t.raises("bad argument", client.setoption, client, "linger", true)
  t.raises("bad argument", client.setoption, client, "linger")
  t.raises("", client.setoption, client, "linger", {})
  t.raises("", client.setoption, client, "linger", { on = true })
  t.equal(client:getoption("linger").on, false)
end)

t.beyond("odd linger times raise", function()
  local client = t.pair()
  for _, bad in ipairs { -1, 0 / 0, 1.5, 2 ^ 40, "x" } do
    t.raises("bad argument", client.setoption, client, "linger", { on = true, timeout = bad })
  end
  t.raises("bad argument", client.setoption, client, "linger", { on = 1, timeout = 1 })
  t.equal(client:getoption("linger").on, false)
end)

t.test("ipv6-v6only", function()
  t.need("inet6")
  local o = socket.tcp6()
  t.results({ 1 }, o:setoption("ipv6-v6only", false))
  t.results({ 1 }, o:setoption("ipv6-v6only", true))
end)

t.beyond("ipv6-v6only can be read", function()
  t.need("inet6")
  local o = socket.tcp6()
  t.equal(o:getoption("ipv6-v6only"), true)
  t.works(o:setoption("ipv6-v6only", false))
  t.equal(o:getoption("ipv6-v6only"), false)
end)

t.beyond("ipv6-v6only on an IPv4 object fails, no more", function()
  local o = socket.tcp4()
  local result, err = o:setoption("ipv6-v6only", true)
  t.equal(result, nil)
  t.kind(err, "string")
end)

t.test("an unknown option raises", function()
  local client = t.pair()
  t.raises("bad argument", client.setoption, client, "no-such-option", true)
  t.raises("bad argument", client.getoption, client, "no-such-option")
  t.raises("bad argument", client.setoption, client, "", true)
  t.raises("bad argument", client.getoption, client)
  t.raises("bad argument", client.setoption, client, {})
end)

t.beyond("and the message names it", function()
  local client = t.pair()
  t.raises("no%-such%-option", client.setoption, client, "no-such-option", true)
  t.raises("no%-such%-option", client.getoption, client, "no-such-option")
  t.raises("bad argument", client.getoption, client, "keepalive\0x")
end)

t.test("a value of the wrong type raises and changes nothing", function()
  local client = t.pair()
  t.works(client:setoption("keepalive", true))
  t.raises("bad argument", client.setoption, client, "keepalive", 0)
  t.raises("bad argument", client.setoption, client, "keepalive", "off")
  t.raises("bad argument", client.setoption, client, "keepalive", {})
  t.equal(client:getoption("keepalive"), true)
end)

t.beyond("more booleans: set, read, cleared", function()
  for _, name in ipairs { "reuseport", "tcp-cork", "tcp-fastopen-connect" } do
    local o = socket.tcp4()
    local result, err, code = o:setoption(name, true)
    if result then
      t.equal(result, 1)
      t.equal(o:getoption(name), true, name)
      t.works(o:setoption(name, false))
      t.equal(o:getoption(name), false, name)
    else
      t.kind(err, "string", name)
      t.integer(code, name)
    end
  end
  local client = t.pair()
  t.works(client:setoption("tcp-quickack", false))
  t.equal(client:getoption("tcp-quickack"), false)
  t.works(client:setoption("tcp-quickack", true))
  t.equal(client:getoption("tcp-quickack"), true)
end)

t.beyond("numbers: set and read back as integers", function()
  local cases = {
    { "tcp-keepidle", 33 }, { "tcp-keepintvl", 11 }, { "tcp-keepcnt", 4 },
    { "tcp-user-timeout", 12345 },
  }
  local client = t.pair()
  for _, case in ipairs(cases) do
    local result, err = client:setoption(case[1], case[2])
    if result then
      t.equal(t.integer(client:getoption(case[1]), case[1]), case[2], case[1])
    else
      t.kind(err, "string")
    end
  end
end)

t.beyond("tcp-fastopen and tcp-defer-accept on a server", function()
  local server = t.server()
  for _, name in ipairs { "tcp-fastopen", "tcp-defer-accept" } do
    local result = server:setoption(name, 3)
    if result then t.within(server:getoption(name), 1, 100, name) end
  end
  t.truth(server:getfd() >= 0)
end)

t.beyond("buffer sizes", function()
  local client = t.pair()
  for _, name in ipairs { "recv-buffer-size", "send-buffer-size" } do
    local before = t.integer(client:getoption(name), name)
    t.truth(before > 0)
    t.results({ 1 }, client:setoption(name, 20000))
    t.within(client:getoption(name), 20000, 80000, name)
    t.raises("bad argument", client.setoption, client, name, "abc")
    t.raises("bad argument", client.setoption, client, name, -1)
    t.raises("bad argument", client.setoption, client, name, 0 / 0)
    t.raises("bad argument", client.setoption, client, name, true)
  end
end)

t.beyond("values that the system refuses fail in its words, with the number", function()
  local client = t.pair()
  t.results({ nil, socket.strerror(socket.errno.EINVAL), socket.errno.EINVAL, n = 3 },
    client:setoption("tcp-keepidle", 1000000))
end)

t.beyond("values beyond an int raise", function()
  local client = t.pair()
  t.raises("bad argument", client.setoption, client, "tcp-keepidle", 2 ^ 40)
  t.raises("bad argument", client.setoption, client, "tcp-keepidle", 1.5)
end)

t.beyond("option error: nil while all is well, read-only, kept when read", function()
  local client = t.pair()
  local value, extra = client:getoption("error")
  t.equal(value, nil)
  t.equal(extra, nil)
  t.raises("bad argument", client.setoption, client, "error", 1)
  local reset = t.reset_client()
  t.wait_readable(reset)
  t.equal(select(2, reset:receive()), "closed")
  local first = reset:getoption("error")
  t.kind(first, "string")
  t.equal(reset:getoption("error"), first)
end)

t.test("getoption error without an error", function()
  local client = t.pair()
  t.equal((client:getoption("error")), nil)
end)

t.beyond("bindtodevice can be read", function()
  local o = socket.tcp4()
  local value, err = o:getoption("bindtodevice")
  if value then
    t.equal(value, "")
  else
    t.kind(err, "string")
  end
  t.raises("bad argument", o.setoption, o, "bindtodevice", {})
end)

t.beyond("bindtodevice to a device that is not there", function()
  local o = socket.tcp4()
  local result, err, code = o:setoption("bindtodevice", "nosuchdev0")
  t.equal(result, nil)
  t.kind(err, "string")
  t.integer(code)
  result, err = o:setoption("bindtodevice", ("x"):rep(500))
  t.equal(result, nil)
  t.kind(err, "string")
end)

t.done()
