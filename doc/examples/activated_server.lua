-- A server that systemd starts when the first client comes: the port is
-- systemd's, and stays open while the server is restarted, so no client is
-- refused.  systemd/echo.socket and systemd/echo.service belong to it.
--
-- Answers lines, and ends after some quiet seconds: systemd starts it again.
--
--   systemd-socket-activate -l 7777 lua5.4 activated_server.lua [SECONDS]
local socket = require "socket"

local FIRST = 3 -- where descriptors that are passed on begin
local quiet = tonumber(arg[1] or 30)

-- The descriptors are for the process that LISTEN_PID names, not for a child
-- that has inherited its environment.
local function own_process()
  local file = io.open("/proc/self/stat")
  local number = file and file:read("*n")
  if file then file:close() end
  return number
end

local count = tonumber(os.getenv("LISTEN_FDS") or 0)
if count == 0 or tonumber(os.getenv("LISTEN_PID") or 0) ~= own_process() then
  io.stderr:write("no sockets were passed: start this by systemd\n")
  os.exit(1)
end

io.stdout:setvbuf("line")
local poller = assert(socket.poller())
local servers, partial = {}, {}
for descriptor = FIRST, FIRST + count - 1 do
  local server = assert(socket.fromfd(descriptor))
  server:settimeout(0)
  servers[server] = true
  assert(poller:add(server, "r"))
  print("serving", server:getsockname())
end

local function accept(server)
  local client = server:accept()
  if not client then return end
  client:settimeout(0)
  partial[client] = ""
  assert(poller:add(client, "r"))
end

local function answer(client)
  local line, err, rest = client:receive("*l", partial[client], 4096)
  partial[client] = rest or ""
  if line and not client:send(line .. "\n") then err = "stuck" end
  if err and err ~= "timeout" then
    client:close()
    partial[client] = nil
  end
end

local idle_since = socket.monotime()
repeat
  for object in poller:wait(quiet) do
    idle_since = socket.monotime()
    if servers[object] then accept(object) else answer(object) end
  end
until socket.monotime() - idle_since >= quiet and next(partial) == nil
