-- SPDX-License-Identifier: MIT
-- LuaSec: TLS over the module's sockets, between two processes and inside one.
-- Arguments: directory of key.pem and cert.pem; "server" and a port for the
-- other process.
local case = require "case"
local socket, ssl = require "socket", require "ssl"
local directory, role, port = ...
local step, equal = case.step, case.equal
local BLOCKS = 160 -- ten megabytes

local server_side = { mode = "server", protocol = "any", key = directory .. "/key.pem",
  certificate = directory .. "/cert.pem", verify = "none", options = "all" }
local client_side = { mode = "client", protocol = "any", cafile = directory .. "/cert.pem",
  verify = "peer", options = "all" }

-- ---- The other process: a client that takes ten megabytes and gives them back

if role == "peer" then
  local plain = assert(socket.connect("127.0.0.1", port))
  plain:settimeout(60)
  local tls = assert(ssl.wrap(plain, client_side))
  tls:settimeout(60)
  assert(tls:dohandshake())
  local a, b
  for i = 1, BLOCKS do
    local data = assert(tls:receive(case.BLOCK))
    assert(data == case.block(i), "block " .. i .. " differs")
    -- of some, as it takes its time in plain Lua
    if i % 8 == 0 then a, b = case.checksum(data, a, b) end
  end
  assert(tls:send(("%d %d\n"):format(a, b)))
  for i = 1, BLOCKS do assert(tls:send(case.block(i))) end
  equal(tls:receive(), "all well", "answer")
  equal(select(2, tls:receive()), "closed", "the end")
  tls:close()
  print("peer done")
  os.exit(0)
end

-- ---- This one

local server = assert(socket.bind("127.0.0.1", 0))
server:settimeout(60)
local _, own_port = server:getsockname()

local function pair()
  local client = assert(socket.connect("127.0.0.1", own_port))
  return client, assert(server:accept())
end

