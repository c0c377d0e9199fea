-- SPDX-License-Identifier: MIT
-- run_examples.lua LIST DIRECTORY: runs examples that extract.awk has taken out
-- of the manual, each by itself.
--
-- The examples talk to a counterpart (counterpart.lua), not to the world: names
-- and addresses that are not this machine's lead to its echo service, ports of
-- servers are chosen by the system, and each server is visited by a client that
-- sends three lines.  Loops without an end are ended when no more visitor is
-- there.  What is not defined by an example but given:
--   socket         the module
--   client         a client; the other side has sent "hello", "how are you?"
--                  and "bye", each on a line, and ended its sending
--   server         a server; a visitor is on its way
--   host, port     where the echo service is
--   data           a string of 100000 bytes
--   handle(object) closes the object
local t = require "harness"
local socket = t.socket

local list, directory = arg[1], arg[2]
local STOP = "the example has had its visitors"

-- ---- The counterpart --------------------------------------------------------

local here = arg[0]:match("^(.*)/[^/]*$")
local meeting = assert(socket.bind("127.0.0.1", 0))
local _, meeting_port = meeting:getsockname()
local process = io.popen(("exec %s %s %d </dev/null"):format(t.interpreter(),
  t.quote(here .. "/counterpart.lua"), meeting_port))
meeting:settimeout(30)
local orders = assert(meeting:accept())
meeting:close()
orders:settimeout(30)
local echo_port, greeter_port = assert(orders:receive()):match("(%d+) (%d+)")
echo_port, greeter_port = tonumber(echo_port), tonumber(greeter_port)

-- ---- What examples meet instead of the world -------------------------------

local original = {
  select = socket.select, sleep = socket.sleep, connect = socket.connect,
  bind = socket.bind
}
local methods = {}
for _, name in ipairs { "bind", "listen", "connect", "accept" } do
  methods[name] = socket.tcp()[name]
end

local given, visits, accepted, idle, known

local function start()
  given, visits, accepted, idle = {}, 0, 0, 0
  known = { [echo_port] = echo_port, [greeter_port] = greeter_port }
end

local loopback = {
  ["127.0.0.1"] = true, ["::1"] = true, localhost = true, ["0.0.0.0"] = true,
  ["::"] = true, ["*"] = true
}

-- Where a connect really goes.  What is no name and no port stays as it is.
local function translate(host, port)
  if type(host) ~= "string" or not tonumber(port) then return host, port end
  local number = tonumber(port)
  if known[number] then
    return loopback[host] and host or "127.0.0.1", known[number]
  elseif loopback[host] then
    return host, number > 0 and number < 65536 and echo_port or port
  elseif host:find("invalid") then
    return host, port
  end
  return host:find(":", 1, true) and "::1" or "127.0.0.1", echo_port
end

local function visit(server)
  local address, port = server:getsockname()
  if address == "0.0.0.0" then address = "127.0.0.1" end
  if address == "::" then address = "::1" end
  known[port] = port
  visits = visits + 1
  assert(orders:send(("visit %s %d\n"):format(address, port)))
end

local function end_when_idle()
  idle = idle + 1
  if idle > 20 or accepted > 0 then error(STOP, 0) end
end

local function bind(object, host, port)
  local ok, message, number = methods.bind(object, host, 0)
  if ok and tonumber(port) then
    local _, chosen = object:getsockname()
    known[tonumber(port)] = chosen
  end
  return ok, message, number
end

local function listen(object, ...)
  local ok, message, number = methods.listen(object, ...)
  if ok then visit(object) end
  return ok, message, number
end

local function connect(object, host, port)
  host, port = translate(host, port)
  if object:getfamily() == "inet6" and host == "127.0.0.1" then host = "::1" end
  return methods.connect(object, host, port)
end

local function accept(object)
  if object:gettimeout() ~= 0 then
    for _ = 1, 10 do
      if original.select({ object }, nil, 2)[1] then break end
      if visits == 0 then error("nobody was sent to this server", 2) end
      if accepted >= visits then error(STOP, 0) end
    end
  end
  local peer, message, number = methods.accept(object)
  if peer then accepted, idle = accepted + 1, 0 end
  return peer, message, number
end

