-- SPDX-License-Identifier: MIT
-- Ctrl-C in the interpreter works while a call blocks.
local t = require "harness"
local socket = t.socket

if not t.ours then
  t.test("interrupt", function() t.skip("LuaSocket swallows the first signal") end)
  t.done()
end

local function blocked(pid)
  local file = io.open("/proc/" .. pid .. "/stat")
  if not file then return nil end
  local state = file:read("*a"):match("%) (%u)")
  file:close()
  return state == "S"
end

-- Starts a child that tells us its process and then blocks in the chunk.
-- Returns what it printed after one SIGINT, and how long that took.
local function interrupted(chunk)
  local server, host, port = t.server()
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write([[
    local socket = require "socket"
    local peer = assert(socket.connect(arg[1], arg[2]))
    local server = assert(socket.bind("127.0.0.1", 0))
    peer:send("ready\n")
  ]] .. chunk .. "\nprint('came back')\n")
  file:close()
  local pipe = assert(io.popen(("sh -c 'echo $$; exec \"$@\"' x %s %s %s %d 2>&1"):format(
    t.interpreter(), t.quote(path), host, port)))
  local peer
  t.cleanup(function()
    if peer then peer:close() end
    pipe:close()
    os.remove(path)
  end)
  local pid = pipe:read("*l")
  t.match(pid, "^%d+$")
  server:settimeout(20)
  peer = t.works(server:accept())
  t.equal((peer:receive()), "ready")
  if blocked(pid) == nil then t.skip("no /proc here to see when it blocks") end
  local sure = 0
  for _ = 1, 4000 do
    socket.sleep(0.005)
    sure = blocked(pid) and sure + 1 or 0
    if sure == 5 then break end
  end
  t.truth(sure == 5, "the child blocks")
  local start = t.clock()
  os.execute("kill -INT " .. pid)
  -- A child that goes on is ended all the same, so that reading ends.
  local guard = assert(io.popen(("(sleep 3; kill -KILL %s) >/dev/null 2>&1 & echo $!"):format(pid)))
  local guard_pid = guard:read("*l")
  guard:close()
  local output = pipe:read("*a")
  local spent = t.clock() - start
  os.execute("kill " .. guard_pid .. " 2>/dev/null")
  return output, spent
end

for name, chunk in pairs {
  ["accept"] = "server:accept()",
  ["accept with a limit"] = "server:settimeout(30) server:accept()",
  ["receive of a line"] = "peer:receive()",
  ["receive of a count"] = "peer:receive(10)",
  ["receive of a large count"] = "peer:receive(10000000)",
  ["receive of everything"] = "peer:receive('*a')",
  ["receive with a limit"] = "peer:settimeout(30) peer:receive()",
  ["receive with a total limit"] = "peer:settimeout(30, 't') peer:receive()",
  ["receive on a shared descriptor"] = "peer:getfd() peer:receive()",
  ["receiveany"] = "peer:receiveany(10)",
  ["send"] = "peer:send(('x'):rep(20000000))",
  ["send with a limit"] = "peer:settimeout(30) peer:send(('x'):rep(20000000))",
  -- To a server whose queue is full.
  ["connect"] = [[
    local full = socket.tcp4()
    full:bind("127.0.0.1", 0)
    full:listen(0)
    local host, port = full:getsockname()
    local fillers = {}
    for i = 1, 8 do
      fillers[i] = socket.tcp4()
      fillers[i]:settimeout(0.05)
      if not fillers[i]:connect(host, port) then break end
    end
    socket.connect(host, port)
  ]],
  ["sleep"] = "socket.sleep(30)",
  ["select"] = "socket.select({ server, peer }, nil, 30)",
  ["select without a limit"] = "socket.select({ server })",
} do
  t.test("interrupt " .. name, function()
    local output, spent = interrupted(chunk)
    t.match(output, "interrupted!")
    t.equal(output:find("came back", 1, true), nil)
    t.within(spent, 0, 2)
  end)
end

t.done()
