-- An HTTP/1.1 client that keeps its connection: http_client.lua HOST PORT PATH...
local socket = require "socket"
local host, port, connection = arg[1], arg[2], nil
local LINE_MAX, BODY_MAX = 8192, 64 * 1024 * 1024
local function disconnect() if connection then connection:close() connection = nil end end
local try = socket.newtry(disconnect)
local function line() return try(connection:receive("*l", "", LINE_MAX)) end

local function read_headers()
  local headers, text = {}, line()
  while text ~= "" do
    local name, value = text:match("^([^%s:]+):%s*(.-)%s*$")
    headers[try(name, "not a header: " .. text):lower()], text = value, line()
  end
  return headers
end

local function read_chunks()
  local chunks, total = {}, 0
  while true do
    local size = try(tonumber(line():match("^%x+") or "", 16), "not a chunk")
    if size == 0 then read_headers() return table.concat(chunks) end
    total = try(total + size <= BODY_MAX and total + size, "body too large")
    chunks[#chunks + 1] = try(connection:receive(size))
    line() -- the end of the chunk
  end
end

local function read_body(status, headers)
  local length = tonumber(headers["content-length"])
  if status == 204 or status == 304 or length == 0 then return "" end
  if headers["transfer-encoding"] == "chunked" then return read_chunks() end
  try(not length or length <= BODY_MAX, "body too large")
  if length then return try(connection:receive(length)) end
  headers.connection = "close" -- the end of the stream is that of the body
  local body, err = connection:receive("*a", "", BODY_MAX)
  return try(body or err == "closed" and "", err)
end

local get = socket.protect(function(path)
  connection = connection or try(socket.connect(host, port))
  connection:settimeout(30, "t") -- for each call
  try(connection:send(("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n"):format(path, host)))
  local status, headers
  repeat -- 100 and the like come before the answer
    status = try(tonumber(line():match("^HTTP/1%.1 (%d%d%d)")), "not HTTP/1.1")
    headers = read_headers()
  until status >= 200
  local body = read_body(status, headers)
  if (headers.connection or ""):lower() == "close" then disconnect() end
  return status, body
end)

for i = 3, #arg do
  local reused = connection ~= nil
  local status, body = get(arg[i])
  if not status and reused then status, body = get(arg[i]) end -- it was closed meanwhile
  io.stderr:write(arg[i], ": ", status or body, reused and ", kept connection" or "", "\n")
  if status then io.write(body) else os.exit(1) end
end
