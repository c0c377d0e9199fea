-- SPDX-License-Identifier: MIT
--
-- peer_cqueues.lua: the workloads on cqueues, in coroutines of one controller.
--
--   peer_cqueues.lua WORKLOAD SIZE WARM COUNT PORT

local pattern = require "pattern"
local cqueues = require "cqueues"
local sockets = require "cqueues.socket"

local workload, size, warm, count, port = ...
size, warm, count = tonumber(size), tonumber(warm), tonumber(count)
port = tonumber(port)

local piece, check = pattern.piece, pattern.check
local start, stop = pattern.start, pattern.stop

-- Binary, output not buffered, and input that may be read in large steps.
local function connection(host)
  local c = sockets.connect { host = host or "127.0.0.1", port = port,
                              nodelay = true }
  c:setmode("b", "bn")
  c:onerror(function(_, _, code) return code end)
  assert(c:connect())
  return c
end

local function receive_pieces(what, line)
  local c = connection()
  c:setbufsiz(65536, 4096)
  local length, done, last = line and size - 1 or size, 0, nil
  pattern.measure(function(n, checked)
    local total = 0
    for i = done, done + n - 1 do
      local data = c:read(what)
      total = total + #data
      if checked then check(data, size, i, line) end
      last = data
    end
    done = done + n
    assert(total == n * length, "wrong number of bytes")
  end, warm, count)
  check(last, size, done - 1, line)
end

local function receive_large(open, what)
  local c
  for i = 1, warm + count do
    c = open(c)
    if i > warm then start() end
    local data = c:read(what)
    if i > warm then stop() end
    check(data, size, 0)
  end
  pattern.report()
end

local run = {}

function run.lines() receive_pieces("*l", true) end

function run.blocks()
  if size < 65536 then return receive_pieces(size, false) end
  receive_large(function(c)
    if c then return c end
    c = connection()
    c:setbufsiz(65536, 4096)
    return c
  end, size)
end

function run.streams()
  receive_large(function(c)
    if c then c:close() end
    c = connection()
    c:setbufsiz(65536, 4096)
    return c
  end, "*a")
end

function run.send()
  local c, data = connection(), piece(size, 0)
  pattern.measure(function(n)
    for _ = 1, n do
      if not c:write(data) then error("not all was sent") end
    end
  end, warm, count)
  c:close()
end

local function echo(prepare)
  local c = connection()
  local request, answer = piece(size, 0), piece(size, 1)
  prepare(c)
  pattern.measure(function(n)
    for _ = 1, n do
      c:write(request)
      if c:read(size) ~= answer then error("wrong answer") end
    end
  end, warm, count)
  c:close()
end

function run.pp() echo(function() end) end
function run.pp_t5() echo(function(c) c:settimeout(5) end) end
run.pp_t0 = run.pp
run.pp_poller = run.pp

function run.http()
  local c = connection()
  local done = 0
  local function exchange(i)
    local request = {
      ("GET /page/%d HTTP/1.1"):format(i), "Host: 127.0.0.1",
      "User-Agent: benchmark", "Accept: text/plain",
      "Accept-Encoding: identity", "Connection: keep-alive", "", "",
    }
    assert(c:write(table.concat(request, "\r\n")))
    local status = c:read("*l"):match("^HTTP/1%.%d (%d+)")
    local headers = {}
    local line = c:read("*l"):gsub("\r", "")
    while line ~= "" do
      local name, value = line:match("^([^:]+):%s*(.*)$")
      headers[name:lower()] = value
      line = c:read("*l"):gsub("\r", "")
    end
    if status ~= "200" or headers["etag"] ~= ('"%d"'):format(i) then
      error("wrong answer")
    end
    return c:read(tonumber(headers["content-length"]))
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
  local server = sockets.listen { host = "127.0.0.1", port = 0 }
  assert(server:listen())
  local _, _, own = server:localname()
  local control = connection()
  assert(control:write(("%d\n"):format(own)))
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
      local c = sockets.connect(host, port)
      if not c:connect() then error("not connected") end
      c:close()
    end
  end, warm, count)
end

function run.connect4() connect("127.0.0.1") end
function run.connect6() connect("::1") end
function run.connect_localhost() connect("localhost") end

local controller = cqueues.new()

-- Each idle connection has a coroutine that waits for it.
function run.select()
  for _ = 1, size - 1 do
    local c = connection()
    controller:wrap(function() c:read(1) error("the wrong one is ready") end)
  end
  local active = connection()
  cqueues.sleep(0)
  pattern.measure(function(n)
    for _ = 1, n do
      active:write("x")
      if active:read(1) ~= "x" then error("wrong answer") end
    end
  end, warm, count)
end
run.poller = run.select

function run.memory()
  local function open(n)
    local list = {}
    for i = 1, n do
      local c = connection()
      assert(c:write("x"))
      assert(c:read(1) == "x")
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

if not run[workload] then os.exit(77) end
controller:wrap(function()
  local ok, message = xpcall(run[workload], debug.traceback)
  if not ok then io.stderr:write(message, "\n") end
  io.stdout:flush()
  os.exit(ok)
end)
assert(controller:loop())