local probe = socket.tcp()
for _, class in ipairs { probe, (t.pair()), (t.server()) } do
  local index = getmetatable(class).__index
  index.bind, index.setsockname, index.listen = bind, bind, listen
  index.connect, index.setpeername, index.accept = connect, connect, accept
  class:close()
end

function socket.connect(host, port, ...)
  host, port = translate(host, port)
  return original.connect(host, port, ...)
end

function socket.bind(host, port, backlog)
  local number = tonumber(port)
  local valid = number and number >= 0 and number < 65536
  local server, message, code =
    original.bind(host, valid and 0 or port, backlog)
  if not server then return nil, message, code end
  local _, chosen = server:getsockname()
  known[number or chosen] = chosen
  visit(server)
  return server
end

function socket.sleep(seconds)
  return original.sleep(math.min(seconds, 0.05))
end

function socket.select(receivers, senders, seconds)
  local patience = seconds and seconds >= 0 and math.min(seconds, 2) or 2
  for _ = 1, 10 do
    local r, s, message = original.select(receivers, senders, patience)
    if not message then
      idle = 0
      return r, s
    end
    end_when_idle()
    if seconds then return r, s, message end
  end
  error(STOP, 0)
end

local poller = socket.poller()
local poller_methods = getmetatable(poller).__index
local wait = poller_methods.wait
function poller_methods.wait(self, seconds, max)
  local patience = seconds and seconds >= 0 and math.min(seconds, 2) or 2
  local iterate, first = wait(self, patience, max)
  local count = 0
  return function(state)
    local object, events, value = iterate(state)
    if object then
      count, idle = count + 1, 0
      return object, events, value
    elseif count == 0 then
      end_when_idle()
    end
  end, first
end
poller:close()

-- ---- What examples are given ------------------------------------------------

local makers = {
  socket = function() return socket end,
  host = function() return "127.0.0.1" end,
  port = function() return echo_port end,
  client = function() return assert(original.connect("127.0.0.1", greeter_port)) end,
  server = function() return assert(socket.bind("127.0.0.1", 0)) end,
  data = function() return ("x"):rep(100000) end,
  handle = function() return function(object) object:close() end end,
  print = function()
    return function(...)
      for i = 1, select("#", ...) do local _ = tostring((select(i, ...))) end
    end
  end
}

local function environment()
  return setmetatable({ arg = { [0] = "example" } }, { __index = function(own, name)
    local maker = makers[name]
    if not maker then return _G[name] end
    local value = maker()
    rawset(own, name, value)
    if name == "client" or name == "server" then given[#given + 1] = value end
    return value
  end })
end

-- ---- Running -----------------------------------------------------------------

-- Lua 5.1 has no integers, goto or attributes: what needs a later one says so
-- by not being its syntax there.
local function compile(text, name, space)
  if setfenv then
    local chunk, message = loadstring(text, "@" .. name)
    return chunk and setfenv(chunk, space), message
  end
  return load(text, "@" .. name, "t", space)
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function is_stop(problem)
  return tostring(problem):find(STOP, 1, true) ~= nil
end

local function explain(problem)
  return is_stop(problem) and STOP or debug.traceback(tostring(problem), 2)
end

local later = _VERSION ~= "Lua 5.4" and _VERSION ~= "Lua 5.5"
local count = 0
for line in io.lines(list) do
  local number, how, document, first = line:match("^(%d+) (%a+) (.*) (%d+)$")
  local text = read(("%s/%s.lua"):format(directory, number))
  local name = document:match("[^/]*$")
  count = count + 1
  if not (later and text:find("<close>", 1, true)) then
    t.test(("the example of %s:%d"):format(name, first), function()
      if text:find("tcp6", 1, true) or text:find("connect6", 1, true) then
        t.need("inet6")
      end
      start()
      t.cleanup(function()
        for _, object in ipairs(given) do object:close() end
        given = nil
      end)
      local chunk, message = compile(text, name, environment())
      t.truth(chunk, tostring(message))
      if how == "run" then
        local good, problem = xpcall(chunk, explain)
        local missing = tostring(problem):match("module '([^']+)' not found")
        if missing then t.skip("module " .. missing .. " is not here") end
        t.truth(good or is_stop(problem), tostring(problem))
      end
    end)
  end
end

t.test("there are examples", function() t.truth(count > 0) end)
orders:close()
process:close()
t.done()
