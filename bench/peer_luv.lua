-- SPDX-License-Identifier: MIT
--
-- peer_luv.lua: the workloads on luv, in callbacks.
--
--   peer_luv.lua WORKLOAD SIZE WARM COUNT PORT

local pattern = require "pattern"
local uv = require "luv"

local workload, size, warm, count, port = ...
size, warm, count = tonumber(size), tonumber(warm), tonumber(count)
port = tonumber(port)

local piece, check = pattern.piece, pattern.check
local start, stop = pattern.start, pattern.stop
local find, sub, concat = string.find, string.sub, table.concat

-- An error in a callback would only be printed.
local function guard(f)
  return function(...)
    local ok, message = xpcall(f, debug.traceback, ...)
    if not ok then
      io.stderr:write(message, "\n")
      os.exit(1)
    end
  end
end

local function finish()
  pattern.report()
  io.stdout:flush()
  os.exit(0)
end

local function connection(done)
  local c = uv.new_tcp()
  c:connect("127.0.0.1", port, guard(function(err)
    assert(not err, err)
    c:nodelay(true)
    done(c)
  end))
end

-- Counts what is measured.
local function counter()
  local done = 0
  return function()
    done = done + 1
    if done == warm then
      start()
    elseif done == warm + count then
      stop()
      return true
    end
  end
end

-- done counts pieces; only the last one of those measured is looked at.
local function receive_pieces(take, line)
  local length = line and size - 1 or size
  local done, bytes, rest, all = 0, 0, "", warm + count
  connection(function(c)
    c:read_start(guard(function(err, chunk)
      assert(not err, err)
      if rest ~= "" then chunk = rest .. chunk end
      local at = 1
      while true do
        local data, behind = take(chunk, at)
        if not data then break end
        at = behind
        bytes = bytes + #data
        if done < warm then check(data, size, done, line) end
        done = done + 1
        if done == warm then start() end
        if done == all then
          stop()
          check(data, size, done - 1, line)
          assert(bytes == all * length, "wrong number of bytes")
          finish()
        end
      end
      rest = sub(chunk, at)
    end))
  end)
end

local run = {}

function run.lines()
  receive_pieces(function(chunk, at)
    local feed = find(chunk, "\n", at, true)
    if feed then return sub(chunk, at, feed - 1), feed + 1 end
  end, true)
end

