-- SPDX-License-Identifier: MIT
-- What require "socket" returns, and what it leaves alone.

-- Taken before the module is loaded for the first time.
local globals = {}
for name in pairs(_G) do globals[name] = true end
local string_functions = {}
for name, f in pairs(string) do string_functions[name] = f end

local socket = require "socket"
for name in pairs(_G) do globals[name] = globals[name] or "new" end

local t = require "harness"

t.test("no global is made", function()
  for name, state in pairs(globals) do
    t.equal(state, true, "global " .. tostring(name))
  end
  for name, f in pairs(string_functions) do t.equal(string[name], f, name) end
end)

t.test("functions of the module", function()
  for _, name in ipairs { "tcp", "tcp4", "tcp6", "bind", "connect", "connect4",
    "connect6", "select", "gettime", "sleep", "newtry", "protect", "try", "skip",
    "choose", "source", "sink", "__unload" } do
    t.kind(socket[name], "function", name)
  end
end)

t.beyond("functions that only this module has", function()
  for _, name in ipairs { "monotime", "fromfd", "strerror" } do
    t.kind(socket[name], "function", name)
  end
  t.kind(socket.errno, "table", "errno")
end)

t.test("functions of dns", function()
  t.kind(socket.dns, "table", "dns")
  for _, name in ipairs { "toip", "tohostname", "gethostname", "getaddrinfo",
    "getnameinfo" } do
    t.kind(socket.dns[name], "function", name)
  end
end)

t.test("constants and tables", function()
  t.kind(socket._VERSION, "string", "_VERSION")
  t.kind(socket._SETSIZE, "number", "_SETSIZE")
  t.truth(socket._SETSIZE >= 1024, "_SETSIZE is not small")
  t.equal(socket._SOCKETINVALID, -1)
  t.kind(socket.BLOCKSIZE, "number", "BLOCKSIZE")
  t.truth(socket.BLOCKSIZE > 0, "BLOCKSIZE is positive")
  t.kind(socket.sourcet, "table", "sourcet")
  t.kind(socket.sinkt, "table", "sinkt")
end)

t.beyond("_VERSION names the library and its version", function()
  t.match(socket._VERSION, "^luatcp %d+%.%d+%.%d+")
end)

t.test("require gives the same table again", function()
  t.equal(require "socket", socket)
  t.equal(package.loaded["socket"], socket)
end)

t.test("the core is a module of its own", function()
  local core = require "socket.core"
  t.kind(core, "table")
  t.equal(core.tcp, socket.tcp)
end)

t.test("new fields and replaced functions are accepted", function()
  local original = socket.sleep
  t.cleanup(function() socket.sleep, socket.NEWFIELD = original, nil end)
  socket.NEWFIELD = 1
  socket.sleep = function() return "replaced" end
  t.equal(socket.NEWFIELD, 1)
  t.equal(socket.sleep(), "replaced")
end)

t.test("a replaced socket.tcp is used by nobody but who looks it up", function()
  -- bind, connect and the rest must not break when a scheduler wraps them.
  local original = socket.bind
  t.cleanup(function() socket.bind = original end)
  local calls = 0
  socket.bind = function(...) calls = calls + 1; return original(...) end
  local server = t.works(socket.bind("127.0.0.1", 0))
  server:close()
  t.equal(calls, 1)
end)

t.beyond("the module has its own name too", function()
  local good, own = pcall(require, "luatcp")
  if not good then t.skip("the module is not installed as luatcp here") end
  t.kind(own, "table")
  t.equal(own._VERSION, socket._VERSION)
end)

t.test("the module and an object survive __unload being there", function()
  -- It exists for hosts that unload modules; objects are not its business.
  t.kind(socket.__unload, "function")
  local o = t.works(socket.tcp())
  t.results({ 1 }, o:close())
end)

t.done()
