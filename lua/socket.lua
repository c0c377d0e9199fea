-- SPDX-License-Identifier: MIT
--
-- socket.lua: what of the module is composed of its own public functions and
-- methods: bind, connect4 and connect6, try, choose, sources and sinks; and
-- protect for Lua 5.1.  One file under two names: require "socket" completes
-- the table of socket.core, require "luatcp" that of luatcp.core.

local name = ...
local socket = require(name == "socket" and "socket.core" or "luatcp.core")

local create, resume = coroutine.create, coroutine.resume
local running, status = coroutine.running, coroutine.status
local yield = coroutine.yield
local error, ipairs, pcall = error, ipairs, pcall
local setmetatable, tonumber, type = setmetatable, tonumber, type

socket.BLOCKSIZE = 2048

-- ---- protect on Lua 5.1 -------------------------------------------------

-- There C code cannot be yielded across, so that protect of the core would
-- keep schedulers from switching.  LuaJIT can yield across pcall; in Lua 5.1
-- proper the function gets a coroutine, whose yields are passed on.

local core_protect = socket.protect

-- nil and the cause for what a try has thrown; all else goes on untouched.
local unwrap = core_protect(function(problem) error(problem, 0) end)

local function finish_call(ok, ...)
  if ok then return ... end
  return unwrap(...)
end

local function protect_by_pcall(call)
  core_protect(call) -- raises where call is nothing to be called
  return function(...) return finish_call(pcall(call, ...)) end
end

local function follow(thread, ok, ...)
  if not ok then return unwrap(...) end
  if status(thread) == "dead" then return ... end
  return follow(thread, resume(thread, yield(...)))
end

local function protect_by_coroutine(call)
  local protected = core_protect(call)
  return function(...)
    if not running() then return protected(...) end -- nobody to yield to
    local thread = create(function(...) return call(...) end)
    return follow(thread, resume(thread, ...))
  end
end

if _VERSION == "Lua 5.1" then
  local probe = create(function() pcall(yield) end)
  resume(probe)
  socket.protect = status(probe) == "suspended" and protect_by_pcall
                   or protect_by_coroutine
end

-- ---- Connections --------------------------------------------------------

function socket.connect4(host, port, local_host, local_port)
  return socket.connect(host, port, local_host, local_port, "inet")
end

function socket.connect6(host, port, local_host, local_port)
  return socket.connect(host, port, local_host, local_port, "inet6")
end

-- Raises before anything has been looked up or opened.
local function check_bind(host, port, backlog)
  local function refuse(position, expected, value)
    error(("bad argument #%d to 'bind' (%s expected, got %s)"):format(
            position, expected, type(value)), 4)
  end
  if type(host) ~= "string" and type(host) ~= "number" then
    refuse(1, "string", host)
  elseif type(port) ~= "string" and type(port) ~= "number" then
    refuse(2, "number or string", port)
  elseif backlog ~= nil and not tonumber(backlog) then
    refuse(3, "number", backlog)
  end
end

-- The number is there only where the system has failed.
local function failure(message, number)
  if number then return nil, message, number end
  return nil, message
end

-- A server on one address; the object is closed where it cannot be had.
local function listen_on(address, port, backlog)
  local open = address.family == "inet6" and socket.tcp6 or socket.tcp4
  local server, message, number = open()
  if not server then return nil, message, number end
  local done, problem = pcall(function()
    local ok
    ok, message, number = server:setoption("reuseaddr", true)
    if ok then ok, message, number = server:bind(address.addr, port) end
    if ok then ok, message, number = server:listen(backlog) end
    return ok
  end)
  if done and problem then return server end
  server:close()
  if not done then error(problem, 0) end
  return nil, message, number
end

function socket.bind(host, port, backlog)
  check_bind(host, port, backlog)
  if host == "*" then host = "0.0.0.0" end
  local addresses, message, number = socket.dns.getaddrinfo(host)
  if not addresses then return failure(message, number) end
  local server
  for _, address in ipairs(addresses) do
    server, message, number = listen_on(address, port, backlog)
    if server then return server end
  end
  return failure(message, number)
end

-- ---- Exceptions and choices ---------------------------------------------

socket.try = socket.newtry()

local function find(entries, key)
  local entry = entries[key]
  if not entry then error("unknown key (" .. key .. ")", 3) end
  return entry
end

-- A function that calls the entry of a table under the name it is given first;
-- "default" when that is not a string.
function socket.choose(entries)
  return function(key, ...)
    if type(key) ~= "string" then return find(entries, "default")(key, ...) end
    return find(entries, key)(...)
  end
end

-- ---- Sources and sinks --------------------------------------------------

-- LTN12 sources and sinks are called; select waits for them like for objects.
local function callable(connection, call)
  return setmetatable({
    getfd = function() return connection:getfd() end,
    dirty = function() return connection:dirty() end
  }, {__call = call})
end

-- A source that fails with "timeout" keeps what had arrived by then, and goes
-- on with it when it is called again.  What came before any other failure is
-- given first.

socket.sourcet = {}

socket.sourcet["by-length"] = function(connection, length)
  local partial = ""
  return callable(connection, function()
    if length <= 0 then return nil end
    local size = length < socket.BLOCKSIZE and length or socket.BLOCKSIZE
    local chunk, message, rest = connection:receive(size, partial)
    if not chunk and message == "timeout" then
      partial = rest or partial
      return nil, message
    end
    partial = ""
    if not chunk then chunk = rest end
    if not chunk or chunk == "" then return nil, message end
    length = length - #chunk
    return chunk
  end)
end

socket.sourcet["until-closed"] = function(connection)
  local partial, done = "", false
  return callable(connection, function()
    if done then return nil end
    local chunk, message, rest = connection:receive(socket.BLOCKSIZE, partial)
    if chunk then
      partial = ""
      return chunk
    elseif message == "timeout" then
      partial = rest or partial
      return nil, message
    elseif message == "closed" then
      done = true
      connection:close()
    end
    partial = ""
    if rest and rest ~= "" then return rest end
    if done then return nil end
    return nil, message
  end)
end

socket.sourcet.default = socket.sourcet["until-closed"]

socket.sinkt = {}

socket.sinkt["close-when-done"] = function(connection)
  return callable(connection, function(_, chunk)
    if chunk then return connection:send(chunk) end
    connection:close()
    return 1
  end)
end

socket.sinkt["keep-open"] = function(connection)
  return callable(connection, function(_, chunk)
    if chunk then return connection:send(chunk) end
    return 1
  end)
end

socket.sinkt.default = socket.sinkt["keep-open"]

socket.source = socket.choose(socket.sourcet)
socket.sink = socket.choose(socket.sinkt)

return socket
