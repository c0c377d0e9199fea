-- SPDX-License-Identifier: MIT
--
-- surface.lua: random methods and functions with random arguments on objects in
-- random states, called from plain code, callbacks, coroutines and finalizers.
-- Whatever happens, a call returns what is documented or raises an error that
-- names the argument.  Nothing waits for long, and nothing outside loopback and
-- the objects made here is touched.
local input = require "input"
local socket = require "socket"
local claim = input.claim
local unpack = table.unpack or unpack

local bytes          -- the input
local objects        -- sockets, the last ones made
local pollers
local strays         -- descriptors that no object has
local ports          -- of servers made here
local depth          -- of random operations inside each other

local MARK = {}      -- what callbacks raise

-- ---- What may come back -----------------------------------------------------

local messages = {}
for _, message in ipairs {
  "timeout", "closed", "oversized", "host not found", "address family not chosen yet",
  "not possible in this state", "invalid port", "invalid argument", "not a TCP socket",
  "already in the poller", "not in the poller", "temporary failure in name resolution",
  "non-recoverable failure in name resolution", "ai_family not supported",
  "host or service not provided, or not known", "service not supported for socket type"
} do messages[message] = true end

-- ENOMEM is not among them: no call here needs much.
local numbers = {}
for _, name in ipairs {
  "EACCES", "EADDRINUSE", "EADDRNOTAVAIL", "EAFNOSUPPORT", "EALREADY", "EBADF",
  "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EDOM", "EEXIST", "EHOSTUNREACH",
  "EINPROGRESS", "EINVAL", "EISCONN", "ENETUNREACH", "ENOBUFS", "ENODEV", "ENOPROTOOPT",
  "ENOTCONN", "ENOTSOCK", "EOPNOTSUPP", "EPERM", "EPIPE", "ETIMEDOUT", "EPROTO", "ERANGE",
  "ENOSPC"
} do
  local number = socket.errno[name]
  if number then numbers[number] = true end
end

local raised = { "bad argument #", "on bad self", "unknown key", "select failed: ",
  "poller failed: " }

local function check_error(name, problem)
  if problem == MARK then return end
  claim(type(problem) == "string", name, "raised", problem)
  for _, text in ipairs(raised) do
    if problem:find(text, 1, true) then return end
  end
  claim(false, name, "raised", problem)
end

local function check_failure(name, message, ...)
  claim(type(message) == "string", name, "failed with", message, ...)
  local number = select("#", ...) > 0 and select(select("#", ...), ...)
  if type(number) == "number" and numbers[number] and message == socket.strerror(number) then
    return
  end
  claim(messages[message], name, "failed with", message, ...)
end

local function check_results(name, good, first, ...)
  if not good then return check_error(name, first) end
  if first == nil and select("#", ...) > 0 then check_failure(name, ...) end
  return first, ...
end

-- ---- Values -----------------------------------------------------------------

local operation -- below

-- A random operation in the middle of another one.
local function inner()
  if depth >= 3 then return end
  depth = depth + 1
  for _ = 1, bytes:byte() % 3 do operation() end
  depth = depth - 1
  if bytes:chance(16) then error(MARK, 0) end
end

