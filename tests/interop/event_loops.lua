-- SPDX-License-Identifier: MIT
-- Other event loops in the same process: each waits for descriptors of the
-- module's objects, which getfd hands out.  Those that are not installed for
-- this Lua are left out.
local case = require "case"
local socket = require "socket"
local step, equal = case.step, case.equal
local found = {}

local function pair()
  local server = assert(socket.bind("127.0.0.1", 0))
  local host, port = server:getsockname()
  local client = assert(socket.connect(host, port))
  local accepted = assert(server:accept())
  server:close()
  client:settimeout(10)
  accepted:settimeout(0)
  return client, accepted
end

-- A loop's part: calls the function when the object is readable, until that
-- returns true.
local loops = {}

local has_event, event = pcall(require, "luaevent.core")
if has_event then
  loops.luaevent = function(object, readable)
    local base = event.new()
    base:addevent(object, event.EV_READ, function()
      return readable() and event.LEAVE or event.EV_READ
    end)
    base:loop()
  end
end

local has_cqueues, cqueues = pcall(require, "cqueues")
if has_cqueues then
  loops.cqueues = function(object, readable)
    local queue = cqueues.new()
    queue:wrap(function()
      repeat cqueues.poll { pollfd = object:getfd(), events = "r" } until readable()
    end)
    assert(queue:loop())
  end
end

local has_luv, luv = pcall(require, "luv")
if has_luv then
  loops.luv = function(object, readable)
    local poll = assert(luv.new_socket_poll(object:getfd()))
    local failure
    poll:start("r", function(err)
      local good, done = pcall(readable)
      if err or not good then failure = err or done end
      if failure or done then poll:close() end
    end)
    luv.run()
    if failure then error(failure, 0) end
  end
end

for name, loop in pairs(loops) do
  found[#found + 1] = name
  step(name, function()
    local client, accepted = pair()
    local part, count = nil, 0
    assert(client:send("line 1\nthe beg"))
    local failure
    local function readable()
      while true do
        local line, err
        line, err, part = accepted:receive("*l", part)
        if not line then return err == "closed" end
        count = count + 1
        assert(accepted:send(line .. "\n"))
        equal(client:receive(), line, "answer")
        if count == 1 then
          equal(line, "line 1", "line")
          assert(client:send("inning of line 2\n"))
        else
          equal(line, "the beginning of line 2", "line")
          client:close()
        end
      end
    end
    loop(accepted, function()
      local good, result = pcall(readable)
      if good then return result end
      failure = result
      return true
    end)
    if failure then error(failure, 0) end
    equal(count, 2, "lines")
    accepted:close()
  end)
end

if #found == 0 then
  print("skipped: neither luaevent nor cqueues nor luv is installed for this Lua")
  os.exit(77)
end
table.sort(found)
case.done(table.concat(found, ", "))
