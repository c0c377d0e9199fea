-- A line server that listens on 127.0.0.1 and on ::1, and clients that talk to
-- it over both, all in one Lua program: each is a coroutine, and one call of
-- select waits for all of them.
--
-- The server answers each line, but never the line "silence"; the clients have
-- a time limit.
local socket = require "socket"

local start = socket.gettime()
local function say(who, ...)
  print(("%6.3f  %-12s"):format(socket.gettime() - start, who) ..
    string.format(...))
end

-- ---- Coroutines that wait for sockets ---------------------------------------

local waiting = {} -- thread -> {object, for "r" or "w", until when}

local function resume(thread, ...)
  waiting[thread] = nil
  local ok, err = coroutine.resume(thread, ...)
  if not ok then error(debug.traceback(thread, err), 0) end
end

local function spawn(task, ...)
  resume(coroutine.create(task), ...)
end

-- True once the object is ready, false when the time is up.
local function wait(object, direction, seconds)
  waiting[coroutine.running()] = {
    object = object, direction = direction,
    limit = socket.gettime() + (seconds or math.huge)
  }
  return coroutine.yield()
end

local function turn()
  local read, write, limit = {}, {}, math.huge
  for _, w in pairs(waiting) do
    local list = w.direction == "r" and read or write
    list[#list + 1] = w.object
    limit = math.min(limit, w.limit)
  end
  local now = socket.gettime()
  local timeout = limit < math.huge and math.max(limit - now, 0) or nil
  local readable, writable = socket.select(read, write, timeout)
  now = socket.gettime()
  local awake = {}
  for thread, w in pairs(waiting) do
    local ready = w.direction == "r" and readable or writable
    if ready[w.object] then awake[thread] = 1
    elseif w.limit <= now then awake[thread] = 0 end
  end
  for thread, ready in pairs(awake) do resume(thread, ready == 1) end
end

-- A whole line, or nil and why not.
local function receive_line(object, seconds)
  local line, err, partial = object:receive("*l")
  while not line and err == "timeout" do
    if not wait(object, "r", seconds) then return nil, "timeout" end
    line, err, partial = object:receive("*l", partial)
  end
  return line, err
end

local function send_line(object, line)
  local data, sent = line .. "\n", 0
  while sent < #data do
    local last, err, partial = object:send(data, sent + 1)
    sent = last or partial
    if not last then
      if err ~= "timeout" then return nil, err end
      wait(object, "w")
    end
  end
  return true
end

-- ---- The server -----------------------------------------------------------

local function answer(peer)
  local address, port = peer:getpeername()
  say("server", "[%s]:%d has connected", address, port)
  peer:settimeout(0)
  local line, err = receive_line(peer)
  while line and line ~= "bye" do
    if line ~= "silence" then
      local sent
      sent, err = send_line(peer, "you said: " .. line)
      if not sent then break end
    end
    line, err = receive_line(peer)
  end
  say("server", "[%s]:%d %s", address, port, line or err)
  peer:close()
end

local function serve(server)
  server:settimeout(0)
  while true do
    wait(server, "r")
    local peer, err = server:accept()
    if peer then spawn(answer, peer)
    elseif err ~= "timeout" then error(err) end
  end
end

-- ---- A client ---------------------------------------------------------------

local open_clients = 0

local function client(who, host, port)
  open_clients = open_clients + 1
  local object = assert(socket.tcp())
  object:settimeout(0)
  local ok, err = object:connect(host, port)
  while not ok and err ~= "already connected" do
    -- under way; the limit is for the whole connect
    if err ~= "timeout" and err ~= "Operation already in progress" then
      error(who .. ": cannot connect: " .. err)
    end
    if not wait(object, "w", 5) then error(who .. ": connect timed out") end
    ok, err = object:connect(host, port)
  end
  say(who, "connected to [%s]:%d", object:getpeername())

  for _, line in ipairs {"hello", "how are you?", ("long "):rep(2000)} do
    assert(send_line(object, line))
    local reply = assert(receive_line(object, 5))
    assert(reply == "you said: " .. line)
    say(who, "%s%s", reply:sub(1, 40),
      #reply > 40 and (" ... (%d bytes)"):format(#reply) or "")
  end

  assert(send_line(object, "silence"))
  local reply, why = receive_line(object, 0.3)
  assert(not reply and why == "timeout")
  say(who, "no answer within 0.3 seconds: %s", why)

  assert(send_line(object, "bye"))
  reply, why = receive_line(object, 5)
  assert(not reply and why == "closed")
  local received, sent = object:getstats()
  say(who, "%s; %d bytes received, %d sent", why, received, sent)
  object:close()
  open_clients = open_clients - 1
end

-- ---- Both, over both protocols ------------------------------------------------

local function listen(create, address, port)
  if not create then return nil, "not built in" end
  local server, err = create()
  if not server then return nil, err end
  local ok
  ok, err = server:bind(address, port)
  if ok then ok, err = server:listen(16) end
  if ok then return server end
  server:close()
  return nil, err
end

io.stdout:setvbuf("line")
say("", "%s under %s", socket._VERSION, jit and jit.version or _VERSION)

local four = assert(listen(socket.tcp4, "127.0.0.1", 0))
local _, port = four:getsockname()
say("server", "listening on 127.0.0.1:%d", port)
spawn(serve, four)

-- the same port, unless somebody has it there
local six, err = listen(socket.tcp6, "::1", port)
if not six then six, err = listen(socket.tcp6, "::1", 0) end
if six then
  local _, port6 = six:getsockname()
  say("server", "listening on [::1]:%d", port6)
  spawn(serve, six)
  spawn(client, "IPv6 client", "::1", port6)
else
  say("server", "this machine has no IPv6 (%s): going on with IPv4", err)
end
spawn(client, "IPv4 client", "127.0.0.1", port)

while open_clients > 0 do turn() end
four:close()
if six then six:close() end
say("", "all done, over IPv4%s", six and " and IPv6" or " alone")
