-- SPDX-License-Identifier: MIT
-- http_server.lua: answers over HTTP/1.1 in each way that a client has to
-- understand, and counts connections.  For check-http.sh.
local socket = require "socket"

io.stdout:setvbuf("line")
local server = assert(socket.bind("127.0.0.1", 0))
print("listening on", server:getsockname())

local connections = 0
local body = ("0123456789"):rep(20000)

local answers = {
  ["/length"] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nlength",
  ["/large"] = "HTTP/1.1 200 OK\r\ncontent-length: " .. #body .. "\r\n\r\n" .. body,
  ["/chunks"] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" ..
    "5;extension=1\r\nfirst\r\nA\r\n, two, six\r\n0\r\nTrailer: yes\r\n\r\n",
  ["/none"] = "HTTP/1.1 204 No Content\r\n\r\n",
  ["/empty"] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  ["/continue"] = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  ["/closing"] = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbye",
  ["/until-closed"] = "HTTP/1.1 200 OK\r\n\r\nall that comes",
  ["/until-closed-empty"] = "HTTP/1.1 200 OK\r\n\r\n",
  ["/liar"] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
  ["/nonsense"] = "SSH-2.0-something\r\n\r\n",
  ["/endless"] = "HTTP/1.1 200 OK\r\nX: " .. ("x"):rep(20000)
}
local last = { ["/closing"] = true, ["/until-closed"] = true,
  ["/until-closed-empty"] = true, ["/liar"] = true,
  ["/nonsense"] = true, ["/endless"] = true, ["/forgetful"] = true }

while true do
  local client = server:accept()
  connections = connections + 1
  client:settimeout(10)
  repeat
    local request = client:receive()
    local header = request
    while header and header ~= "" do header = client:receive() end
    local path = request and request:match("^GET (%S+) HTTP/1.1$")
    if path == "/count" then
      client:send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" .. connections)
    elseif path == "/forgetful" then -- says that it stays, and goes
      client:send(answers["/length"])
    elseif path then
      client:send(answers[path])
    end
  until not path or last[path]
  client:close()
end
