-- SPDX-License-Identifier: MIT
-- The installed LuaSocket's own http, smtp and ftp on top of this module, against
-- tiny servers that share the process by way of coroutines.
local t = require "harness"
local socket = t.socket

-- LuaSocket's Lua files are looked for where they usually are.
local version = _VERSION:match("%d+%.%d+")
package.path = package.path .. (";/usr/share/lua/%s/?.lua;/usr/local/share/lua/%s/?.lua")
  :format(version, version)
package.cpath = package.cpath .. (";/usr/lib/x86_64-linux-gnu/lua/%s/?.so;" ..
  "/usr/lib/aarch64-linux-gnu/lua/%s/?.so;/usr/lib/lua/%s/?.so;/usr/local/lib/lua/%s/?.so")
  :format(version, version, version, version)

local found, http = pcall(require, "socket.http")
if not found then
  t.test("http", function() t.skip("LuaSocket's http.lua is not installed for this Lua") end)
  t.done()
end
local ltn12 = require "ltn12"
t.test("they use the module under test", function()
  t.equal(require "socket", socket)
end)

-- The server's side runs in a coroutine that is resumed by each blocking step of
-- the client: the socket that the client gets is a wrapper which does so.
local function cooperative(serve)
  local server, host, port = t.server()
  server:settimeout(0)
  local co = coroutine.create(function()
    local peer
    repeat
      peer = server:accept()
      if not peer then coroutine.yield() end
    until peer
    peer:settimeout(0)
    local link = {}
    function link.line()
      local part = ""
      while true do
        local line, err
        line, err, part = peer:receive("*l", part)
        if line then return line end
        if err ~= "timeout" then return nil end
        coroutine.yield()
      end
    end
    function link.count(n)
      local part = ""
      while true do
        local bytes, err
        bytes, err, part = peer:receive(n, part)
        if bytes then return bytes end
        if err ~= "timeout" then return part end
        coroutine.yield()
      end
    end
    function link.send(text)
      local sent = 0
      while sent < #text do
        local last, err, reached = peer:send(text, sent + 1)
        if not last and err ~= "timeout" then return end
        sent = last or reached
        if not last then coroutine.yield() end
      end
    end
    serve(link)
    peer:close()
  end)
  local function step()
    if coroutine.status(co) ~= "dead" then
      local good, err = coroutine.resume(co)
      if not good then error(err, 0) end
    end
  end
  -- What the client calls create for: a socket whose waits let the server run.
  local function create()
    local real = socket.tcp()
    real:settimeout(0)
    local wrapper = {}
    local function again(f)
      local limit = t.clock() + 20
      while t.clock() < limit do
        local results = t.pack(f())
        if results[1] or (results[2] ~= "timeout" and
          results[2] ~= "Operation already in progress") then
          return t.unpack(results, 1, results.n)
        end
        step()
        socket.sleep(0.001)
      end
      error("the server does not answer")
    end
    function wrapper:connect(h, p)
      local result, err = again(function() return real:connect(h, p) end)
      if err == "already connected" then return 1 end
      return result, err
    end
    function wrapper:receive(pattern, prefix)
      local part = prefix or ""
      return again(function()
        local got, err
        got, err, part = real:receive(pattern, part)
        return got, err, part
      end)
    end
    function wrapper:send(data, i, j)
      local from = i or 1
      return again(function()
        local last, err, reached = real:send(data, from, j)
        if not last then from = reached + 1 end
        return last, err, reached
      end)
    end
    function wrapper:settimeout() return 1 end
    function wrapper:close() step() return real:close() end
    for _, name in ipairs { "getfd", "dirty", "getpeername", "getsockname", "setoption",
      "getstats", "shutdown" } do
      wrapper[name] = function(_, ...) return real[name](real, ...) end
    end
    return wrapper
  end
  return host, port, create, step
end

local function read_headers(link)
  local headers = {}
  local request = link.line()
  while true do
    local line = link.line()
    if not line or line == "" then break end
    local name, value = line:match("^(.-):%s*(.*)$")
    headers[name:lower()] = value
  end
  return request, headers
end

t.test("http: a GET with a length", function()
  local body = ("response body "):rep(3000)
  local host, port, create = cooperative(function(link)
    local request = read_headers(link)
    link.send("HTTP/1.1 200 OK\r\nX-Request: " .. request .. "\r\nContent-Length: " .. #body ..
      "\r\nConnection: close\r\n\r\n" .. body)
  end)
  local parts = {}
  local result, code, headers = http.request {
    url = ("http://%s:%d/path?x=1"):format(host, port), create = create,
    sink = ltn12.sink.table(parts),
  }
  t.equal(result, 1)
  t.equal(code, 200)
  t.equal(headers["x-request"], "GET /path?x=1 HTTP/1.1")
  t.truth(table.concat(parts) == body, "body")
end)