step("ten megabytes each way, with limits, between two processes", function()
  local process = case.spawn(directory, "peer", own_port)
  local plain = assert(server:accept())
  local descriptor = plain:getfd()
  local tls = assert(ssl.wrap(plain, server_side))
  equal(plain:getfd(), -1, "descriptor left behind")
  equal(tls:getfd(), descriptor, "descriptor taken")
  tls:settimeout(60)
  assert(tls:dohandshake())
  local a, b
  for i = 1, BLOCKS do
    local data = case.block(i)
    if i % 8 == 0 then a, b = case.checksum(data, a, b) end
    equal(tls:send(data), #data, "sent")
  end
  equal(tls:receive(), ("%d %d"):format(a, b), "checksum at the other end")
  for i = 1, BLOCKS do
    if assert(tls:receive(case.BLOCK)) ~= case.block(i) then
      error("block " .. i .. " differs")
    end
  end
  assert(tls:send("all well\n"))
  tls:close()
  equal(process:read("*a"), "peer done\n", "the other process")
  process:close()
end)

step("a handshake with a peer that says nothing ends with the limit", function()
  local client, silent = pair()
  local tls = assert(ssl.wrap(client, client_side))
  for _, limit in ipairs { 0, 0.2 } do
    tls:settimeout(limit)
    local begin = socket.gettime()
    local good, err = tls:dohandshake()
    equal(good, false, "handshake")
    equal(err, "wantread", "reason") -- LuaSec's word, with a limit too
    local spent = socket.gettime() - begin
    assert(spent >= limit - 0.05 and spent < 30, "took " .. spent)
  end
  tls:close()
  silent:close()
end)

step("a peer that leaves in the handshake", function()
  local client, leaver = pair()
  leaver:close()
  local tls = assert(ssl.wrap(client, client_side))
  tls:settimeout(30)
  local good, err = tls:dohandshake()
  equal(good, false, "handshake")
  -- OpenSSL's or the system's words for it
  assert(type(err) == "string" and not err:find("^want") and err ~= "timeout", tostring(err))
  tls:close()
end)

-- Drives any number of ends, each a coroutine that yields "wantread" or
-- "wantwrite" with its object, through socket.select alone.
local function drive(...)
  local waiting, limit = {}, socket.gettime() + 100
  local function go_on(thread)
    local good, object, want = coroutine.resume(thread)
    if not good then error(object, 0) end
    if coroutine.status(thread) ~= "dead" then
      waiting[thread] = { object = object, want = want }
    else
      waiting[thread] = nil
    end
  end
  for i = 1, select("#", ...) do go_on(coroutine.create((select(i, ...)))) end
  while next(waiting) do
    assert(socket.gettime() < limit, "it takes too long")
    local readers, writers, threads = {}, {}, {}
    for thread, what in pairs(waiting) do
      threads[what.object] = thread
      local list = what.want == "wantread" and readers or writers
      list[#list + 1] = what.object
    end
    local readable, writable = socket.select(readers, writers, 50)
    for _, ready in ipairs { readable, writable } do
      for _, object in ipairs(ready) do go_on(threads[object]) end
    end
  end
end

local function want(object, err)
  assert(err == "wantread" or err == "wantwrite", tostring(err))
  coroutine.yield(object, err)
end

local function handshake(tls)
  tls:settimeout(0)
  while true do
    local good, err = tls:dohandshake()
    if good then return end
    want(tls, err)
  end
end

local function send_all(tls, data)
  local from = 1
  while from <= #data do
    local sent, err, last = tls:send(data, from)
    if sent then return end
    from = last + 1
    want(tls, err)
  end
end

local function receive_all(tls, count)
  local part
  while true do
    local data, err
    data, err, part = tls:receive(count, part)
    if data then return data end
    want(tls, err)
  end
end

step("limit 0 and select: handshake, and two megabytes each way", function()
  local one, two = pair()
  one, two = assert(ssl.wrap(one, client_side)), assert(ssl.wrap(two, server_side))
  local blocks, taken = 32, 0
  local function giver(tls)
    for i = 1, blocks do send_all(tls, case.block(i)) end
  end
  local function taker(tls)
    for i = 1, blocks do
      if receive_all(tls, case.BLOCK) ~= case.block(i) then
        error("block " .. i .. " differs")
      end
      taken = taken + 1
    end
  end
  -- one way, then the other, as a coroutine for each end
  drive(function() handshake(one); giver(one); taker(one) end,
    function() handshake(two); taker(two); giver(two) end)
  equal(taken, 2 * blocks, "blocks")
  equal(one:getstats(), select(2, two:getstats()), "bytes counted")
  one:close()
  two:close()
end)

step("twenty ends in one select", function()
  local ends, objects = {}, {}
  local count = 0
  for i = 1, 20 do
    local one, two = pair()
    one, two = assert(ssl.wrap(one, client_side)), assert(ssl.wrap(two, server_side))
    objects[#objects + 1], objects[#objects + 2] = one, two
    ends[#ends + 1] = function()
      handshake(one)
      send_all(one, "question " .. i .. "\n")
      equal(receive_all(one, "*l"), "answer " .. i)
      count = count + 1
    end
    ends[#ends + 1] = function()
      handshake(two)
      equal(receive_all(two, "*l"), "question " .. i)
      send_all(two, "answer " .. i .. "\n")
    end
  end
  drive((table.unpack or unpack)(ends))
  equal(count, 20, "answers")
  for _, object in ipairs(objects) do object:close() end
end)

step("what LuaSec has buffered is ready in select", function()
  local one, two = pair()
  one, two = assert(ssl.wrap(one, client_side)), assert(ssl.wrap(two, server_side))
  drive(function() handshake(one); send_all(one, "first\nsecond\n") end,
    function() handshake(two); equal(receive_all(two, "*l"), "first") end)
  equal(two:dirty(), true, "dirty")
  local readable = socket.select({ two }, nil, 0)
  equal(readable[1], two, "ready")
  equal(two:receive(), "second", "line")
  -- STARTTLS programs look at the session and the certificate
  assert(one:info().protocol:find("TLS"), "protocol")
  assert(one:getpeercertificate():pem():find("BEGIN CERTIFICATE"), "certificate")
  one:close()
  equal(select(2, (function() two:settimeout(10) return two:receive() end)()), "closed", "the end")
  two:close()
end)

step("a certificate that is not trusted", function()
  local one, two = pair()
  one = assert(ssl.wrap(one, { mode = "client", protocol = "any", verify = "peer" }))
  two = assert(ssl.wrap(two, server_side))
  local refused
  drive(function()
    one:settimeout(0)
    while true do
      local good, err = one:dohandshake()
      if good then return end
      if err ~= "wantread" and err ~= "wantwrite" then
        refused = err
        one:close()
        return
      end
      want(one, err)
    end
  end, function()
    two:settimeout(0)
    while true do
      local good, err = two:dohandshake()
      if good or err ~= "wantread" and err ~= "wantwrite" then return end
      want(two, err)
    end
  end)
  equal(refused, "certificate verify failed", "reason")
  two:close()
end)

server:close()
case.done("LuaSec " .. ssl._VERSION)
