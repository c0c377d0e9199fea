-- SPDX-License-Identifier: MIT
-- What the module must not do to the process, nor to its children.
local t = require "harness"
local socket = t.socket

local function ignored_signals()
  local file = io.open("/proc/self/status")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text:match("SigIgn:%s*(%x+)")
end

t.beyond("SIGPIPE and all other dispositions stay as they were", function()
  if not ignored_signals() then t.skip("no /proc/self/status here") end
  local output = t.run([[
    local function signals()
      local file = io.open("/proc/self/status")
      local text = file:read("*a")
      file:close()
      return text:match("SigIgn:%s*(%x+)"), text:match("SigCgt:%s*(%x+)")
    end
    local ign, cgt = signals()
    local socket = require "socket"
    local server = assert(socket.bind("127.0.0.1", 0))
    local _, port = server:getsockname()
    local client = assert(socket.connect("127.0.0.1", port))
    local peer = assert(server:accept())
    peer:close()
    for _ = 1, 20 do client:send("x") socket.sleep(0.001) end
    socket.dns.toip("localhost")
    local ign2, cgt2 = signals()
    print(ign == ign2 and cgt == cgt2, ign, ign2, cgt, cgt2)
  ]])
  t.match(output, "^true")
end)

t.test("writing to a peer that has gone does not kill the process", function()
  local output = t.run([[
    local socket = require "socket"
    local server = assert(socket.bind("127.0.0.1", 0))
    local _, port = server:getsockname()
    local client = assert(socket.connect("127.0.0.1", port))
    local peer = assert(server:accept())
    peer:close()
    local last, err
    for _ = 1, 200 do
      last, err = client:send(("x"):rep(1000))
      if not last then break end
      socket.sleep(0.002)
    end
    print("alive", last, err)
  ]])
  t.match(output, "^alive%s+nil%s+closed")
end)

t.beyond("every descriptor is close-on-exec", function()
  local client, accepted, server = t.pair("inet", true)
  local all = { client, accepted, server, socket.tcp4(), t.works(socket.bind("127.0.0.1", 0)),
    t.works(socket.connect("127.0.0.1", (select(2, server:getsockname())))) }
  if t.has_inet6 then all[#all + 1] = socket.tcp6() end
  local pending = socket.tcp()
  pending:settimeout(0)
  pending:connect("127.0.0.1", t.dead_port())
  all[#all + 1] = pending
  local refused = socket.tcp4()
  refused:connect("127.0.0.1", t.dead_port())
  all[#all + 1] = refused
  local numbers = {}
  for _, o in ipairs(all) do numbers[("%d"):format(o:getfd())] = true end
  local pipe = assert(io.popen("ls -l /proc/self/fd 2>&1"))
  local listing = pipe:read("*a")
  pipe:close()
  if not listing:find("->", 1, true) then t.skip("no /proc/self/fd here") end
  t.equal(listing:match("(%d+) %-> socket"), nil, "a child has a socket")
  for number in listing:gmatch("(%d+) %->") do
    if numbers[number] then
      -- The child's own descriptor may have the same number, but is no socket.
      t.equal(listing:find(number .. " -> socket", 1, true), nil)
    end
  end
end)

t.beyond("a child that lives on does not keep the port", function()
  local server, host, port = t.server()
  local pid_file = os.tmpname()
  os.execute("sleep 5 >/dev/null 2>&1 & echo $! > " .. pid_file)
  t.cleanup(function()
    local file = io.open(pid_file)
    os.execute("kill " .. file:read("*l") .. " 2>/dev/null")
    file:close()
    os.remove(pid_file)
  end)
  server:close()
  local o = socket.tcp4()
  t.fails("connection refused", o:connect(host, port))
  t.works(socket.bind(host, port))
end)

t.test("nothing is printed", function()
  local output = t.run([[
    local socket = require "socket"
    socket.connect("127.0.0.1", 1)
    socket.dns.toip("no.such.name.invalid")
    socket.tcp():setoption("keepalive", true)
    pcall(socket.select, 5)
  ]])
  t.equal(output, "")
end)

t.test("leaving with everything open is clean", function()
  local output = t.run([[
    local socket = require "socket"
    server = assert(socket.bind("127.0.0.1", 0))
    local _, port = server:getsockname()
    client = assert(socket.connect("127.0.0.1", port))
    client:send("x\ny")
    peer = assert(server:accept())
    peer:receive()
    pending = socket.tcp()
    pending:settimeout(0)
    pending:connect("localhost", port)
    print("end")
  ]])
  t.equal(output, "end\n")
end)

t.beyond("leaving with a lookup under way is clean", function()
  local output = t.run([[
    local socket = require "socket"
    for i = 1, 5 do
      local o = socket.tcp()
      o:settimeout(0)
      o:connect("name" .. i .. ".invalid", 80)
    end
    print("end")
  ]])
  t.equal(output, "end\n")
end)

t.done()