local function some_object()
  return objects[bytes:byte() % math.max(#objects, 1) + 1]
end

local function descriptor_value()
  local o = some_object()
  return bytes:one_of(-1, 987654, 1.5, "x", o and o:getfd() or -1, false)
end

-- Something that is no object of ours but has methods.
local function stranger()
  local fixed = descriptor_value()
  local dirty = bytes:chance(2)
  local object = {
    getfd = function() inner() return fixed end,
    dirty = function() inner() return dirty end
  }
  if bytes:chance(4) then object.getfd = true end
  if bytes:chance(4) then return setmetatable({}, { __index = object }) end
  if bytes:chance(8) then
    return setmetatable(object, { __index = function() inner() end })
  end
  return object
end

local words = {
  "*l", "*a", "l", "L", "a", "*x", "", "b", "t", "both", "send", "receive", "r", "rw", "w1",
  "keepalive", "linger", "tcp-nodelay", "reuseaddr", "ipv6-v6only", "error", "bindtodevice",
  "recv-buffer-size", "send-buffer-size", "tcp-keepidle", "tcp-user-timeout", "tcp-fastopen",
  "tcp-cork", "tcp-quickack", "tcp-keepcnt", "reuseport", "inet", "inet6", "unspec", "lo",
  "0", "65536", "a\0b"
}
local figures = {
  0, 1, -1, 2, 16, 255, 65535, 65536, 0.5, -0.5, 1e15, 2 ^ 31, 2 ^ 53, 2 ^ 63, -2 ^ 63, 1e308,
  1 / 0, -1 / 0, 0 / 0
}

local function list_of_things()
  local list = {}
  for i = 1, bytes:byte() % 6 do
    local what = bytes:byte() % 8
    if what < 5 then list[i] = some_object() or false
    elseif what == 5 then list[i] = stranger()
    else list[i] = bytes:one_of(1, "x", true, print, {}) end
  end
  if bytes:chance(8) then
    local hidden = list
    list = setmetatable({}, { __index = function(_, k) inner() return hidden[k] end })
  end
  return list
end

local function value()
  local what = bytes:byte() % 12
  if what == 0 then return nil end
  if what == 1 then return bytes:chance(2) end
  if what < 4 then return bytes:pick(figures) end
  if what < 7 then return bytes:pick(words) end
  if what == 7 then return bytes:bytes(bytes:byte() % 20) end
  if what == 8 then return some_object() end
  if what == 9 then return list_of_things() end
  if what == 10 then return stranger() end
  return inner
end

local function values()
  local count = bytes:byte() % 5
  local list = {}
  for i = 1, count do list[i] = value() end
  return unpack(list, 1, count)
end

-- Short, or such that the call raises.
local function seconds()
  return bytes:one_of(0, 0, 0, 0.0005, 0 / 0, "x", {})
end

-- Hosts that no resolver has to be asked for.
local hosts = { "127.0.0.1", "127.0.0.1", "127.0.0.1", "::1", "0.0.0.0", "::", "127.1",
  "::ffff:127.0.0.1", "", "127.0.0.1\0", {}, false }
local function port()
  return bytes:one_of(ports[#ports] or 0, ports[1] or 0, tostring(ports[#ports] or 0), 0, -1,
    65536, 1.5, 0 / 0, "x y", "1\0", {})
end

-- ---- Objects ----------------------------------------------------------------

local function keep(o)
  if type(o) ~= "userdata" then return end
  if #objects >= 12 then table.remove(objects, bytes:byte() % 12 + 1) end
  objects[#objects + 1] = o
end

local makers = {
  function() keep(socket.tcp()) end,
  function() keep(socket.tcp4()) end,
  function() keep(socket.tcp6()) end,
  function()
    local server = socket.bind(bytes:one_of("127.0.0.1", "::1"), 0, bytes:byte() % 4)
    if not server then return end
    local _, number = server:getsockname()
    ports[#ports + 1] = number
    keep(server)
  end,
  function()
    local client, accepted = input.pair()
    keep(client)
    keep(accepted)
  end,
  function() pollers[#pollers % 3 + 1] = socket.poller() end
}

local function short_limits(o)
  pcall(o.settimeout, o, bytes:one_of(0, 0, 0.0005), bytes:one_of("b", "t"))
  pcall(o.settimeout, o, bytes:chance(2) and 0 or 0.001, "t")
end

-- ---- Operations -------------------------------------------------------------

local methods = {
  "accept", "bind", "close", "connect", "dirty", "getfamily", "getfd", "getoption",
  "getpeername", "getsockname", "getstats", "gettimeout", "listen", "receive", "receiveany",
  "send", "setoption", "setpeername", "setsockname", "setstats", "settimeout", "shutdown"
}

local options = { "keepalive", "reuseaddr", "reuseport", "tcp-nodelay", "tcp-cork",
  "tcp-quickack", "tcp-fastopen-connect", "ipv6-v6only", "tcp-keepidle", "tcp-keepintvl",
  "tcp-keepcnt", "tcp-user-timeout", "tcp-fastopen", "recv-buffer-size", "send-buffer-size",
  "linger", "error", "bindtodevice" }

-- Closing must not linger here.
local function linger()
  local fields = { on = bytes:one_of(true, false, 1, nil), timeout = bytes:one_of(0, -1, 0.5, "x") }
  if bytes:chance(4) then
    return setmetatable({}, { __index = function(_, k) inner() return fields[k] end })
  end
  return fields
end

local sensible = {
  accept = function() end,
  bind = function() return bytes:pick(hosts), bytes:one_of(0, "0", 65536, -1, "x y") end,
  connect = function() return bytes:pick(hosts), port() end,
  listen = function() return bytes:one_of(nil, 0, 1, 32) end,
  receive = function()
    return bytes:one_of("*l", "*a", "L", 0, 1, 5, 100, 70000),
      bytes:one_of(nil, "", "ab"), bytes:one_of(nil, 1, 3, 100)
  end,
  receiveany = function() return bytes:one_of(1, 10, 100000) end,
  send = function() return bytes:text(), bytes:one_of(nil, 1, -3, 5), bytes:one_of(nil, -1, 4) end,
  getoption = function() return bytes:pick(options) end,
  setoption = function()
    local name = bytes:pick(options)
    if name == "linger" then return name, linger() end
    return name, bytes:one_of(true, false, 0, 1, 100, 2 ^ 31 - 1, "lo", "", {})
  end,
  settimeout = function() return bytes:one_of(0, 1, -1, 0 / 0, nil), bytes:one_of("b", "t", "x") end,
  shutdown = function() return bytes:one_of("both", "send", "receive", "x") end,
  setstats = function() return bytes:pick(figures), bytes:pick(figures), bytes:pick(figures) end
}
sensible.setsockname, sensible.setpeername = sensible.bind, sensible.connect

local function asks_the_network(name)
  return name == "bind" or name == "connect" or name == "setsockname" or name == "setpeername"
end

local function arguments(name)
  local make = sensible[name]
  if make and (asks_the_network(name) or name == "setoption" or not bytes:chance(3)) then
    return make()
  end
  return values()
end

local function call_method()
  local name, o = bytes:pick(methods), some_object()
  if not o then return end
  local method = o[name]
  short_limits(o)
  local self = o
  if bytes:chance(32) then self = value() end
  if self ~= o and type(self) == "userdata" then short_limits(self) end
  local first = check_results(name, pcall(method, self, arguments(name)))
  if name == "accept" then keep(first) end
end

local functions = {
  connect = function() return bytes:one_of("127.0.0.1", "::1", ""), bytes:one_of(ports[1] or 1, -1, "x y"),
    bytes:one_of(nil, "127.0.0.1", "::1", {}), bytes:one_of(nil, 0, -1),
    bytes:one_of(nil, "inet", "inet6", "unspec", "x") end,
  bind = function() return bytes:one_of("127.0.0.1", "*", "::1", "", "127.0.0.1\0", {}),
    bytes:one_of(0, -1, "x y", {}), bytes:one_of(nil, 0, -1, {}) end,
  sleep = function() return bytes:one_of(0, -1, 0.0001, 0 / 0, "x", {}) end,
  skip = function() end,
  strerror = function() return values() end,
  gettime = function() return values() end,
  newtry = function() return value() end,
  protect = function() return value() end,
  source = function() return bytes:one_of("until-closed", "by-length", "x"), some_object(), 5 end,
  sink = function() return bytes:one_of("keep-open", "close-when-done", "x"), some_object() end,
  fromfd = function() return bytes:one_of(987654, -1, 1.5, "x", 0 / 0, {}) end
}
local function_names = {}
for name in pairs(functions) do function_names[#function_names + 1] = name end
table.sort(function_names)

local function call_function()
  local name = bytes:pick(function_names)
  -- a server's queue may be full, so that a connect would take its time
  if name == "connect" then ports[1] = nil end
  if name == "skip" then -- gives back its arguments, whatever they are
    local good, problem = pcall(socket.skip, values())
    if not good then check_error(name, problem) end
    return
  end
  local first = check_results(name, pcall(socket[name], functions[name]()))
  if name == "bind" or name == "connect" then keep(first) end
  if first and (name == "newtry" or name == "protect") then
    -- what it calls may be any value
    pcall(first, values())
  elseif type(first) == "table" and (name == "source" or name == "sink") then
    for _, o in ipairs(objects) do short_limits(o) end
    pcall(first, bytes:one_of("data", nil))
  end
end

local lookups = {
  getaddrinfo = hosts, toip = { "127.0.0.1", "::1", "", "127.1", {} },
  tohostname = { "", {}, "127.0.0.1\0" }, getnameinfo = { {}, "", "127.0.0.1\0" }
}
local lookup_names = { "getaddrinfo", "getnameinfo", "tohostname", "toip" }

local function call_lookup()
  local name = bytes:pick(lookup_names)
  check_results(name, pcall(socket.dns[name], bytes:pick(lookups[name])))
end

local function call_select()
  local receivers = bytes:chance(4) and value() or list_of_things()
  local senders = bytes:chance(4) and value() or list_of_things()
  local good, r, s = pcall(socket.select, receivers, senders, seconds())
  if not good then return check_error("select", r) end
  claim(type(r) == "table" and type(s) == "table", "select", r, s)
  for i, o in ipairs(r) do claim(r[o] == i, "select: map") end
end

local poller_methods = { "add", "modify", "remove", "add", "wait", "wait", "close" }

local function walk(poller)
  local count = 0
  for object, events, _ in poller:wait(seconds(), bytes:one_of(nil, 1, 300)) do
    claim(object ~= nil and type(events) == "string", "poller", object, events)
    count = count + 1
    if bytes:chance(2) then inner() end
    if count > 20 then break end
  end
end

local function call_poller()
  local poller = pollers[bytes:byte() % math.max(#pollers, 1) + 1]
  if not poller then return end
  local name = bytes:pick(poller_methods)
  if name == "wait" then
    local good, problem = pcall(walk, poller)
    if not good then check_error("wait", problem) end
    return
  end
  if name == "close" and not bytes:chance(4) then return end
  local what = bytes:chance(6) and value() or some_object()
  if bytes:chance(4) then what = stranger() end
  check_results(name, pcall(poller[name], poller, what,
    bytes:one_of("r", "w", "rw", "r1", "", "x", 5), value()))
end

-- Descriptors go from one object to another, as TLS modules have it; each
-- belongs to one at a time.
local function move_descriptor()
  local o, what = some_object(), bytes:byte() % 5
  if not o then return end
  if what < 2 then
    local fd = what == 0 and o:getfd() or -1
    if what == 0 then
      if not check_results("setfd", pcall(o.setfd, o, bytes:one_of(-1, 987654))) and fd >= 0 then
        strays[#strays + 1] = fd
      end
    else
      fd = check_results("detach", pcall(o.detach, o))
      if fd then strays[#strays + 1] = fd end
    end
  elseif what == 2 then
    check_results("setfd", pcall(o.setfd, o, bytes:one_of(1.5, 0 / 0, "x", {}, 1e300)))
  elseif #strays > 0 then
    local fd = table.remove(strays)
    if what == 3 then
      local adopted = check_results("fromfd", pcall(socket.fromfd, fd))
      if adopted then keep(adopted) else strays[#strays + 1] = fd end
    else
      local old = o:getfd()
      if pcall(o.setfd, o, fd) then
        if old >= 0 then strays[#strays + 1] = old end
      else
        strays[#strays + 1] = fd
      end
    end
  end
end

-- Programs can reach finalizers, and objects can meet theirs early.
local function finalize()
  local o = some_object()
  if not o then return end
  local meta = getmetatable(o)
  local name = bytes:one_of("__gc", "__close", "__tostring")
  check_results(name, pcall(meta[name], bytes:chance(8) and value() or o))
end

local function collect()
  local what = bytes:byte() % 4
  if what == 0 then collectgarbage()
  elseif what == 1 then table.remove(objects)
  elseif what == 2 then collectgarbage("step", bytes:byte())
  elseif newproxy == nil then
    -- a finalizer that runs at any time
    setmetatable({}, { __gc = function() pcall(inner) end })
  end
end

local function in_coroutine()
  if depth >= 3 then return end
  local thread = coroutine.create(function()
    inner()
    coroutine.yield()
    inner()
  end)
  for _ = 1, 2 do
    local good, problem = coroutine.resume(thread)
    if not good and problem ~= MARK and coroutine.status(thread) == "dead" and
        not tostring(problem):find("cannot resume dead") then
      error(problem, 0)
    end
  end
end

local function protected()
  local f = socket.protect(function(...)
    inner()
    return socket.try(...)
  end)
  local good, problem = pcall(f, bytes:one_of(1, nil, false), "message", value())
  if not good then claim(problem == MARK, "protect raised", problem) end
end

operation = function()
  if not bytes:more() then return end
  local what = bytes:byte() % 32
  if what < 6 then bytes:pick(makers)()
  elseif what < 18 then call_method()
  elseif what < 20 then call_select()
  elseif what < 24 then call_poller()
  elseif what == 24 then call_function()
  elseif what == 25 then call_lookup()
  elseif what == 26 then move_descriptor()
  elseif what == 27 then finalize()
  elseif what == 28 then collect()
  elseif what == 29 then in_coroutine()
  elseif what == 30 then protected()
  elseif #objects > 0 then
    claim(tostring(some_object()):find("^tcp{%a+}: "), "tostring")
  end
end

local function close_all()
  for i = 1, 3 do
    if pollers[i] then pcall(pollers[i].close, pollers[i]) end
  end
  for _, o in ipairs(objects) do claim(o:close() == 1, "close") end
  for _, fd in ipairs(strays) do
    local o = socket.tcp()
    o:setfd(fd)
    o:close()
  end
  objects, pollers, strays = {}, {}, {}
end

return function(data)
  bytes, objects, pollers, strays, ports, depth = input.new(data), {}, {}, {}, {}, 0
  local steps = 0
  while bytes:more() and steps < 200 do
    steps = steps + 1
    operation()
  end
  -- finalizers have nothing to do any more
  bytes = input.new("")
  close_all()
end
