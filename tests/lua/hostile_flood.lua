-- SPDX-License-Identifier: MIT
-- More connections than there are descriptors: accept fails at once and names
-- the limit, and the connections wait in the queue until the program has backed
-- off.  Runs itself again with few descriptors.
local t = require "harness"
local socket = t.socket

if not t.ours then
  t.test("flood", function() t.skip("LuaSocket loses the number of the error") end)
  t.done()
end

local FEW = 100

local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local output = pipe:read("*a")
  pipe:close()
  return output
end

-- This script again, with few descriptors; what is put in front of it.
local function run_inside(part, front)
  return run(("ulimit -n %d && exec %s %s %s %s"):format(FEW, front or "", t.interpreter(),
    t.quote(arg[0]), part))
end

-- How often each system call is in a trace, and what accept has answered.
local function count_calls(path)
  local calls, answers = {}, {}
  for line in io.lines(path) do
    local name, answer = line:match("^(%w+)%(.*%)%s+= (.*)$")
    if name then
      name = name:gsub("^accept4$", "accept"):gsub("^ppoll.*$", "poll")
      calls[name] = (calls[name] or 0) + 1
      if name == "accept" then answers[#answers + 1] = answer end
    end
  end
  return calls, answers
end

if not arg[1] then
  t.test("a flood of connections with " .. FEW .. " descriptors", function()
    t.match(run_inside("inside"), "3 passed, 0 failed")
  end)

  t.test("a failing accept makes one system call, and does not try again", function()
    if os.getenv "LUA" or os.getenv "LUATCP_PRELOAD" or os.getenv "LUATCP_WRAPPER" then
      t.skip("strace would watch what is around the interpreter, too")
    end
    local path = os.tmpname()
    t.cleanup(function() os.remove(path) end)
    local strace = "strace -e trace=?accept,accept4,?poll,?ppoll,?ppoll_time64 -o " .. path
    if run(strace .. " true") ~= "" then t.skip("no strace here, or it may not trace") end
    t.match(run_inside("calls", strace), "1 passed, 0 failed")
    local calls, answers = count_calls(path)
    t.equal(calls.accept, 100)
    for _, answer in ipairs(answers) do t.match(answer, "^%-1 EMFILE") end
    t.equal(calls.poll or 0, 0, "waits")
  end)
  t.done()
end

-- ---- Inside ----------------------------------------------------------------------

local EMFILE = socket.errno.EMFILE

-- A server with so many connections in its queue, and all other descriptors
-- taken.
local function flooded(count)
  local server, host, port = t.server("inet", 64)
  local clients, hoard = {}, {}
  t.cleanup(function()
    for _, o in ipairs(clients) do o:close() end
    for _, o in ipairs(hoard) do o:close() end
  end)
  for i = 1, count do
    clients[i] = t.works(socket.connect(host, port))
    t.works(clients[i]:send(i .. "\n"))
  end
  for _ = 1, FEW + 1 do
    local o = socket.tcp4()
    if not o then return server, hoard, clients end
    hoard[#hoard + 1] = o
  end
  error("no limit was reached")
end

local function no_descriptor(object, message, number)
  t.equal(object, nil)
  t.equal(message, socket.strerror(EMFILE))
  t.equal(number, EMFILE)
end

-- The calls of these are counted outside.
if arg[1] == "calls" then
  t.test("100 calls that fail", function()
    local server = flooded(1)
    server:settimeout(30)
    for _ = 1, 100 do no_descriptor(server:accept()) end
  end)
  t.done()
end

t.test("accept fails at once, whatever the limit of time, and names the limit", function()
  local server = flooded(20)
  for _, seconds in ipairs { 0, 30, -1 } do
    server:settimeout(seconds)
    t.takes(0, 20, function() no_descriptor(server:accept()) end)
  end
end)

-- What the manual and doc/SECURITY say a program has to do.
t.test("who backs off gets all of them", function()
  local server, hoard = flooded(20)
  local accepted, failures = {}, 0
  t.cleanup(function() for _, o in ipairs(accepted) do o:close() end end)
  server:settimeout(10)
  local seen = {}
  for _ = 1, 200 do
    local client, message, number = server:accept()
    if client then
      accepted[#accepted + 1] = client
      client:settimeout(10)
      seen[client:receive()] = true
      if #accepted == 20 then break end
    else
      no_descriptor(client, message, number)
      failures = failures + 1
      socket.sleep(0.01)
      table.remove(hoard):close()
    end
  end
  t.equal(failures, 20)
  for i = 1, 20 do t.truth(seen[tostring(i)], "connection " .. i .. " is lost") end
end)

t.test("connect and a poller say the same", function()
  local server = flooded(1)
  local host, port = server:getsockname()
  no_descriptor(socket.connect(host, port))
  local poller, message, number = socket.poller()
  -- one on poll(2) needs no descriptor
  if poller then poller:close() else no_descriptor(poller, message, number) end
end)

t.done()
