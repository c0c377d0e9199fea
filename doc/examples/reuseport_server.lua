-- One of several processes that serve the same port: start it as often as the
-- machine has processors.  The system gives each new connection to one of them.
--
--   reuseport_server.lua PORT [NAME]
--
-- It answers each line with its name in front.  All processes have to belong to
-- one user, and each sets the option before it binds.
local socket = require "socket"

io.stdout:setvbuf("line")
local name = arg[2] or tostring(socket):match("0x%x+")
local server = assert(socket.tcp4())
assert(server:setoption("reuseaddr", true))
assert(server:setoption("reuseport", true))
assert(server:bind("127.0.0.1", arg[1] or 0))
assert(server:listen(512))
server:settimeout(0)
print("listening on", server:getsockname())

local poller = assert(socket.poller())
assert(poller:add(server, "r"))
local partial = {} -- object -> the beginning of a line

while true do
  for object in poller:wait() do
    if object == server then
      local client = server:accept()
      if client then
        client:settimeout(0)
        partial[client] = ""
        assert(poller:add(client, "r"))
      end
    else
      local line, err, rest = object:receive("*l", partial[object], 4096)
      partial[object] = rest or ""
      if line then
        -- short lines, one at a time: they fit, or the client does not read
        if not object:send(name .. " " .. line .. "\n") then err = "stuck" end
      end
      if err and err ~= "timeout" then
        object:close()
        partial[object] = nil
      end
    end
  end
end
