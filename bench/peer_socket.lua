-- SPDX-License-Identifier: MIT
--
-- socket.lua: the workloads on the interface of LuaSocket, for LuaSocket itself
-- and for luatcp.
--
--   socket.lua WORKLOAD SIZE WARM COUNT PORT

local pattern = require "pattern"
local socket = require "socket"

local workload, size, warm, count, port = ...
size, warm, count = tonumber(size), tonumber(warm), tonumber(count)
port = tonumber(port)

local piece, check = pattern.piece, pattern.check
local start, stop = pattern.start, pattern.stop

local function connection()
  local c = assert(socket.connect("127.0.0.1", port))
  assert(c:setoption("tcp-nodelay", true))
  return c
end

-- The last piece of a stream whose pieces are numbered shows that none was
-- lost on the way there.
local function receive_pieces(what, line)
  local c = connection()
  local length, done, last = line and size - 1 or size, 0, nil
  pattern.measure(function(n, checked)
    local total = 0
    for i = done, done + n - 1 do
      local data = c:receive(what)
      total = total + #data
      if checked then check(data, size, i, line) end
      last = data
    end
    done = done + n
    assert(total == n * length, "wrong number of bytes")
  end, warm, count)
  check(last, size, done - 1, line)
end

-- Large ones are checked whole, one by one.
local function receive_large(open, what)
  local c
  for i = 1, warm + count do
    c = open(c)
    if i > warm then start() end
    local data = c:receive(what)
    if i > warm then stop() end
    check(data, size, 0)
  end
  pattern.report()
end

local run = {}

function run.lines() receive_pieces("*l", true) end

function run.blocks()
  if size < 65536 then return receive_pieces(size, false) end
  receive_large(function(c) return c or connection() end, size)
end

function run.streams()
  receive_large(function(c)
    if c then c:close() end
    return connection()
  end, "*a")
end

function run.send()
  local c, data = connection(), piece(size, 0)
  pattern.measure(function(n)
    for _ = 1, n do
      if c:send(data) ~= size then error("not all was sent") end
    end
  end, warm, count)
  c:close()
end

local function echo(limit)
  local c, size = connection(), size
  local request, answer = piece(size, 0), piece(size, 1)
  c:settimeout(limit)
  pattern.measure(function(n)
    for _ = 1, n do
      if c:send(request) ~= size then error("not all was sent") end
      if c:receive(size) ~= answer then error("wrong answer") end
    end
  end, warm, count)
  c:close()
end

function run.pp() echo(nil) end
function run.pp_t5() echo(5) end

-- The object is tried first: that is what event loops do.
local function polling_echo(c, wait)
  local request, answer = piece(size, 0), piece(size, 1)
  local size = size
  c:settimeout(0)
  pattern.measure(function(n)
    for _ = 1, n do
      if c:send(request) ~= size then error("not all was sent") end
      local data, err, partial = c:receive(size)
      while not data do
        if err ~= "timeout" then error(err) end
        wait()
        data, err, partial = c:receive(size, partial)
      end
      if data ~= answer then error("wrong answer") end
    end
  end, warm, count)
  c:close()
end

function run.pp_t0()
  local c, select = connection(), socket.select
  local receivers = { c }
  polling_echo(c, function() select(receivers, nil) end)
end

-- The same with the poller, which only luatcp has.
function run.pp_poller()
  local c, poller = connection(), socket.poller()
  assert(poller:add(c, "r"))
  polling_echo(c, function() for _ in poller:wait(-1) do end end)
end

-- Limit 0 where the answer is there at the first try.  What takes the time until
-- then is not measured, and leaves nothing for the collector.
function run.pp_ready()
  local c = connection()
  local request, answer = piece(size, 0), piece(size, 1)
  local function round_trip(start, stop)
    start()
    c:send(request)
    stop()
    local n = 0
    for i = 1, 200000 do n = n + i end
    start()
    local data, err, partial = c:receive(size)
    while not data and err == "timeout" do
      data, err, partial = c:receive(size, partial)
    end
    stop()
    if data ~= answer then error("wrong answer") end
  end
  local function nothing() end
  c:settimeout(0)
  for _ = 1, warm do round_trip(nothing, nothing) end
  for _ = 1, count do round_trip(start, stop) end
  pattern.report()
  c:close()