t.test("http: chunks", function()
  local host, port, create = cooperative(function(link)
    read_headers(link)
    link.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _, chunk in ipairs { "first ", "second ", ("x"):rep(5000) } do
      link.send(("%x\r\n%s\r\n"):format(#chunk, chunk))
    end
    link.send("0\r\n\r\n")
  end)
  local parts = {}
  local _, code = http.request {
    url = ("http://%s:%d/"):format(host, port), create = create,
    sink = ltn12.sink.table(parts),
  }
  t.equal(code, 200)
  t.equal(#table.concat(parts), 5013)
  t.equal(table.concat(parts):sub(1, 13), "first second ")
end)

t.test("http: a body that the end of the connection ends", function()
  local host, port, create = cooperative(function(link)
    read_headers(link)
    link.send("HTTP/1.0 200 OK\r\n\r\nuntil the end")
  end)
  local parts = {}
  local _, code = http.request {
    url = ("http://%s:%d/"):format(host, port), create = create,
    sink = ltn12.sink.table(parts),
  }
  t.equal(code, 200)
  t.equal(table.concat(parts), "until the end")
end)

t.test("http: a POST", function()
  local host, port, create = cooperative(function(link)
    local request, headers = read_headers(link)
    local body = link.count(tonumber(headers["content-length"]))
    local answer = request:match("^%u+") .. " " .. body
    link.send("HTTP/1.1 201 Created\r\nContent-Length: " .. #answer .. "\r\n\r\n" .. answer)
  end)
  local parts = {}
  local _, code = http.request {
    url = ("http://%s:%d/"):format(host, port), create = create, method = "POST",
    headers = { ["content-length"] = 12 }, source = ltn12.source.string("hello, world"),
    sink = ltn12.sink.table(parts),
  }
  t.equal(code, 201)
  t.equal(table.concat(parts), "POST hello, world")
end)

t.test("http: nobody listens", function()
  local result, err = http.request("http://127.0.0.1:" .. t.dead_port() .. "/")
  t.equal(result, nil)
  t.equal(err, "connection refused")
end)

t.test("http: the server goes away", function()
  local host, port, create = cooperative(function(link)
    read_headers(link)
  end)
  local result, err = http.request { url = ("http://%s:%d/"):format(host, port), create = create }
  t.equal(result, nil)
  t.equal(err, "closed")
end)

t.test("smtp: a letter", function()
  local good, smtp = pcall(require, "socket.smtp")
  if not good then t.skip("LuaSocket's smtp.lua is not installed") end
  local letter = {}
  local host, port, create = cooperative(function(link)
    link.send("220 test\r\n")
    while true do
      local line = link.line()
      if not line then return end
      local word = line:match("^%a+"):upper()
      if word == "DATA" then
        link.send("354 go on\r\n")
        repeat
          line = link.line()
          letter[#letter + 1] = line
        until line == "."
        link.send("250 kept\r\n")
      elseif word == "QUIT" then
        link.send("221 bye\r\n")
        return
      else
        link.send("250 test\r\n")
      end
    end
  end)
  local result, err = smtp.send {
    from = "<from@example.com>", rcpt = "<to@example.com>", server = host, port = port,
    create = create,
    source = smtp.message { headers = { subject = "greetings" }, body = "hello there\r\n" },
  }
  t.equal(result, 1, err)
  local text = table.concat(letter, "\n")
  t.match(text, "greetings")
  t.match(text, "hello there")
end)

t.test("ftp: a file", function()
  local good, ftp = pcall(require, "socket.ftp")
  if not good then t.skip("LuaSocket's ftp.lua is not installed") end
  -- The data connection is a socket of LuaSocket's own making: its connect is
  -- queued by the system, so the answer may be sent from this coroutine.
  local data_server, dhost, dport = t.server()
  local host, port, create = cooperative(function(link)
    link.send("220 test\r\n")
    while true do
      local line = link.line()
      if not line then return end
      local word = line:match("^%a+"):upper()
      if word == "USER" then
        link.send("331 who\r\n")
      elseif word == "PASS" then
        link.send("230 in\r\n")
      elseif word == "PASV" then
        link.send(("227 here (%s,%d,%d)\r\n"):format(dhost:gsub("%.", ","), math.floor(dport / 256),
          dport % 256))
      elseif word == "EPSV" then
        link.send(("229 here (|||%d|)\r\n"):format(dport))
      elseif word == "RETR" then
        link.send("150 coming\r\n")
        local data = assert(data_server:accept())
        data:send("the content of the file")
        data:close()
        link.send("226 done\r\n")
      elseif word == "QUIT" then
        link.send("221 bye\r\n")
        return
      else
        link.send("200 fine\r\n")
      end
    end
  end)
  data_server:settimeout(5)
  local parts = {}
  local result, err = ftp.get {
    host = host, port = port, create = create, argument = "file", type = "i",
    sink = ltn12.sink.table(parts), user = "u", password = "p",
  }
  t.equal(result, 1, err)
  t.equal(table.concat(parts), "the content of the file")
end)

t.done()
