-- SPDX-License-Identifier: MIT
-- Copas: a server and a hundred clients in one dispatcher; limits; TLS.
-- Argument: directory of key.pem and cert.pem.
local copas = require "copas"
local case = require "case"
local socket = require "socket"
local directory = ...
local step, equal = case.step, case.equal

-- Steps until the condition holds.
local function run_until(condition, what)
  local limit = socket.gettime() + 100
  while not condition() do
    assert(socket.gettime() < limit, what .. ": not in time")
    copas.step(1)
  end
end

local function echo(client)
  while true do
    local line = copas.receive(client)
    if not line then return end
    copas.send(client, "echo " .. line .. "\n")
  end
end

local failure
local function thread(f)
  copas.addthread(function()
    copas.setErrorHandler(function(message) failure = failure or message end)
    f()
  end)
end

local function check_failure()
  if failure then error(failure, 0) end
end

step("a hundred clients at once", function()
  local CLIENTS, LINES = 100, 20
  local server = assert(socket.bind("127.0.0.1", 0, 128))
  local _, port = server:getsockname()
  copas.addserver(server, echo)
  local connected, finished, answers = 0, 0, 0
  for i = 1, CLIENTS do
    thread(function()
      local plain = assert(socket.tcp())
      local good, err = copas.connect(plain, "127.0.0.1", port)
      assert(good or err == "already connected", tostring(err))
      connected = connected + 1
      local client = copas.wrap(plain)
      for j = 1, LINES do
        assert(client:send(("client %d line %d\n"):format(i, j)))
        equal(client:receive(), ("echo client %d line %d"):format(i, j), "answer")
        answers = answers + 1
      end
      plain:close()
      finished = finished + 1
    end)
  end
  -- a scheduler that waits for one would have finished it first
  local together = 0
  run_until(function()
    check_failure()
    together = math.max(together, connected - finished)
    return finished == CLIENTS
  end, "clients")
  equal(answers, CLIENTS * LINES, "answers")
  assert(together > CLIENTS / 2, "only " .. together .. " at once")
end)

step("large data through small steps", function()
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  local data = {}
  for i = 1, 64 do data[i] = case.block(i) end
  data = table.concat(data) -- four megabytes
  copas.addserver(server, function(client)
    local got = copas.receive(client, #data)
    assert(got == data, "the server got something else")
    copas.send(client, got)
  end)
  local back
  thread(function()
    local plain = assert(socket.tcp())
    copas.connect(plain, "127.0.0.1", port)
    assert(copas.send(plain, data))
    back = copas.receive(plain, #data)
    plain:close()
  end)
  run_until(function() check_failure() return back end, "data")
  assert(back == data, "the client got something else")
end)

step("a step without work ends with its limit", function()
  local begin = socket.gettime()
  equal(copas.step(0.1), false, "step")
  local spent = socket.gettime() - begin
  assert(spent >= 0.05 and spent < 30, "took " .. spent)
end)

step("a receive with limit 0 takes what is there", function()
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  local got
  copas.addserver(server, function(client)
    local wrapped = copas.wrap(client)
    wrapped:settimeout(0)
    local data, err, part = wrapped:receive(100)
    got = data or err .. ": " .. part
  end)
  thread(function()
    local plain = assert(socket.tcp())
    copas.connect(plain, "127.0.0.1", port)
    copas.send(plain, "ten bytes.")
    copas.receive(plain) -- Copas closes it when this function returns
  end)
  run_until(function() check_failure() return got end, "data")
  equal(got, "timeout: ten bytes.", "partial result")
end)

step("a connect that is refused", function()
  local probe = assert(socket.bind("127.0.0.1", 0))
  local _, port = probe:getsockname()
  probe:close()
  local message
  thread(function()
    local good, err = copas.connect(assert(socket.tcp()), "127.0.0.1", port)
    message = good and "connected" or err
  end)
  run_until(function() check_failure() return message end, "connect")
  equal(message, "connection refused", "reason")
end)

step("socket.http inside of Copas", function()
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  copas.addserver(server, function(client)
    repeat local line = copas.receive(client) until not line or line == ""
    copas.send(client, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
  end)
  local http, ltn12 = require "socket.http", require "ltn12"
  local done = 0
  for _ = 1, 10 do
    thread(function()
      local parts = {}
      local _, code = assert(http.request {
        url = "http://127.0.0.1:" .. port .. "/", sink = ltn12.sink.table(parts),
        -- as Copas's manual has it
        create = function()
          local plain = assert(socket.tcp())
          return setmetatable({}, { __index = function(_, name)
            if name == "connect" then
              return function(_, host, number)
                local good, err = copas.connect(plain, host, number)
                if err == "already connected" then good = 1 end
                return good, err
              end
            elseif name == "send" then
              return function(_, ...) return copas.send(plain, ...) end
            elseif name == "receive" then
              return function(_, ...) return copas.receive(plain, ...) end
            elseif name == "settimeout" then
              return function() return 1 end
            end
            return function(_, ...) return plain[name](plain, ...) end
          end })
        end,
      })
      equal(code, 200, "code")
      equal(table.concat(parts), "hello", "body")
      done = done + 1
    end)
  end
  run_until(function() check_failure() return done == 10 end, "requests")
end)

local ssl = case.optional("ssl")
if ssl then
  -- This Copas leaves TLS to its users: an object with Copas's methods around
  -- LuaSec's, in select by way of getfd and dirty.
  local function secure(plain, parameters)
    local tls = assert(ssl.wrap(plain, parameters))
    tls:settimeout(0)
    local wrapper = { getfd = function() return tls:getfd() end,
      dirty = function() return tls:dirty() end, close = function() return tls:close() end }
    local function words(...)
      local first, err = ...
      if not first and (err == "wantread" or err == "wantwrite") then
        return nil, "timeout", select(3, ...)
      end
      return ...
    end
    function wrapper:receive(pattern, part) -- luacheck: no self
      if pattern == "handshake" then return words(tls:dohandshake()) end
      return words(tls:receive(pattern, part))
    end
    function wrapper:send(...) return words(tls:send(...)) end -- luacheck: no self
    return wrapper
  end
  step("TLS, twenty clients", function()
    local server = assert(socket.bind("127.0.0.1", 0))
    local _, port = server:getsockname()
    copas.addserver(server, function(plain)
      local client = secure(plain, { mode = "server", protocol = "any", options = "all",
        key = directory .. "/key.pem", certificate = directory .. "/cert.pem" })
      assert(copas.receive(client, "handshake"))
      local line = copas.receive(client)
      copas.send(client, "secret " .. line .. "\n")
      client:close()
    end)
    local done = 0
    for i = 1, 20 do
      thread(function()
        local plain = assert(socket.tcp())
        copas.connect(plain, "127.0.0.1", port)
        local client = secure(plain, { mode = "client", protocol = "any", verify = "peer",
          cafile = directory .. "/cert.pem", options = "all" })
        assert(copas.receive(client, "handshake"))
        assert(copas.send(client, "line " .. i .. "\n"))
        equal(copas.receive(client), "secret line " .. i, "answer")
        equal(select(2, copas.receive(client)), "closed", "the end")
        client:close()
        done = done + 1
      end)
    end
    run_until(function() check_failure() return done == 20 end, "TLS")
  end)
end

case.done(copas._VERSION)