end

function run.http()
  local c = connection()
  local done = 0
  local function header(name) return name:lower() end
  local function exchange(i)
    local request = {
      ("GET /page/%d HTTP/1.1"):format(i), "Host: 127.0.0.1",
      "User-Agent: benchmark", "Accept: text/plain",
      "Accept-Encoding: identity", "Connection: keep-alive", "", "",
    }
    assert(c:send(table.concat(request, "\r\n")))
    local status = c:receive("*l"):match("^HTTP/1%.%d (%d+)")
    local headers = {}
    local line = c:receive("*l")
    while line ~= "" do
      local name, value = line:match("^([^:]+):%s*(.*)$")
      headers[header(name)] = value
      line = c:receive("*l")
    end
    if status ~= "200" or headers["etag"] ~= ('"%d"'):format(i) then
      error("wrong answer")
    end
    return c:receive(tonumber(headers["content-length"]))
  end
  pattern.measure(function(n, checked)
    for i = done + 1, done + n do
      local body = exchange(i)
      if checked then check(body, size, i) end
      if #body ~= size or tonumber(body:sub(1, 8)) ~= i then
        error("wrong page")
      end
    end
    done = done + n
  end, warm, count)
  c:close()
end

function run.accept()
  local server = assert(socket.bind("127.0.0.1", 0, 1024))
  local _, own = server:getsockname()
  local control = connection()
  assert(control:send(("%d\n"):format(own)))
  pattern.measure(function(n)
    for _ = 1, n do
      local c = server:accept()
      if not c then error("no connection") end
      c:close()
    end
  end, warm, count)
  control:close()
end

local function connect(host)
  pattern.measure(function(n)
    for _ = 1, n do
      local c, err = socket.connect(host, port)
      if not c then error(err) end
      c:close()
    end
  end, warm, count)
end

function run.connect4() connect("127.0.0.1") end
function run.connect6() connect("::1") end
function run.connect_localhost() connect("localhost") end

-- size connections of which the last one is active.
local function idle(receivers, wait)
  for i = 1, size do receivers[i] = connection() end
  local active = receivers[size]
  active:settimeout(0)
  local function operate(n)
    for _ = 1, n do
      active:send("x")
      if wait(active) ~= active or active:receive(1) ~= "x" then
        error("the wrong one is ready")
      end
    end
  end
  return operate
end

function run.select()
  local receivers, select = {}, socket.select
  local operate = idle(receivers, function()
    return select(receivers, nil)[1]
  end)
  pattern.measure(operate, warm, count)
  receivers[size]:close()
end

function run.poller()
  if not socket.poller then return run.select() end
  local connections, poller = {}, socket.poller()
  local operate = idle(connections, function()
    local ready
    for c in poller:wait(-1) do ready = c end
    return ready
  end)
  for i = 1, size do assert(poller:add(connections[i], "r")) end
  pattern.measure(operate, warm, count)
  connections[size]:close()
end

function run.memory()
  local function open(n)
    local list = {}
    for i = 1, n do
      local c = assert(socket.connect("127.0.0.1", port))
      assert(c:send("x"))
      assert(c:receive(1) == "x")
      list[i] = c
    end
    return list
  end
  local first = open(warm)
  collectgarbage()
  collectgarbage()
  local heap, resident = collectgarbage("count"), pattern.resident()
  local list = open(size - warm)
  collectgarbage()
  collectgarbage()
  print("heap", (collectgarbage("count") - heap) * 1024 / #list)
  print("resident", resident and (pattern.resident() - resident) / #list)
  first[1]:close()
end

-- socket is loaded: that is all.
function run.load() end

run[workload]()
