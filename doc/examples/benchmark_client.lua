-- Measures a line echo server: how many answers a second, and how long one
-- takes.  Shows on the way how far it is.
--
--   benchmark_client.lua HOST PORT [CLIENTS [SECONDS [LENGTH]]]
local socket = require "socket"

local host, port = assert(arg[1], "no host"), assert(arg[2], "no port")
local clients = tonumber(arg[3] or 100)
local seconds = tonumber(arg[4] or 10)
local line = ("x"):rep(tonumber(arg[5] or 32)) .. "\n"

local poller = assert(socket.poller())
local answers, failures = 0, 0
local buckets = {} -- answers by time, each bucket a tenth longer than the last
local SMALLEST = 1e-6

local function note(time)
  local bucket = math.max(0, math.ceil(math.log(time / SMALLEST) / math.log(1.1)))
  buckets[bucket] = (buckets[bucket] or 0) + 1
end

-- The time that a share of all answers did not exceed.
local function time_of(share)
  local order, passed = {}, 0
  for bucket in pairs(buckets) do order[#order + 1] = bucket end
  table.sort(order)
  for _, bucket in ipairs(order) do
    passed = passed + buckets[bucket]
    if passed >= share * answers then return SMALLEST * 1.1 ^ bucket end
  end
  return 0
end

local function ask(client)
  client.asked = socket.monotime()
  return client.object:send(line)
end

local function lose(client)
  failures = failures + 1
  client.object:close()
end

-- ---- Connecting -------------------------------------------------------------

local start = socket.monotime()
local function show(...)
  io.stderr:write(("\r%5.1f s  "):format(socket.monotime() - start), ...)
  io.stderr:flush()
end

local open = {}
for i = 1, clients do
  local object, err = socket.connect(host, port)
  if not object then
    io.stderr:write(("\nconnection %d: %s\n"):format(i, err))
    os.exit(1)
  end
  object:setoption("tcp-nodelay", true)
  object:settimeout(0)
  open[i] = { object = object, partial = "" }
  assert(poller:add(object, "r", open[i]))
  if i % 100 == 0 or i == clients then show(i, " connections") end
end

-- ---- Measuring --------------------------------------------------------------

start = socket.monotime()
local finish, next_show, before = start + seconds, start + 0.5, 0
for _, client in ipairs(open) do
  if not ask(client) then lose(client) end
end
local now = start
while now < finish and failures < clients do
  for object, _, client in poller:wait(math.min(finish, next_show) - now) do
    local answer, err, partial = object:receive("*l", client.partial)
    client.partial = partial or ""
    if answer then
      answers = answers + 1
      note(socket.monotime() - client.asked)
      if not ask(client) then lose(client) end
    elseif err ~= "timeout" then
      lose(client)
    end
  end
  now = socket.monotime()
  if now >= next_show then
    show(("%3.0f %%  %d answers, %.0f a second, %d failures "):format(
      100 * math.min(1, (now - start) / seconds), answers, (answers - before) / (now - next_show + 0.5), failures))
    next_show, before = now + 0.5, answers
  end
end

io.stderr:write("\n")
print(("%d clients, %d bytes a line, %.1f s"):format(clients, #line, now - start))
print(("%d answers, %.0f a second, %d connections lost"):format(answers, answers / (now - start), failures))
print(("half within %.3f ms, 99 %% within %.3f ms, all within %.3f ms"):format(
  1e3 * time_of(0.5), 1e3 * time_of(0.99), 1e3 * time_of(1)))
os.exit(failures == 0 and 0 or 1)
