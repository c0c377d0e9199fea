-- SPDX-License-Identifier: MIT
-- What programs written for LuaSocket lean on without being told that they may,
-- line by line; in brackets who does it.  Each of these holds on LuaSocket too.
-- Other scripts go into the corners; here is the one look that proves the line.
local t = require "harness"
local socket = t.socket
local select_ = socket.select

local function methods(o) return getmetatable(o).__index end

-- Puts something else into a field for the length of the test.
local function replace(where, name, value)
  local before = where[name]
  t.cleanup(function() where[name] = before end)
  where[name] = value
end

-- A client whose connect with limit 0 stays under way: client, host, port.
local function pending()
  local server, host, port, fillers = t.full_server()
  t.cleanup(function()
    server:close()
    for _, filler in ipairs(fillers) do filler:close() end
  end)
  local client = t.master()
  client:settimeout(0)
  t.results({ nil, "timeout", n = 2 }, client:connect(host, port))
  return client, host, port
end

-- A client whose connect with limit 0 has failed meanwhile, which nobody told.
local function failed_later()
  local client = t.master()
  client:settimeout(0)
  local _, err = client:connect("127.0.0.1", t.dead_port())
  if err ~= "timeout" then t.skip("a connection to loopback is refused at once here") end
  local _, writable = select_(nil, { client }, 10)
  t.equal(writable[1], client)
  return client
end

-- ---- Objects ------------------------------------------------------------------

t.test("an object's text is its class and its address (Copas, LuaSocket's own tests)", function()
  local client, accepted, server = t.pair("inet", true)
  local masters, seen = { socket.tcp(), socket.tcp() }, {}
  for class, objects in pairs { master = masters, client = { client, accepted },
    server = { server } } do
    for _, o in ipairs(objects) do
      local text = t.match(tostring(o), "^tcp{" .. class .. "}: %S+$")
      t.equal(seen[text], nil, "text of another object")
      seen[text] = o
    end
  end
end)

t.test("field class follows what the object becomes (dispatch.lua, testclnt)", function()
  local server, client = socket.tcp4(), socket.tcp4()
  t.equal(server.class, "tcp{master}")
  t.works(server:bind("127.0.0.1", 0))
  t.works(server:listen())
  t.equal(server.class, "tcp{server}")
  t.works(client:connect(server:getsockname()))
  t.equal(client.class, "tcp{client}")
  t.equal(t.works(server:accept()).class, "tcp{client}")
end)

t.test("objects are userdata, and a field that they lack is nil (Prosody)", function()
  local client, accepted, server = t.pair("inet", true)
  for _, o in ipairs { client, accepted, server, socket.tcp() } do
    t.kind(o, "userdata")
    t.equal(o.nosuchfield, nil)
    t.equal(o[1], nil)
  end
end)

t.test("methods that are copied from the class work on the object (LuaSec's https)", function()
  local client, accepted = t.pair()
  local wrapper = {}
  for name, method in pairs(methods(client)) do
    if type(method) == "function" then
      wrapper[name] = function(_, ...) return method(client, ...) end
    end
  end
  t.equal(wrapper:send("text\n"), 5)
  t.equal((accepted:receive()), "text")
  t.equal(wrapper:getfd(), client:getfd())
  local _, writable = select_(nil, { wrapper }, 10)
  t.equal(writable[1], wrapper)
end)

t.test("a method put in the place of another is called for all objects (Copas)", function()
  local client, accepted = t.pair()
  local original = client.receive
  replace(methods(client), "receive", function(...) return "mine", original(...) end)
  t.works(client:send("text\n"))
  t.results({ "mine", "text", nil, nil, n = 4 }, accepted:receive())
end)

t.test("the registry knows the classes by their names (Mihini, leda)", function()
  local client, _, server = t.pair("inet", true)
  local registry = debug.getregistry()
  t.equal(registry["tcp{master}"].__index, methods(socket.tcp()))
  t.equal(registry["tcp{client}"].__index, methods(client))
  t.equal(registry["tcp{server}"].__index, methods(server))
end)

