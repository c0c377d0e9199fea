-- SPDX-License-Identifier: MIT
-- getsockname and getpeername.
local t = require "harness"
local socket = t.socket

t.each_family("both ends agree", function(family)
  local client, accepted, server = t.pair(family, true)
  local chost, cport, cfamily = client:getsockname()
  local phost, pport, pfamily = accepted:getpeername()
  t.equal(chost, t.loopback(family))
  t.equal(phost, chost)
  t.equal(tonumber(pport), tonumber(cport))
  t.equal(cfamily, family)
  t.equal(pfamily, family)
  local shost, sport, sfamily = server:getsockname()
  phost, pport = client:getpeername()
  t.equal(phost, shost)
  t.equal(tonumber(pport), tonumber(sport))
  t.equal(sfamily, family)
  t.equal(select("#", client:getsockname()), 3)
  t.equal(select("#", client:getpeername()), 3)
end)

t.test("the peer's port is a number", function()
  local client = t.pair()
  t.kind(select(2, client:getpeername()), "number")
end)

t.beyond_each_family("ports are integers", function(family)
  local client, accepted, server = t.pair(family, true)
  for _, o in ipairs { client, accepted, server } do
    t.within(t.integer((select(2, o:getsockname()))), 1, 65535)
  end
  t.integer((select(2, client:getpeername())))
end)

t.each_family("a master of the family that is not bound", function(family)
  local o = t.master(family)
  local host, port, name = o:getsockname()
  t.equal(host, family == "inet" and "0.0.0.0" or "::")
  t.equal(tonumber(port), 0)
  t.equal(name, family)
end)

t.test("a master without a family has no name", function()
  local host, err = socket.tcp():getsockname()
  t.equal(host, nil)
  t.kind(err, "string")
end)

t.each_family("a master and a server have no peer", function(family)
  local server = t.server(family)
  for _, o in ipairs { server, t.master(family) } do
    local host, err = o:getpeername()
    t.equal(host, nil)
    t.match(err, "not connected")
  end
end)

t.beyond("and the number says so", function()
  local _, err, code = socket.tcp4():getpeername()
  t.equal(code, socket.errno.ENOTCONN)
  t.equal(err, socket.strerror(code))
end)

t.beyond("the family is never unspec", function()
  t.need("inet6")
  for _, family in ipairs { "inet", "inet6" } do
    local client, accepted, server = t.pair(family, true)
    for _, o in ipairs { client, accepted, server } do
      t.equal(select(3, o:getsockname()), family)
      t.equal(o:getfamily(), family == "inet" and "inet4" or "inet6")
    end
  end
end)

t.test("the peer's name after it has gone", function()
  local client, accepted = t.pair()
  accepted:close()
  t.fails("closed", client:receive())
  local host = client:getpeername()
  -- Some systems forget it with the connection.
  t.truth(host == "127.0.0.1" or host == nil)
end)

t.done()
