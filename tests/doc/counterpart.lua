-- SPDX-License-Identifier: MIT
-- counterpart.lua PORT: the other ends of the connections that examples make, a
-- process of its own.  Connects to PORT on 127.0.0.1 for its orders, tells
-- there the ports of its services, and ends with that connection.
--
-- Services on 127.0.0.1, and on ::1 with the same number where it can be had:
--   echo    gives back what comes; answers requests in HTTP with a page
--   greeter sends three lines, ends its side and reads what comes
-- Order "visit ADDRESS PORT": connects there, sends three lines, ends its side
-- and reads what comes.
local socket = require "socket"

local GREETING = "hello\nhow are you?\nbye\n"
local poller = assert(socket.poller())
local orders = assert(socket.connect("127.0.0.1", arg[1]))

-- ---- Connections ----------------------------------------------------------

-- What is to be sent by a connection; then it ends its side when told so.
local function flush(object, state)
  while state.out ~= "" do
    local last, message, partial = object:send(state.out)
    last = last or partial
    state.out = state.out:sub(last + 1)
    if message == "timeout" then
      return poller:modify(object, "rw")
    elseif message then
      return object:close()
    end
  end
  poller:modify(object, "r")
  if state.finish then object:shutdown("send") end
end

local function watch(object, state)
  object:settimeout(0)
  assert(poller:add(object, "r", function()
    local text, message = object:receiveany(65536)
    if text then
      state.take(text)
    elseif message ~= "timeout" then
      object:close()
      return
    end
    flush(object, state)
  end))
  flush(object, state)
end

local function page(request)
  local body = "<title>Example</title>\n"
  return ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" ..
    "Content-Length: %d\r\n%s\r\n"):format(#body,
      request:find("close") and "Connection: close\r\n" or ""),
    request:find("^HEAD") and "" or body
end

local function echo(object)
  local state = { out = "" }
  local request
  function state.take(text)
    if request == nil then request = text:find("^%u+ %S+ HTTP/1") and "" end
    if not request then
      state.out = state.out .. text
      return
    end
    request = request .. text
    local head = request:match("^.-\r?\n\r?\n")
    if head then
      local header, body = page(head)
      state.out = state.out .. header .. body
      state.finish = head:find("close") or head:find("HTTP/1.0")
      request = request:sub(#head + 1)
    end
  end
  watch(object, state)
end

local function greet(object)
  watch(object, { out = GREETING, finish = true, take = function() end })
end

-- ---- Services and orders ---------------------------------------------------

local function listen(create, address, port)
  local server = create and create()
  if not server then return nil end
  server:setoption("reuseaddr", true)
  if server:bind(address, port) and server:listen(64) then return server end
  server:close()
end

local function serve(server, answer)
  if not server then return end
  server:settimeout(0)
  assert(poller:add(server, "r", function()
    local object = server:accept()
    if object then answer(object) end
  end))
end

local function service(answer)
  local server = assert(listen(socket.tcp4, "127.0.0.1", 0))
  local _, port = server:getsockname()
  serve(server, answer)
  serve(listen(socket.tcp6, "::1", port), answer)
  return port
end

orders:send(("%d %d\n"):format(service(echo), service(greet)))

local running = true
orders:settimeout(10)
poller:add(orders, "r", function()
  local order = orders:receive()
  if not order then
    running = false
    return
  end
  local address, port = order:match("^visit (%S+) (%d+)$")
  local object = socket.connect(address, port)
  if object then greet(object) end
end)

while running do
  for object, _, react in poller:wait(60) do react(object) end
end
