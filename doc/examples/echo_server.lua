-- Answers one client, line by line.  echo_server.lua [PORT]
local socket = require "socket"

io.stdout:setvbuf("line")
local server = assert(socket.bind("127.0.0.1", arg[1] or 0))
print("listening on", server:getsockname())

local client = assert(server:accept())
client:settimeout(10)
local line, err = client:receive()
while line do
  assert(client:send(line .. "\n"))
  line, err = client:receive()
end
print("done:", err)
client:close()
