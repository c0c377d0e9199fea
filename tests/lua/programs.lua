-- SPDX-License-Identifier: MIT
-- What programs written for LuaSocket lean on without being told that they may;
-- in brackets who does it.  Holds on LuaSocket too.
local t = require "harness"
local socket = t.socket

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

t.test("words for the kinds of limits (LuaSocket's own tests, old programs)", function()
  local client = t.pair()
  for _, word in ipairs { "b", "t", "r", "block", "total" } do
    t.results({ 1 }, client:settimeout(0, word))
    client:settimeout(nil, "t")
    client:settimeout(nil)
  end
  client:settimeout(0, "total")
  t.takes(0, 20, function() t.fails("timeout", client:receive()) end)
end)

t.test("arguments that nobody asked for are ignored (Pegasus, MobDebug)", function()
  local server = t.works(socket.bind("127.0.0.1", 0, 32, "extra"))
  t.cleanup(function() server:close() end)
  local host, port = server:getsockname("extra")
  local client = t.works(socket.tcp("extra"))
  t.results({ 1 }, client:settimeout(10, "b", "extra"))
  t.results({ 1 }, client:connect(host, port, "extra"))
  local accepted = t.works(server:accept("extra"))
  t.equal(client:send("text\n", 1, 5, "extra"), 5)
  t.equal((accepted:receive("*l", "", nil, "extra")), "text")
  t.results({ 1 }, client:close("extra"))
  accepted:close()
end)

t.test("send on a connection that is under way, and on one that failed (Prosody)", function()
  local _, host, port, fillers = t.full_server()
  local client = t.master()
  client:settimeout(0)
  t.fails("timeout", client:connect(host, port))
  local good = pcall(client.send, client, "")
  t.truth(good, "send of nothing raised")
  t.truth(#fillers > 0)
  local failed = t.master()
  failed:settimeout(0)
  failed:connect("127.0.0.1", t.dead_port())
  socket.select(nil, { failed }, 10)
  t.truth((pcall(failed.send, failed, "")), "send of nothing raised")
  local sent, err = failed:send("x")
  t.equal(sent, nil)
  t.kind(err, "string")
end)

t.test("a connect that failed later: its error is there to be asked for (Prosody)", function()
  local client = t.master()
  client:settimeout(0)
  local good, err = client:connect("127.0.0.1", t.dead_port())
  t.equal(good, nil)
  if err == "timeout" then
    socket.select(nil, { client }, 10)
    local _, told = client:connect("127.0.0.1", 1)
    err = client:getoption("error") or told
  end
  t.equal(err, "connection refused")
end)

t.test("methods that are copied from the class work on the object (LuaSec's https)", function()
  local client, accepted = t.pair()
  local wrapper = {}
  for name, method in pairs(getmetatable(client).__index) do
    if type(method) == "function" then
      wrapper[name] = function(_, ...) return method(client, ...) end
    end
  end
  t.equal(wrapper:send("text\n"), 5)
  t.equal((accepted:receive()), "text")
  t.equal(wrapper:getfd(), client:getfd())
  local _, writable = socket.select(nil, { wrapper }, 10)
  t.equal(writable[1], wrapper)
end)

t.test("what select returns can be written to (Copas)", function()
  local client = t.pair()
  for _, limit in ipairs { 0, 0.01 } do
    local readable, writable, err = socket.select({ client }, {}, limit)
    t.equal(err, "timeout")
    readable[#readable + 1] = client
    readable[client] = #readable
    writable[1] = client
    t.equal(#readable, 1)
    t.differ(readable, writable)
    local again = socket.select({ client }, {}, 0)
    t.equal(#again, 0, "tables of another call")
  end
end)

t.test("lists that have methods are lists (Copas)", function()
  local client, accepted = t.pair()
  local list = setmetatable({ accepted }, { __index = { insert = table.insert } })
  client:send("x")
  local readable = socket.select(list, list, 10)
  t.equal(readable[1], accepted)
  t.equal(#readable, 1)
end)

t.test("a wrapper that is no userdata has getfd and dirty (http.lua, Copas, watchfd)", function()
  local client, accepted = t.pair()
  client:send("one\ntwo\n")
  t.equal((accepted:receive()), "one")
  local wrapper = { getfd = function() return accepted:getfd() end,
    dirty = function() return accepted:dirty() end }
  local readable = socket.select({ wrapper }, nil, 0)
  t.equal(readable[1], wrapper)
  t.equal(readable[wrapper], 1)
end)

t.test("functions of try are replaced for all who come later (Copas)", function()
  local protect, newtry = socket.protect, socket.newtry
  t.cleanup(function() socket.protect, socket.newtry = protect, newtry end)
  socket.protect = function(f) return f end
  socket.newtry = function() return function(...) return "replaced", ... end end
  t.equal(socket.newtry()(nil, "message"), "replaced")
  t.equal(socket.protect(print), print)
end)

t.test("servers at names (Pegasus, Xavante)", function()
  for _, host in ipairs { "*", "localhost", "127.0.0.1" } do
    local server = t.works(socket.bind(host, 0))
    local _, port, family = server:getsockname()
    t.truth(tonumber(port) > 0)
    if host == "*" then t.equal(family, "inet", "family of *") end
    server:close()
  end
  t.need("inet6")
  local server = t.works(socket.bind("::1", 0))
  t.equal(select(3, server:getsockname()), "inet6")
  server:close()
end)

t.test("a port in a string, as it comes from a URL (http.lua, redis-lua)", function()
  local server, host, port = t.server()
  local client = t.works(socket.connect(host, tostring(port)))
  t.works(server:accept()):close()
  client:close()
  server:close()
end)

t.test("the descriptor moves away and nothing is closed (LuaSec)", function()
  local client, accepted = t.pair()
  local descriptor = client:getfd()
  t.results({ n = 0 }, client:setfd(-1))
  t.equal(client:getfd(), -1)
  t.results({ 1 }, client:close())
  -- still connected
  accepted:settimeout(0)
  t.fails("timeout", accepted:receive())
  local other = t.master()
  local own = other:getfd()
  t.results({ n = 0 }, other:setfd(descriptor))
  t.equal(other:getfd(), descriptor)
  other:close()
  accepted:settimeout(10)
  t.fails("closed", accepted:receive())
  -- setfd did not close the one that was there before
  local third = t.master()
  t.differ(third:getfd(), own)
  third:close()
  local last = socket.tcp()
  last:setfd(own)
  last:close()
end)

t.test("getstats counts what the program got and gave", function()
  local client, accepted = t.pair()
  client:send("12345\n12345\n")
  t.equal((accepted:receive()), "12345")
  local received, sent, age = accepted:getstats()
  t.equal(received, 6)
  t.equal(sent, 0)
  t.truth(age >= 0)
  received, sent = client:getstats()
  t.equal(received, 0)
  t.equal(sent, 12)
end)

t.done()
