-- SPDX-License-Identifier: MIT
--
-- composed.lua: what of the module is composed of its own methods and has to be
-- Lua, so that a method may yield inside: choose, sources and sinks; and
-- protect for Lua 5.1.  Part of core.so; compiled when it is first needed, see
-- src/socket/lcompose.c, which calls it and takes the functions it returns.

-- The module, its tables of sources and sinks; the names of those that are made
-- here, by function; how far from an error in them their caller is; and
-- functions as they were when the module was loaded.
local socket, sourcet, sinkt, own, level, error, setmetatable, type = ...

-- ---- protect on Lua 5.1 -------------------------------------------------

-- There C code cannot be yielded across, so that protect of the core would
-- keep schedulers from switching.  LuaJIT can yield across pcall; in Lua 5.1
-- proper the function gets a coroutine, whose yields are passed on.

if _VERSION == "Lua 5.1" then
  local pcall, create, resume = pcall, coroutine.create, coroutine.resume
  local running, status = coroutine.running, coroutine.status
  local yield = coroutine.yield

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

  local probe = create(function() pcall(yield) end)
  resume(probe)
  socket.protect = status(probe) == "suspended" and protect_by_pcall
                   or protect_by_coroutine
end

-- ---- Choices ------------------------------------------------------------

local function find(entries, key, from)
  local entry = entries[key]
  if not entry then error("unknown key (" .. key .. ")", from) end
  return entry
end

-- Types that no object or table has.  All else may be used like one, by its
-- metatable.
local bare = {
  ["nil"] = true, boolean = true, number = true, string = true,
  ["function"] = true, thread = true
}

-- Raises when a source or sink that is made here cannot work; what others need
-- they know.  The object is the argument at place of the function name.
local function check(entry, place, name, from, object, length)
  local kind, problem = own[entry], nil
  if kind and bare[type(object)] then
    problem = "object expected, got " .. type(object)
  elseif kind == "by-length" then
    place = place + 1
    if type(length) ~= "number" then
      problem = "number expected, got " .. type(length)
    elseif length > 0 and length % 1 > 0 then
      problem = "number has no integer representation"
    end
  end
  if problem then
    error("bad argument #" .. place .. " to '" .. name .. "' (" .. problem ..
          ")", from)
  end
end

-- A function that calls the entry of a table under the name it is given first;
-- "default" when that is not a string.  With a name of its own it is source or
-- sink.
local function chooser(entries, from, name)
  return function(key, ...)
    if type(key) ~= "string" then
      local default = find(entries, "default", from)
      if name then check(default, 1, name, from, key, ...) end
      return default(key, ...)
    end
    local entry = find(entries, key, from)
    if name then check(entry, 2, name, from, ...) end
    return entry(...)
  end
end

local function choose(entries)
  if bare[type(entries)] then
    error("bad argument #1 to 'choose' (table expected, got " ..
          type(entries) .. ")", level - 1)
  end
  return chooser(entries, 3)
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

local function by_length(connection, length)
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

local function until_closed(connection)
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

local function close_when_done(connection)
  return callable(connection, function(_, chunk)
    if chunk then return connection:send(chunk) end
    connection:close()
    return 1
  end)
end

local function keep_open(connection)
  return callable(connection, function(_, chunk)
    if chunk then return connection:send(chunk) end
    return 1
  end)
end

return choose, chooser(sourcet, level, "source"),
       chooser(sinkt, level, "sink"), by_length, until_closed, close_when_done,
       keep_open
