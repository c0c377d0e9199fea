-- SPDX-License-Identifier: MIT
-- Fresh objects: socket.tcp, tcp4, tcp6, and what the object system shows.
local t = require "harness"
local socket = t.socket

local fresh = { tcp = socket.tcp, tcp4 = socket.tcp4, tcp6 = socket.tcp6 }

local function each(f)
  for name, make in pairs(fresh) do
    if name ~= "tcp6" or t.has_inet6 then
      local o = t.works(make())
      f(o, name)
      o:close()
    end
  end
end

t.test("each function makes a master", function()
  each(function(o)
    t.kind(o, "userdata")
    t.match(tostring(o), "^tcp{master}: 0x%x+$")
    t.equal(o.class, "tcp{master}")
  end)
end)

t.test("two objects are two", function()
  local a, b = socket.tcp(), socket.tcp()
  t.differ(a, b)
  t.differ(tostring(a), tostring(b))
end)

t.test("socket.tcp has no descriptor before a family is chosen", function()
  local o = socket.tcp()
  t.equal(o:getfd(), -1)
  t.integer(o:getfd())
end)

t.test("tcp4 and tcp6 have their descriptor at once", function()
  local four = socket.tcp4()
  t.truth(four:getfd() >= 0)
  t.integer(four:getfd())
  if t.has_inet6 then t.truth(socket.tcp6():getfd() >= 0) end
end)

t.each_family("getfamily of a family's own object", function(family)
  local o = t.master(family)
  t.equal(o:getfamily(), family == "inet" and "inet4" or "inet6")
end)

t.beyond("getfamily of an object that has not chosen", function()
  t.equal(socket.tcp():getfamily(), "unspec")
end)

t.beyond_each_family("bind chooses the family", function(family)
  local o = socket.tcp()
  t.works(o:bind(t.loopback(family), 0))
  t.equal(o:getfamily(), family == "inet" and "inet4" or "inet6")
  t.truth(o:getfd() >= 0)
end)

t.beyond_each_family("connect chooses the family", function(family)
  local _, host, port = t.server(family)
  local o = socket.tcp()
  t.works(o:connect(host, port))
  t.equal(o:getfamily(), family == "inet" and "inet4" or "inet6")
end)

t.test("setoption fails before the family is chosen", function()
  local o = socket.tcp()
  for _, option in ipairs { "reuseaddr", "keepalive", "tcp-nodelay" } do
    local result, err = o:setoption(option, true)
    t.equal(result, nil, option)
    t.kind(err, "string", option)
  end
end)

t.beyond("and its message says why", function()
  local _, err = socket.tcp():setoption("reuseaddr", true)
  t.match(err, "family")
  _, err = socket.tcp():getoption("reuseaddr")
  t.match(err, "family")
end)

t.test("setoption works once bind has chosen", function()
  local o = socket.tcp()
  t.works(o:bind("127.0.0.1", 0))
  t.results({ 1 }, o:setoption("keepalive", true))
  t.equal(o:getoption("keepalive"), true)
end)

t.beyond("tcp6 sets ipv6-v6only", function()
  t.need("inet6")
  t.equal(socket.tcp6():getoption("ipv6-v6only"), true)
end)

t.test("tcp6 refuses IPv4", function()
  t.need("inet6")
  local server = socket.tcp6()
  t.works(server:bind("*", 0))
  t.works(server:listen())
  local _, port = server:getsockname()
  local client = socket.tcp4()
  client:settimeout(5)
  t.fails("connection refused", client:connect("127.0.0.1", port))
end)

t.beyond("an object restricted to a family refuses the other's addresses", function()
  t.need("inet6")
  local _, host6, port6 = t.server("inet6")
  local _, host4, port4 = t.server("inet")
  local four, six = socket.tcp4(), socket.tcp6()
  local result, err = four:connect(host6, port6)
  t.equal(result, nil)
  t.kind(err, "string")
  result, err = six:connect(host4, port4)
  t.equal(result, nil)
  t.kind(err, "string")
end)