t.test("objects are keys, of weak tables and of what select returns (Copas, defnet)", function()
  local client, accepted = t.pair()
  local names = setmetatable({}, { __mode = "k" })
  names[client], names[accepted] = "client", "accepted"
  collectgarbage()
  t.equal(names[client], "client")
  t.works(client:send("x"))
  local readable, writable = select_({ client, accepted }, { client, accepted }, 10)
  if #readable == 0 then readable = select_({ client, accepted }, nil, 10) end
  t.equal(readable[readable[accepted]], accepted)
  t.equal(readable[client], nil)
  t.equal(writable[writable[client]], client)
  t.equal(writable[writable[accepted]], accepted)
end)

t.test("the module's table takes new fields and other functions (http.lua, Copas)", function()
  local original = socket.tcp
  replace(socket, "TIMEOUT", 60)
  replace(socket, "tcp", function() return "mine", original() end)
  for _, name in ipairs { "protect", "newtry" } do
    replace(socket, name, function(...) return name, ... end)
  end
  local again = require "socket"
  t.equal(again.TIMEOUT, 60)
  t.equal(again.tcp(), "mine")
  t.results({ "protect", print }, again.protect(print))
  t.results({ "newtry", print }, again.newtry(print))
end)

-- ---- How many results -----------------------------------------------------------

t.test("send and receive give three results, whatever comes of it (testclnt)", function()
  local client, accepted = t.pair()
  t.results({ 2, nil, nil, n = 3 }, client:send("a\n"))
  t.results({ "a", nil, nil, n = 3 }, accepted:receive())
  client:send("x")
  t.results({ "x", nil, nil, n = 3 }, accepted:receive(1))
  accepted:settimeout(0)
  t.results({ nil, "timeout", "", n = 3 }, accepted:receive())
  client:send("part")
  client:close()
  accepted:settimeout(10)
  t.results({ nil, "closed", "part", n = 3 }, accepted:receive())
end)

t.test("connect that works gives one result (lua-websockets)", function()
  local _, host, port = t.server()
  t.results({ 1 }, socket.tcp():connect(host, port))
  t.equal(select("#", t.works(socket.connect(host, port))), 1)
end)

t.test("methods with nothing to tell return 1, which passes try (http.lua, ftp.lua)", function()
  local client, server = socket.tcp4(), socket.tcp4()
  t.results({ 1 }, server:settimeout(10))
  t.results({ 1 }, server:setoption("reuseaddr", true))
  t.results({ 1 }, server:bind("127.0.0.1", 0))
  t.results({ 1 }, server:listen(5))
  t.results({ 1 }, client:connect(server:getsockname()))
  t.results({ 1 }, client:shutdown("send"))
  t.results({ 1 }, client:close())
  t.results({ 1 }, client:close())
  t.results({ 1 }, server:close())
end)

t.test("setfd returns nothing, getfd one number (LuaSec, luaevent)", function()
  local client = t.pair()
  local fd = t.integer(client:getfd())
  t.results({ fd }, client:getfd())
  t.results({}, client:setfd(fd))
end)

-- ---- Descriptors ----------------------------------------------------------------

