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

local event = case.optional("luaevent.core")
if event then
  loops.luaevent = function(object, readable)
    local base = event.new()
    base:addevent(object, event.EV_READ, function()
      return readable() and event.LEAVE or event.EV_READ
    end)
    base:loop()
  end
end

local cqueues = case.optional("cqueues")
if cqueues then
  loops.cqueues = function(object, readable)
    local queue = cqueues.new()
    queue:wrap(function()
      repeat cqueues.poll { pollfd = object:getfd(), events = "r" } until readable()
    end)
    assert(queue:loop())
  end
end

local luv = case.optional("luv")
if luv then
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

if #found == 0 then os.exit(77) end

-- luaevent's scheduler: calls that do not wait, and a coroutine for each.
if event then
  step("a server and fifty clients in luaevent's coroutines", function()
    local luaevent = require "luaevent"
    local server = assert(socket.bind("127.0.0.1", 0, 64))
    local _, port = server:getsockname()
    server:settimeout(0)
    luaevent.addserver(server, function(accepted)
      -- its close wants that something was waited for
      local line = luaevent.receive(accepted)
      while line do
        luaevent.send(accepted, "echo " .. line .. "\n")
        line = luaevent.receive(accepted)
      end
      luaevent.wrap(accepted):close()
    end)
    local _, base = debug.getupvalue(luaevent.loop, 1) -- has loopexit
    local answers = 0
    for i = 1, 50 do
      luaevent.addthread(function()
        local client = socket.tcp()
        assert(luaevent.connect(client, "127.0.0.1", port))
        assert(luaevent.send(client, "client " .. i .. "\n"))
        equal(luaevent.receive(client), "echo client " .. i, "answer")
        luaevent.wrap(client):close()
        answers = answers + 1
        if answers == 50 then base:loopexit() end
      end)
    end
    luaevent.loop(0)
    equal(answers, 50, "answers")
  end)
end
table.sort(found)
case.done(table.concat(found, ", "))