t.test("methods live in a plain table that wrappers can copy", function()
  local methods = getmetatable(socket.tcp()).__index
  t.kind(methods, "table")
  t.equal(rawget(methods, "class"), "tcp{master}")
  for _, name in ipairs { "bind", "close", "connect", "dirty", "getfd", "getfamily",
    "getsockname", "getstats", "gettimeout", "listen", "setfd", "setstats",
    "settimeout", "setpeername", "setsockname" } do
    t.kind(rawget(methods, name), "function", name)
  end
end)

t.test("each class has its own", function()
  local client, accepted, server = t.pair("inet", true)
  t.equal(client.class, "tcp{client}")
  t.equal(accepted.class, "tcp{client}")
  t.equal(server.class, "tcp{server}")
  t.match(tostring(client), "^tcp{client}: 0x%x+$")
  t.match(tostring(accepted), "^tcp{client}: 0x%x+$")
  t.match(tostring(server), "^tcp{server}: 0x%x+$")
  for _, name in ipairs { "send", "receive", "shutdown", "getpeername", "getsockname",
    "settimeout", "close", "getoption", "setoption" } do
    t.kind(client[name], "function", name)
  end
  for _, name in ipairs { "accept", "getsockname", "setoption", "getoption",
    "settimeout", "close" } do
    t.kind(server[name], "function", name)
  end
end)

t.test("an absent field is nil", function()
  local o = socket.tcp()
  t.equal(o.nosuchfield, nil)
  t.equal(o[1], nil)
end)

t.test("a replaced method takes effect", function()
  local o = socket.tcp()
  local methods = getmetatable(o).__index
  local original = methods.dirty
  t.cleanup(function() methods.dirty = original end)
  methods.dirty = function() return "mine" end
  t.equal(o:dirty(), "mine")
end)

t.test("the methods of the classes are known to the registry", function()
  local registry = debug.getregistry()
  local client, accepted, server = t.pair("inet", true)
  local function methods(o) return getmetatable(o).__index end
  t.equal(registry["tcp{master}"].__index, methods(socket.tcp()))
  t.equal(registry["tcp{client}"].__index, methods(client))
  t.equal(registry["tcp{client}"].__index, methods(accepted))
  t.equal(registry["tcp{server}"].__index, methods(server))
end)

t.test("a method that is replaced there takes effect", function()
  local methods = debug.getregistry()["tcp{master}"].__index
  local original = methods.dirty
  t.cleanup(function() methods.dirty = original end)
  methods.dirty = function() return "mine" end
  t.equal(socket.tcp():dirty(), "mine")
end)

t.test("methods refuse what is no object of ours", function()
  local o = socket.tcp()
  for _, self in ipairs { 1, "x", {}, print, io.stdout } do
    t.raises("expected", o.getfd, self)
    t.raises("expected", o.close, self)
    t.raises("expected", o.bind, self, "127.0.0.1", 0)
  end
  t.raises("expected", o.getfd)
end)

t.beyond("a marked metatable does not make a file a socket", function()
  local meta = getmetatable(io.stdout)
  t.cleanup(function() meta["tcp{any}"] = nil end)
  meta["tcp{any}"] = true
  local file = io.tmpfile()
  t.raises("expected", socket.tcp().getfd, file)
  file:close()
end)

t.test("objects are keys of tables, weak ones too", function()
  local o = socket.tcp()
  local set = setmetatable({}, { __mode = "k" })
  set[o] = "value"
  collectgarbage()
  t.equal(set[o], "value")
end)

t.beyond("tcp4 and tcp6 out of descriptors fail with the system's words", function()
  local hoard, err, code = {}, nil, nil
  t.cleanup(function() for _, o in ipairs(hoard) do o:close() end end)
  for _ = 1, 5000 do
    local o
    o, err, code = socket.tcp4()
    if not o then break end
    hoard[#hoard + 1] = o
  end
  if not err then t.skip("more than 5000 descriptors are allowed here") end
  t.equal(err, socket.strerror(socket.errno.EMFILE))
  t.equal(code, socket.errno.EMFILE)
end)

t.done()
