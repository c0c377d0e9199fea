-- SPDX-License-Identifier: MIT
--
-- load.lua: many connections through one Lua process.  Each message has a
-- checksum that depends on its connection and number, so that what is lost,
-- doubled or mixed up is seen.  All of it twice: after each round descriptors
-- and memory are what they were, in the server and in the clients.
--
--   load.lua load CONNECTIONS MESSAGES     all at once, so many messages each
--   load.lua soak CONNECTIONS SECONDS      come and go, with random ends
--
-- The server starts the clients, which are another process: this file again,
-- with "client PORT" in front.
local t = require "harness"
local socket = t.socket

if not t.ours then
  t.test("load", function() t.skip("LuaSocket has no poller") end)
  t.done()
end

local arguments = { t.unpack(arg) }
local port
if arguments[1] == "client" then
  port = tonumber(arguments[2])
  table.remove(arguments, 1)
  table.remove(arguments, 1)
end
local mode, connections, amount =
  arguments[1] or "load", tonumber(arguments[2] or 100), tonumber(arguments[3] or 3)

local ROUNDS = 2

-- ---- Messages ---------------------------------------------------------------

local function checksum(text, seed)
  local sum = seed
  for i = 1, #text, 4 do
    local a, b, c, d = text:byte(i, i + 3)
    sum = (sum * 33 + a + (b or 7) * 3 + (c or 11) * 5 + (d or 13) * 7) % 4294967291
  end
  return sum
end

local function frame(id, number, body, last)
  return ("%d %d %d %d%s\n"):format(id, number, #body, checksum(body, id * 1000 + number),
    last and " last" or "") .. body
end

local function parse(head)
  local id, number, length, sum, last = head:match("^(%d+) (%d+) (%d+) (%d+)( ?l?a?s?t?)$")
  if not id then return nil end
  return tonumber(id), tonumber(number), tonumber(length), tonumber(sum), last ~= ""
end

-- ---- Coroutines that wait in a poller ----------------------------------------

local poller -- one for each round
local threads, waiting, open = {}, {}, 0
local problems = {}

local function problem(...)
  local words = { ... }
  for i = 1, select("#", ...) do words[i] = tostring(words[i]) end
  if #problems < 10 then problems[#problems + 1] = table.concat(words, " ") end
end

local function receive(o, pattern, bound)
  local part = ""
  while true do
    local data, message, rest = o:receive(pattern, part, bound)
    if data then return data end
    if message ~= "timeout" then return nil, message end
    part = rest
    coroutine.yield("r")
  end
end

local function send(o, data)
  local last = 0
  while true do
    local sent, message, partial = o:send(data, last + 1)
    if sent then return sent end
    if message ~= "timeout" then return nil, message end
    last = partial
    coroutine.yield("w")
  end
end

local function step(o)
  local good, events = coroutine.resume(threads[o], o)
  if not good then problem(events) end
  if coroutine.status(threads[o]) == "dead" then
    poller:remove(o)
    threads[o], waiting[o] = nil, nil
    open = open - 1
    if events ~= "keep" then o:close() end
  elseif waiting[o] ~= events then
    poller:modify(o, events)
    waiting[o] = events
  end
end

local function start(o, f, events)
  o:settimeout(0)
  threads[o], waiting[o] = coroutine.create(f), events
  open = open + 1
  assert(poller:add(o, events))
end

-- ---- What a process has -------------------------------------------------------

local function proc(file, pattern)
  local opened = io.open("/proc/self/" .. file)
  if not opened then return nil end
  local value = opened:read("*a"):match(pattern)
  opened:close()
  return tonumber(value)
end

-- How many descriptors are open, of all that this process may have.  Where no
-- system lists them: how many numbers are taken below those that are free.
local allowed = proc("limits", "Max open files%s+(%d+)")
t.scan = allowed or t.scan