local function receive_large(c, done)
  local chunks, length, measured = {}, 0, false
  local received = 0
  c:read_start(guard(function(err, chunk)
    assert(not err, err)
    chunks[#chunks + 1] = chunk
    length = length + #chunk
    while length >= size do
      local data = concat(chunks)
      local rest = sub(data, size + 1)
      if #data > size then data = sub(data, 1, size) end
      if measured then stop() end
      check(data, size, 0)
      chunks, length = { rest }, #rest
      received = received + 1
      measured = received >= warm
      if done(received) then finish() end
      if measured then start() end
    end
  end))
end

function run.blocks()
  if size >= 65536 then
    connection(function(c)
      receive_large(c, function(n) return n == warm + count end)
    end)
    return
  end
  receive_pieces(function(chunk, at)
    if at + size <= #chunk + 1 then
      return sub(chunk, at, at + size - 1), at + size
    end
  end, false)
end

function run.streams()
  local function stream(i)
    if i > warm + count then finish() end
    connection(function(c)
      local chunks = {}
      if i > warm then start() end
      c:read_start(guard(function(err, chunk)
        assert(not err, err)
        if chunk then
          chunks[#chunks + 1] = chunk
          return
        end
        local data = concat(chunks)
        if i > warm then stop() end
        check(data, size, 0)
        c:close()
        stream(i + 1)
      end))
    end)
  end
  stream(1)
end

-- Writes at once what the kernel takes, as only then nothing is queued.
function run.send()
  local data, counted = piece(size, 0), counter()
  connection(function(c)
    local step
    local function finished(err)
      assert(not err, err)
      step()
    end
    local written = guard(finished)
    local rest = 0
    function step()
      while true do
        local sent = c:try_write(data) or 0
        if sent < size then
          rest = sent
          break
        end
        if counted() then
          pattern.report()
          c:close()
          return
        end
      end
      c:write(rest > 0 and sub(data, rest + 1) or data, function(err)
        assert(not err, err)
        if counted() then
          pattern.report()
          c:close()
          return
        end
        written()
      end)
    end
    step()
  end)
end

local function echo()
  local request, answer = piece(size, 0), piece(size, 1)
  local counted = counter()
  connection(function(c)
    local function ask()
      if c:try_write(request) ~= size then error("not all was sent") end
    end
    local partial = ""
    c:read_start(guard(function(err, chunk)
      assert(not err, err)
      if #partial > 0 or #chunk < size then
        partial = partial .. chunk
        if #partial < size then return end
        chunk, partial = partial, ""
      end
      if chunk ~= answer then error("wrong answer") end
      if counted() then finish() end
      ask()
    end))
    ask()
  end)
end

run.pp, run.pp_t0, run.pp_poller = echo, echo, echo

function run.pp_t5()
  local request, answer = piece(size, 0), piece(size, 1)
  local counted = counter()
  connection(function(c)
    local timer = uv.new_timer()
    timer:start(5000, 5000, guard(function() error("timeout") end))
    local function ask()
      timer:again()
      if c:try_write(request) ~= size then error("not all was sent") end
    end
    c:read_start(guard(function(err, chunk)
      assert(not err, err)
      if chunk ~= answer then error("wrong answer") end
      if counted() then finish() end
      ask()
    end))
    ask()
  end)
end

function run.http()
  local counted, i, buffer = counter(), 0, ""
  connection(function(c)
    local function ask()
      i = i + 1
      local request = {
        ("GET /page/%d HTTP/1.1"):format(i), "Host: 127.0.0.1",
        "User-Agent: benchmark", "Accept: text/plain",
        "Accept-Encoding: identity", "Connection: keep-alive", "", "",
      }
      c:try_write(concat(request, "\r\n"))
    end
    local function page()
      local feed = find(buffer, "\r\n", 1, true)
      local status = sub(buffer, 1, feed - 1):match("^HTTP/1%.%d (%d+)")
      local headers, at = {}, feed + 2
      while true do
        feed = find(buffer, "\r\n", at, true)
        if feed == at then break end
        local name, value = sub(buffer, at, feed - 1):match("^([^:]+):%s*(.*)$")
        headers[name:lower()] = value
        at = feed + 2
      end
      local length = tonumber(headers["content-length"])
      if #buffer < at + 1 + length then return end
      if status ~= "200" or headers["etag"] ~= ('"%d"'):format(i) then
        error("wrong answer")
      end
      local body = sub(buffer, at + 2, at + 1 + length)
      buffer = sub(buffer, at + 2 + length)
      return body
    end
    c:read_start(guard(function(err, chunk)
      assert(not err, err)
      buffer = buffer .. chunk
      local body = find(buffer, "\r\n\r\n", 1, true) and page()
      if not body then return end
      if i <= warm then check(body, size, i) end
      if #body ~= size or tonumber(body:sub(1, 8)) ~= i then
        error("wrong page")
      end
      if counted() then finish() end
      ask()
    end))
    ask()
  end)
end

function run.accept()
  local counted, server = counter(), uv.new_tcp()
  assert(server:bind("127.0.0.1", 0))
  assert(server:listen(1024, guard(function(err)
    assert(not err, err)
    local c = uv.new_tcp()
    assert(server:accept(c))
    c:close()
    if counted() then finish() end
  end)))
  connection(function(control)
    control:try_write(("%d\n"):format(server:getsockname().port))
  end)
end

local function connect(host)
  local counted, once = counter(), nil
  local connected = guard(function(err)
    assert(not err, err)
    once()
  end)
  local current
  local function open(address)
    current = uv.new_tcp()
    current:connect(address, port, connected)
  end
  local function begin()
    if find(host, "%a") then
      uv.getaddrinfo(host, nil, { socktype = "stream" },
                     guard(function(err, list)
        assert(not err, err)
        open(list[1].addr)
      end))
    else
      open(host)
    end
  end
  function once()
    current:close()
    if counted() then finish() end
    begin()
  end
  begin()
end

function run.connect4() connect("127.0.0.1") end
function run.connect6() connect("::1") end
function run.connect_localhost() connect("localhost") end

local function open_many(n, each, done)
  local i = 0
  local function step()
    i = i + 1
    if i > n then return done() end
    connection(function(c)
      each(c, i, step)
    end)
  end
  step()
end

function run.select()
  local counted, active = counter(), nil
  local wrong = guard(function() error("the wrong one is ready") end)
  open_many(size, function(c, _, next_one)
    active = c
    if _ < size then c:read_start(wrong) end
    next_one()
  end, function()
    active:read_start(guard(function(err, chunk)
      if err or chunk ~= "x" then error("wrong answer") end
      if counted() then finish() end
      active:try_write("x")
    end))
    active:try_write("x")
  end)
end
run.poller = run.select

function run.memory()
  local list = {}
  local function open(n, done)
    open_many(n, function(c, _, next_one)
      list[#list + 1] = c
      c:read_start(guard(function(err, chunk)
        assert(not err and chunk == "x", err)
        next_one()
      end))
      c:try_write("x")
    end, done)
  end
  open(warm, function()
    collectgarbage()
    collectgarbage()
    local heap, resident = collectgarbage("count"), pattern.resident()
    open(size - warm, function()
      local n = size - warm
      print("heap", (collectgarbage("count") - heap) * 1024 / n)
      print("resident", resident and (pattern.resident() - resident) / n)
      io.stdout:flush()
      os.exit(0)
    end)
  end)
end

if not run[workload] then os.exit(77) end
run[workload]()
uv.run()