t.test("without a descriptor getfd is -1, and select passes over (testclnt)", function()
  local client, accepted = t.pair()
  local fresh, closed = socket.tcp(), socket.tcp4()
  closed:close()
  t.results({ -1 }, fresh:getfd())
  t.results({ -1 }, closed:getfd())
  t.works(client:send("x"))
  local readable, writable = select_({ fresh, closed, accepted }, { closed, fresh }, 10)
  t.equal(#readable, 1)
  t.equal(readable[1], accepted)
  t.equal(#writable, 0)
end)

t.test("setfd takes any number, and closes nothing (LuaSec)", function()
  local client, accepted = t.pair()
  local descriptor = client:getfd()
  client:setfd(t.scan + 17)  -- nobody has it open
  t.equal(client:getfd(), t.scan + 17)
  client:setfd(-1)
  t.equal(client:getfd(), -1)
  t.results({ 1 }, client:close())
  -- still connected
  accepted:settimeout(0)
  t.fails("timeout", accepted:receive())
  local other = t.master()
  local own = other:getfd()
  other:setfd(descriptor)
  t.equal(other:getfd(), descriptor)
  other:close()
  accepted:settimeout(10)
  t.fails("closed", accepted:receive())
  -- setfd did not close the one that was there before
  t.differ(t.master():getfd(), own)
  local last = socket.tcp()
  last:setfd(own)
  last:close()
end)

t.test("a descriptor that is handed out does not block (LuaSec, luaevent, luv)", function()
  local client, accepted, server = t.pair("inet", true)
  for _, o in ipairs { client, accepted, server, t.master() } do
    t.truth(t.nonblocking(o:getfd()), tostring(o))
  end
end)

t.test("select takes whatever has getfd (Prosody's watchfd, socket.unix, LuaSec)", function()
  local client, accepted = t.pair()
  local class = { __index = { getfd = function(self) return self.inner:getfd() end } }
  local watched = setmetatable({ inner = accepted }, class)
  t.equal(select(3, select_({ watched }, nil, 0)), "timeout")
  t.works(client:send("x"))
  local readable, writable = select_({ watched }, { watched }, 10)
  if #readable == 0 then readable = select_({ watched }, nil, 10) end
  t.equal(readable[1], watched)
  t.equal(readable[watched], 1)
  t.equal(writable[1], watched)
end)

t.test("and asks it for dirty, where it has that too (http.lua's sources, Copas)", function()
  local client, accepted = t.pair()
  t.works(client:send("one\ntwo\n"))
  t.equal((accepted:receive()), "one")
  local wrapper = { getfd = function() return accepted:getfd() end,
    dirty = function() return accepted:dirty() end }
  local readable = select_({ wrapper }, nil, 0)
  t.equal(readable[1], wrapper)
  t.equal(readable[wrapper], 1)
end)

t.test("what is buffered is reported at once, by dirty and select (Prosody, Copas)", function()
  local client, accepted = t.pair()
  t.results({ false }, accepted:dirty())
  t.works(client:send("one\ntwo\n"))
  t.equal((accepted:receive()), "one")
  t.results({ true }, accepted:dirty())
  local readable, _, err = select_({ accepted }, nil, 0)
  t.equal(readable[1], accepted)
  t.equal(err, nil)
  t.equal((accepted:receive()), "two")
  t.results({ false }, accepted:dirty())
end)

t.test("select out of time gives two new tables, to be written to (Copas)", function()
  local client = t.pair()
  for _, limit in ipairs { 0, 0.01 } do
    local readable, writable, err = select_({ client }, nil, limit)
    t.equal(err, "timeout")
    t.equal(next(readable), nil)
    t.equal(next(writable), nil)
    t.differ(readable, writable)
    readable[#readable + 1] = client
    readable[client] = #readable
    writable[1] = client
    local again, other = select_({ client }, nil, 0)
    t.equal(next(again), nil, "tables of another call")
    t.equal(next(other), nil, "tables of another call")
  end
end)

t.test("select: nil is an empty list, and lists may have methods (Copas)", function()
  local client, accepted = t.pair()
  local list = setmetatable({ accepted }, { __index = { insert = table.insert } })
  client:send("x")
  local readable = select_(list, nil, 10)
  t.equal(readable[1], accepted)
  t.equal(#readable, 1)
  t.equal(select(2, select_(nil, list, 10))[1], accepted)
  t.equal(select(3, select_(nil, nil, 0)), "timeout")
end)

-- A peer that answers two lines, each a moment late.
local function slow_peer(answer)
  return t.peer_process(([[
    for _ = 1, 2 do
      peer:receive()
      socket.sleep(0.05)
      peer:send(%q)
    end
  ]]):format(answer))
end

t.test("select waits without end below zero, and when it has no limit", function()
  local peer = slow_peer "1"
  for _, limit in ipairs { -1, false } do
    t.works(peer:send("go on\n"))
    local readable, _, err = select_({ peer }, nil, limit or nil)
    t.equal(readable[1], peer)
    t.equal(err, nil)
    t.works(peer:receive(1))
  end
end)

t.test("select refuses what is no table; _SETSIZE is a number", function()
  local client = t.pair()
  t.raises("table expected", select_, client, nil, 0)
  t.raises("table expected", select_, nil, 5, 0)
  t.kind(socket._SETSIZE, "number")
end)

-- ---- Errors ---------------------------------------------------------------------

t.test("accept without a client is a timeout", function()
  local server = t.server()
  for _, limit in ipairs { 0, 0.01 } do
    server:settimeout(limit)
    t.results({ nil, "timeout", n = 2 }, server:accept())
  end
end)

t.test("where nobody listens connections are refused (redis-lua, LuaPanda)", function()
  local port = t.dead_port()
  t.fails("connection refused", socket.connect("127.0.0.1", port))
  t.fails("connection refused", socket.tcp():connect("127.0.0.1", port))
end)

t.test("connect with limit 0: timeout, 1, already connected (Copas, dispatch.lua)", function()
  local server, host, port = t.server()
  local client = socket.tcp()
  client:settimeout(0)
  local connected, err = client:connect(host, port)
  if connected then t.skip("a connection to loopback stands at once here") end
  t.equal(err, "timeout")
  local _, writable = select_(nil, { client }, 10)
  t.equal(writable[1], client)
  t.results({ 1 }, client:connect(host, port))
  t.fails("already connected", client:connect(host, port))
  t.works(server:accept())
end)

t.test("connect while one is under way says so (Copas, Prosody)", function()
  local client, host, port = pending()
  t.fails("Operation already in progress", client:connect(host, port))
end)

t.test("a connect that failed later tells when asked (Prosody)", function()
  t.equal((failed_later():getoption("error")), "connection refused")
  t.fails("connection refused", failed_later():receive())
  t.fails("connection refused", failed_later():send("x"))
end)

t.test("closed is what the peer's end is called", function()
  local client, accepted = t.pair()
  accepted:close()
  t.results({ nil, "closed", "", n = 3 }, client:receive())
  t.eventually(function()
    local sent, err = client:send("x")
    if not sent then t.equal(err, "closed") end
    return not sent
  end, "send fails")
end)

t.test("closed is what a reset is called", function()
  local client = t.reset_client()
  t.wait_readable(client)
  t.fails("closed", client:receive())
  client = t.reset_client()
  t.wait_readable(client)
  t.fails("closed", client:send("x"))
end)

t.test("closed is what our own close leaves", function()
  local client = t.pair()
  client:close()
  t.fails("closed", client:receive())
  t.fails("closed", client:send("x"))
end)

t.test("a port that is taken is an address in use (Prosody)", function()
  local _, host, port = t.server()
  t.fails("address already in use", socket.bind(host, port))
  t.fails("address already in use", socket.tcp4():bind(host, port))
end)

t.test("words for names that do not resolve (KOReader, Exasol)", function()
  -- no name server is asked for a name with an empty part
  local name, unknown = "no..such.name", "host or service not provided, or not known"
  t.fails(unknown, socket.connect(name, 80))
  t.fails(unknown, socket.tcp():connect(name, 80))
  t.fails(unknown, socket.bind(name, 0))
  t.fails(unknown, socket.dns.getaddrinfo(name))
  t.fails("host not found", socket.dns.toip(name))
end)

t.test("what is not connected fails in the system's words", function()
  local name, err = socket.tcp4():getpeername()
  t.equal(name, nil)
  t.match(err, "not connected$")
  name, err = t.server():getpeername()
  t.equal(name, nil)
  t.match(err, "not connected$")
end)

t.test("a method on the wrong kind of object raises, and so do wrong options", function()
  local client, accepted, server = t.pair("inet", true)
  t.raises("tcp{server} expected", server.accept, client)
  t.raises("tcp{client} expected", accepted.receive, server)
  t.raises("tcp{client} expected", accepted.send, socket.tcp(), "x")
  t.raises("tcp{master} expected", socket.tcp().bind, client, "127.0.0.1", 0)
  t.raises("expected", client.getfd, io.stdout)
  t.raises("bad argument", client.setoption, client, "nosuchoption", true)
  t.raises("bad argument", client.getoption, client, "nosuchoption")
end)

-- ---- Arguments ------------------------------------------------------------------

t.test("a port may be a number or a string, as it comes from a URL (http.lua)", function()
  local _, host, port = t.server()
  for _, same in ipairs { port, ("%d"):format(port) } do
    t.works(socket.connect(host, same))
    t.works(socket.tcp():connect(host, same))
  end
  t.works(socket.bind("127.0.0.1", "0"))
  t.works(socket.bind("127.0.0.1", 0))
end)

t.test("a port may be the name of a service", function()
  local list = io.open("/etc/services")
  if not list then t.skip("no /etc/services here") end
  t.cleanup(function() list:close() end)
  for line in list:lines() do
    local name, number = line:match("^([%w-]+)%s+(%d+)/tcp")
    number = tonumber(number)
    -- one that nobody uses right now, and that everybody may bind to
    local server = number and number > 1024 and socket.bind("127.0.0.1", number)
    if server then
      local client = t.works(socket.connect("127.0.0.1", name))
      t.equal((select(2, client:getpeername())), number, name)
      t.fails("address already in use", socket.bind("127.0.0.1", name))
      return
    end
  end
  t.skip("no free service in /etc/services")
end)

t.test("arguments that nobody asked for are ignored (Pegasus, MobDebug, pgmoon)", function()
  local server = t.works(socket.bind("127.0.0.1", 0, 32, "extra"))
  local host, port = server:getsockname("extra")
  local client = t.works(socket.tcp("extra"))
  t.results({ 1 }, client:settimeout(10, "b", "extra"))
  t.results({ 1 }, client:connect(host, port, "extra"))
  local accepted = t.works(server:accept("extra"))
  t.equal(client:send("text\n", 1, 5, "extra"), 5)
  t.equal((accepted:receive("*l", "", nil, "extra")), "text")
  t.results({ 1 }, client:close("extra"))
end)

t.test("servers at *, which is IPv4, and at names (Pegasus, Xavante)", function()
  local function bound(host)
    local server = t.works(socket.bind(host, 0))
    local master = socket.tcp()
    t.works(master:bind(host, 0))
    local _, port, family = server:getsockname()
    t.truth(tonumber(port) > 0)
    t.equal(select(3, master:getsockname()), family)
    return family
  end
  t.equal(bound("*"), "inet")
  t.equal(bound("127.0.0.1"), "inet")
  t.match(bound("localhost"), "^inet6?$")
  if t.has_inet6 then t.equal(bound("::1"), "inet6") end
end)

t.each_family("names of both ends: address, port, family (lovebird, tp.lua)", function(family)
  local client, accepted = t.pair(family)
  local host, port, name = client:getpeername()
  t.equal(host, t.loopback(family))
  t.equal(name, family)
  t.equal(tonumber((select(2, accepted:getsockname()))), port)
  host, port, name = client:getsockname()
  t.results({ host, tonumber(port), name }, accepted:getpeername())
  t.equal(client:getfamily(), family == "inet" and "inet4" or "inet6")
end)

t.test("receive: a size in a string, a prefix, size 0 (lovebird, http.lua, pgmoon)", function()
  local client, accepted = t.pair()
  t.works(client:send("0123456789line\nx"))
  t.equal((accepted:receive("4")), "0123")
  t.equal((accepted:receive(5, "ab")), "ab456")
  t.equal((accepted:receive(2, "ab")), "ab")
  t.equal((accepted:receive("*l", "prefix ")), "prefix 789line")
  t.equal((accepted:receive(0)), "")
  t.equal((accepted:receive(1)), "x")
  accepted:settimeout(0)
  t.fails("timeout", accepted:receive(0))
  client:close()
  accepted:settimeout(10)
  t.fails("closed", accepted:receive(0))
end)

t.test("a line loses every CR and keeps NUL; part of one is given, and gone", function()
  local client, accepted = t.pair()
  t.works(client:send("a\rb\0c\r\r\npart"))
  t.equal((accepted:receive("*l")), "ab\0c")
  accepted:settimeout(0.01)
  t.results({ nil, "timeout", "part", n = 3 }, accepted:receive("*l"))
  t.works(client:send("rest\n"))
  accepted:settimeout(10)
  t.equal((accepted:receive("*l")), "rest")
end)

t.test("send counts in places of the string, its result too (Copas, defnet)", function()
  local client, accepted = t.pair()
  t.equal((client:send("0123456789", 3, 6)), 6)
  t.equal((client:send("0123456789", -2)), 10)
  t.equal((accepted:receive(6)), "234589")
  local data = ("0123456789abcdef"):rep(1048576)
  client:settimeout(0)
  local sent, err, last = client:send(data, 1001)
  t.equal(sent, nil)
  t.equal(err, "timeout")
  client:close()
  t.truth(accepted:receive("*a") == data:sub(1001, last), "what was sent ends at the third result")
end)

t.test("send of nothing on a connection under way or failed does not raise (Prosody)", function()
  for _, client in ipairs { pending(), failed_later() } do
    t.truth((pcall(client.send, client, "")), "send of nothing raised")
  end
end)

t.test("words for the kinds of limits (LuaSocket's own tests, old programs)", function()
  local client = t.pair()
  for _, word in ipairs { "b", "t", "r", "block", "total" } do
    t.results({ 1 }, client:settimeout(30))
    t.results({ 1 }, client:settimeout(0, word))
    t.takes(0, 20, function() t.fails("timeout", client:receive()) end)
    t.results({ 1 }, client:settimeout(nil, "t"))
  end
end)

t.test("no limit is nil or below zero; gettimeout tells, where there is one", function()
  local peer = slow_peer "1\n"
  for _, limit in ipairs { -1, false } do
    peer:settimeout(0)
    peer:settimeout(limit or nil)
    t.works(peer:send("go on\n"))
    t.works(peer:receive())
    if peer.gettimeout then t.results({ -1, -1 }, peer:gettimeout()) end
  end
  peer:settimeout(1.5)
  peer:settimeout(2.5, "t")
  if peer.gettimeout then t.results({ 1.5, 2.5 }, peer:gettimeout()) end
end)

t.test("setoption on a fresh socket.tcp() does not raise (LuaSec's samples)", function()
  for _, name in ipairs { "reuseaddr", "keepalive", "tcp-nodelay" } do
    local fresh = socket.tcp()
    local good, result, err = pcall(fresh.setoption, fresh, name, true)
    t.truth(good, "setoption raised")
    if result ~= 1 then t.kind(err, "string") end
  end
end)

t.test("names of options that are in use", function()
  local client = t.pair()
  for _, name in ipairs { "keepalive", "reuseaddr", "tcp-nodelay" } do
    for _, value in ipairs { true, false } do
      t.results({ 1 }, client:setoption(name, value))
      t.results({ value }, client:getoption(name))
    end
  end
  t.results({ 1 }, client:setoption("linger", { on = true, timeout = 7 }))
  t.equal(client:getoption("linger").on, true)
  t.equal(client:getoption("linger").timeout, 7)
  for _, name in ipairs { "recv-buffer-size", "send-buffer-size" } do
    t.results({ 1 }, client:setoption(name, 20000))
    t.truth(client:getoption(name) >= 20000, name)
  end
  t.results({ nil, n = 1 }, client:getoption("error"))
  -- systems may lack these
  local some = { reuseport = true, ["tcp-keepidle"] = 33, ["tcp-keepintvl"] = 11,
    ["tcp-keepcnt"] = 4 }
  for name, value in pairs(some) do
    local result, err = client:setoption(name, value)
    if result then
      t.equal((client:getoption(name)), value, name)
    else
      t.kind(err, "string", name)
    end
  end
  if t.has_inet6 then
    t.results({ 1 }, t.master("inet6"):setoption("ipv6-v6only", true))
  end
end)

t.test("setsockname is bind, and setpeername connect (Prosody)", function()
  local server, client = socket.tcp4(), socket.tcp4()
  t.results({ 1 }, server:setsockname("127.0.0.1", 0))
  t.works(server:listen())
  local host, port = server:getsockname()
  t.equal(host, "127.0.0.1")
  t.results({ 1 }, client:setpeername(host, port))
  t.equal(client.class, "tcp{client}")
  t.equal((select(2, client:getpeername())), tonumber(port))
end)

-- ---- try, protect, sources and sinks, and the rest -----------------------------------

t.test("try fails to protect, behind the finalizer; all else passes (http.lua, LuaSec)", function()
  local finalized = 0
  local try = socket.newtry(function() finalized = finalized + 1 end)
  local protected = socket.protect(function(...) return "result", try(...) end)
  t.results({ "result", 1, nil, "x", n = 4 }, protected(1, nil, "x"))
  t.equal(finalized, 0)
  t.results({ nil, "the message", n = 2 }, protected(nil, "the message"))
  t.equal(finalized, 1)
  local value = { "an error of others" }
  local good, err = pcall(socket.protect(function() error(value) end))
  t.equal(good, false)
  t.equal(err, value)
  t.raises("arithmetic", socket.protect(function() return {} + 1 end))
end)

t.test("skip drops results, choose picks by name (http.lua, smtp.lua)", function()
  t.results({ "c", nil, n = 2 }, socket.skip(2, "a", "b", "c", nil))
  local pick = socket.choose { default = function(...) return "default", ... end,
    other = function(...) return "other", ... end }
  local kind, first, second = pick("other", 1, 2)
  t.equal(kind, "other")
  t.equal(first, 1)
  t.equal(second, 2)
  t.equal((pick(nil, 1)), "default")
end)

t.test("kinds of sources and sinks can be added (http.lua)", function()
  local client = t.pair()
  replace(socket.sourcet, "mine", function(...) return "source", ... end)
  replace(socket.sinkt, "mine", function(...) return "sink", ... end)
  local kind, o, extra = socket.source("mine", client, 7)
  t.equal(kind, "source")
  t.equal(o, client)
  t.equal(extra, 7)
  kind, o = socket.sink("mine", client)
  t.equal(kind, "sink")
  t.equal(o, client)
end)

t.test("BLOCKSIZE counts from when it is set, for sources that exist too", function()
  local client, accepted = t.pair()
  local source = socket.source("until-closed", accepted)
  replace(socket, "BLOCKSIZE", 3)
  t.works(client:send("0123456"))
  client:close()
  t.equal(source(), "012")
  replace(socket, "BLOCKSIZE", 2)
  t.equal(source(), "34")
end)

t.test("gettime is the time of day, sleep takes fractions (Prosody, Copas)", function()
  local before = os.time()
  local now = socket.gettime()
  t.within(now, before - 1, os.time() + 2)
  t.takes(0.05, 30, socket.sleep, 0.05)
end)

t.test("dns has the five lookups", function()
  local dns = socket.dns
  local address, info = dns.toip("127.0.0.1")
  t.equal(address, "127.0.0.1")
  t.equal(info.ip[1], "127.0.0.1")
  t.equal((dns.toip("localhost")), "127.0.0.1")
  local name
  name, info = t.works(dns.tohostname("127.0.0.1"))
  t.equal(info.name, name)
  t.kind(info.alias, "table")
  t.match(dns.gethostname(), "%S")
  local list = t.works(dns.getaddrinfo("127.0.0.1"))
  t.equal(#list, 1)
  t.equal(list[1].family, "inet")
  t.equal(list[1].addr, "127.0.0.1")
  local names, service = t.works(dns.getnameinfo("127.0.0.1", "9"))
  t.kind(names[1], "string")
  t.kind(service, "string")
end)

t.test("writing to a peer that has gone does not end the process", function()
  local output = t.run([[
    local socket = require "socket"
    local server = assert(socket.bind("127.0.0.1", 0))
    local client = assert(socket.connect("127.0.0.1", (select(2, server:getsockname()))))
    assert(server:accept()):close()
    local sent, err
    for _ = 1, 1000 do
      sent, err = client:send("x")
      if not sent then break end
      socket.sleep(0.002)
    end
    client:send("x")
    print("alive", sent, err)
  ]])
  t.match(output, "^alive%s+nil%s+closed")
end)

t.test("getstats counts what the program got and gave; setstats changes that", function()
  local client, accepted = t.pair()
  t.works(client:send("12345\n12345\n"))
  t.equal((accepted:receive()), "12345")
  local received, sent, age = accepted:getstats()
  t.equal(received, 6)
  t.equal(sent, 0)
  t.within(age, 0, 600)
  received, sent = client:getstats()
  t.equal(received, 0)
  t.equal(sent, 12)
  t.results({ 1 }, accepted:setstats(100, 200, 5000))
  received, sent, age = accepted:getstats()
  t.equal(received, 100)
  t.equal(sent, 200)
  t.within(age, 4999, 5600)
end)

t.test("what nobody refers to closes itself", function()
  local function forget()
    local client, accepted = t.pair()
    t.works(client:send("last\n"))
    return accepted
  end
  local accepted = forget()
  collectgarbage()
  collectgarbage()
  accepted:settimeout(10)
  t.equal((accepted:receive()), "last")
  t.fails("closed", accepted:receive())
end)

t.done()