local function descriptors()
  if allowed then return select(2, t.descriptors():gsub("%d+", "")) end
  local probes, highest = {}, 0
  repeat
    local probe = socket.tcp4()
    probes[#probes + 1] = probe
    highest = math.max(highest, probe and probe:getfd() or 0)
  until not probe or #probes == 2 * connections + 200
  for _, probe in ipairs(probes) do probe:close() end
  return highest + 1 - #probes
end

-- Resident memory in KiB; nil where nobody knows it, or where a checker or an
-- emulator around the interpreter has its own in it.
local function resident()
  for _, around in ipairs { "LUATCP_PRELOAD", "LUATCP_WRAPPER", "LUA" } do
    if os.getenv(around) then return nil end
  end
  return proc("status", "VmRSS:%s*(%d+)")
end

local function settle()
  threads, waiting = {}, {}
  collectgarbage()
  collectgarbage()
  return collectgarbage("count")
end

local function measure()
  local lua = settle()
  return { lua = lua, descriptors = descriptors(), resident = resident(),
    peak = tonumber(proc("status", "VmHWM:%s*(%d+)")) }
end

-- Is a process after a round what it was before?  malloc keeps room for as many
-- connections as there were at once, but another round has to do with that.
local function judge(who, number, before, now)
  if now.descriptors ~= before.descriptors then
    problem(who, "had", before.descriptors, "descriptors, and after round", number, now.descriptors)
  end
  if now.lua > before.lua + 200 then
    problem(who, "had", before.lua, "KiB of Lua memory, and after round", number, now.lua)
  end
  if not before.resident or not now.resident then return end
  if number == 1 then
    if now.resident > before.resident + 4096 + 10 * connections then
      problem(who, "had", before.resident, "KiB of memory, and after round", number, now.resident)
    end
  elseif now.peak > before.peak * 1.05 + 1024 then
    -- what the allocator gives back between the rounds is its own affair
    problem(who, "had at most", before.peak, "KiB of memory, and in round", number, now.peak)
  end
end

-- ---- The server -------------------------------------------------------------

local served = { accepted = 0, peak = 0, messages = 0, bytes = 0, unfinished = 0 }
local finished

-- One connection: its messages in order, each answered with its bytes reversed.
local function serve(o)
  local own, number = nil, 0
  while true do
    local head, message = receive(o, "*l", 100)
    if not head then
      if message ~= "closed" then problem("server, head:", message) end
      return
    end
    if head:find("^end ") or head:find("^failed ") then
      finished = head
      send(o, "well\n")
      return
    end
    local id, which, length, sum, last = parse(head)
    number = number + 1
    own = own or id
    if id == nil or id ~= own or which ~= number then
      problem("server: head out of place:", head, "on", own, number)
      return
    end
    local body = ""
    if length > 0 then body, message = receive(o, length) end
    if not body then
      served.unfinished = served.unfinished + 1
      if message ~= "closed" then problem("server, body:", message) end
      return
    end
    if checksum(body, id * 1000 + which) ~= sum then
      problem("server: checksum of", head)
      return
    end
    served.messages = served.messages + 1
    served.bytes = served.bytes + 2 * #body
    local sent
    sent, message = send(o, frame(id, which, body:reverse()))
    if not sent then
      served.unfinished = served.unfinished + 1
      if message ~= "closed" then problem("server, send:", message) end
      return
    end
    if last then return end
  end
end

local function accept_all(server)
  for _ = 1, 200 do
    local o, message = server:accept()
    if not o then
      if message ~= "timeout" then problem("accept:", message) end
      return
    end
    served.accepted = served.accepted + 1
    start(o, serve, "r")
    served.peak = math.max(served.peak, open)
  end
end

local function serve_until_the_end(server, limit)
  local deadline = socket.monotime() + limit
  poller:add(server, "r")
  while not (finished and open == 0) and #problems == 0 do
    for o in poller:wait(1) do
      if o == server then accept_all(server) else step(o) end
    end
    if socket.monotime() > deadline then problem("no end in", limit, "s, open:", open) end
  end
  poller:remove(server)
end

-- One round, until the clients' last words.
local function round(server, limit)
  served = { accepted = 0, peak = 0, messages = 0, bytes = 0, unfinished = 0 }
  finished = nil
  poller = assert(socket.poller())
  serve_until_the_end(server, limit)
  for o in pairs(threads) do o:close() end
  poller:close()
  poller = nil
end

-- What the clients have counted is what the server has.
local function compare()
  local made, messages, bytes = finished:match("^end (%d+) (%d+) (%d+) ")
  made, messages, bytes = tonumber(made), tonumber(messages), tonumber(bytes)
  t.equal(served.accepted, made + 1, "accepted")
  if mode == "load" then
    t.equal(made, connections)
    t.truth(served.peak >= connections, "not all at once: " .. served.peak)
    t.equal(served.messages, connections * amount, "messages")
    t.equal(served.messages, messages, "messages of the clients")
    t.equal(served.bytes, bytes, "bytes of the clients")
    t.equal(served.unfinished, 0)
  else
    t.truth(served.messages >= messages, "messages")
    t.truth(messages > 0, "no messages")
  end
end

local function report(spent, before, now)
  print(("%s: %d connections, %d at once, %d messages, %d bytes, %.1f s; Lua memory " ..
    "%.0f KiB before, %.0f after; process %s KiB before, %s after, at most %s; " ..
    "clients %s before, %s after"):format(mode, served.accepted - 1,
    math.min(served.peak, connections), served.messages, served.bytes, spent, before.lua,
    now.lua, before.resident or "?", now.resident or "?",
    proc("status", "VmHWM:%s*(%d+)") or "?", finished:match("(%S+) (%S+)$")))
  io.stdout:flush()
end

local function run_server()
  t.test(mode, function()
    local limit = (mode == "soak" and amount or 0) + 300
    local server = assert(socket.tcp4())
    assert(server:bind("127.0.0.1", 0))
    assert(server:listen(4096))
    server:settimeout(0)
    local _, number = server:getsockname()
    local pipe = assert(io.popen(("exec %s %s client %d %s %d %s 2>&1"):format(t.interpreter(),
      t.quote(arg[0]), number, mode, connections, amount)))
    -- clients that are still there see their connections end
    local function finish()
      server:close()
      local words = pipe:read("*a")
      pipe:close()
      return words
    end
    t.cleanup(finish)
    local before = measure()
    for turn = 1, ROUNDS do
      local began = socket.monotime()
      round(server, limit)
      local spent = socket.monotime() - began
      if #problems > 0 or finished:find("^failed ") then break end
      compare()
      local now = measure()
      report(spent, before, now)
      judge("the server", turn, before, now)
      before.resident, before.peak = now.resident, now.peak
    end
    local words = finish()
    t.equal(table.concat(problems, "; ") .. words, "")
  end)
  t.done()
end

-- ---- The clients ------------------------------------------------------------

local made, verified, moved = 0, 0, 0

math.randomseed(4711)
local pool = {}
for i = 1, 40000 do pool[i] = string.char(math.random(0, 255)) end
pool = table.concat(pool)

local function body()
  local kind, length = math.random(50), math.random(0, 800)
  if kind == 1 then length = math.random(0, 30000) end
  if kind == 2 then length = 0 end
  local at = math.random(#pool - length)
  return pool:sub(at, at + length - 1)
end

local function exchange(o, id, number, last)
  local data = body()
  local sent, message = send(o, frame(id, number, data, last))
  local head
  if sent then head, message = receive(o, "*l", 100) end
  if not head then return problem("client:", message) end
  local back, which, length, sum = parse(head)
  if back ~= id or which ~= number or length ~= #data then
    return problem("client: answer", head, "to", id, number, #data)
  end
  local answer = ""
  if length > 0 then answer, message = receive(o, length) end
  if not answer then return problem("client, body:", message) end
  if answer ~= data:reverse() or checksum(answer, id * 1000 + number) ~= sum then
    return problem("client: another body for", head)
  end
  verified = verified + 1
  moved = moved + 2 * #data
  return true
end

-- Where a machine has all of 127.0.0.0/8, ports do not run short.
local sources = 0
do
  local probe = socket.tcp4()
  if probe:bind("127.0.77.1", 0) then sources = 64 end
  probe:close()
end

local function connect(o, id)
  local ok, message
  if sources > 0 then
    ok, message = o:bind("127.0.77." .. id % sources + 1, 0)
    if not ok then return problem("bind:", message) end
  end
  ok, message = o:connect("127.0.0.1", port)
  while not ok and (message == "timeout" or message == "Operation already in progress") do
    coroutine.yield("w")
    ok, message = o:connect("127.0.0.1", port)
  end
  if not ok then return problem("connect:", message) end
  made = made + 1
  return true
end

-- Runs what has been started until there is none left, or no time.
local function run_until(condition)
  local limit = socket.monotime() + 280
  while not condition() and #problems == 0 do
    for o in poller:wait(1) do step(o) end
    if socket.monotime() > limit then problem("clients: too slow") end
  end
end

local function launch(id, f)
  local o = assert(socket.tcp4())
  start(o, function() return f(o, id) end, "w")
  step(o)
end

-- All connect, then all talk, then all leave.
local function load_clients()
  local all = {}
  for id = 1, connections do
    launch(id, function(o)
      if connect(o, id) then all[#all + 1] = o end
      return "keep"
    end)
    if open >= 500 then run_until(function() return open < 400 end) end
  end
  run_until(function() return open == 0 end)
  for id, o in ipairs(all) do
    start(o, function()
      for number = 1, amount do
        if not exchange(o, id, number) then break end
      end
      return "keep"
    end, "w")
  end
  run_until(function() return open == 0 end)
  for _, o in ipairs(all) do o:close() end
end

local function reset(o) o:setoption("linger", { on = true, timeout = 0 }) end

-- How a connection of a soak ends.
local ends = {
  function() end,
  reset,
  function(o, id, number) -- the server ends it
    if exchange(o, id, number, true) then
      local rest, message = receive(o, 1)
      if rest or message ~= "closed" then problem("client, end:", rest, message) end
    end
  end,
  function(o) -- half-close, then wait for the other half
    o:shutdown("send")
    local rest, message = receive(o, "*a")
    if rest or message ~= "closed" then problem("client, half:", rest, message) end
  end,
  function(o, id, number) -- in the middle of a message
    local data = frame(id, number, body())
    send(o, data:sub(1, math.random(#data)))
    if math.random(2) == 1 then reset(o) end
  end
}

local function soak_clients()
  local limit, id = socket.monotime() + amount / ROUNDS, 0
  repeat
    while open < connections do
      id = id + 1
      launch(id, function(o, own)
        if not connect(o, own) then return end
        local count = math.random(0, 8)
        for number = 1, count do
          if not exchange(o, own, number) then return end
        end
        ends[math.random(#ends)](o, own, count + 1)
      end)
    end
    for o in poller:wait(1) do step(o) end
  until socket.monotime() > limit or #problems > 0
  run_until(function() return open == 0 end)
end

-- Says what was done in a round; true when the server is ready for the next.
local function tell_the_server(before, now)
  local control = socket.connect("127.0.0.1", port)
  if not control then return false end
  control:settimeout(60)
  control:send(("%s %d %d %d %s %s\n"):format(#problems == 0 and "end" or "failed", made,
    verified, moved, before.resident or "?", now.resident or "?"))
  local answer = control:receive()
  control:close()
  return answer == "well"
end

local function run_clients()
  local before = measure()
  for turn = 1, ROUNDS do
    made, verified, moved = 0, 0, 0
    poller = assert(socket.poller())
    if mode == "soak" then soak_clients() else load_clients() end
    poller:close()
    poller = nil
    local now = measure()
    judge("the clients", turn, before, now)
    if not tell_the_server(before, now) or #problems > 0 then break end
    before.resident, before.peak = now.resident, now.peak
  end
  for _, text in ipairs(problems) do print(text) end
  os.exit(#problems == 0 and 0 or 1)
end

if port then run_clients() else run_server() end
