-- SPDX-License-Identifier: MIT
--
-- harness.lua: the little that every script of this folder shares: running a
-- test by its name, assertions, a connected pair, bounds on time, and a look
-- at the open descriptors before and after each test.  Needs no server, no
-- network but loopback, and no C besides the module under test.

local t = {}
local socket = require "socket"
t.socket = socket

-- True when the module is this project's.  The scripts also run on LuaSocket,
-- to show what "drop-in" means; what only we promise is written t.beyond.
t.ours = socket._VERSION:find("luatcp", 1, true) ~= nil

local unpack = table.unpack or unpack
local clock = socket.monotime or socket.gettime
t.clock = clock
t.unpack = unpack

local passed, failed, skipped, asserted = 0, 0, 0, 0
local reasons = {}
local cleanups = {}
local SKIP = {}

function t.pack(...)
  return { n = select("#", ...), ... }
end

-- ---- Open descriptors ----------------------------------------------------

-- Linux answers ENOENT for a number that is not open; a socket cannot be opened
-- again this way and gives another error.  "r+" keeps FIFOs from blocking.
local ENOENT = 2
local function is_open(number)
  local file, _, code = io.open("/proc/self/fd/" .. number, "r+")
  if file then file:close() end
  return file ~= nil or code ~= ENOENT
end

local has_proc = is_open(1) and not is_open(987654)

-- The descriptors from 3 on that are open, as text, to be compared.
t.scan = 160
function t.descriptors()
  local list = {}
  if has_proc then
    for number = 3, t.scan do
      if is_open(number) then list[#list + 1] = number end
    end
  else
    -- Elsewhere: a descriptor that stayed open shifts the lowest free ones.
    local probes = {}
    for i = 1, 40 do
      probes[i] = socket.tcp4()
      list[i] = probes[i]:getfd()
    end
    for i = 1, 40 do probes[i]:close() end
  end
  return table.concat(list, " ")
end

-- Is the descriptor non-blocking for the system?  Its own listing has the flags.
function t.nonblocking(fd)
  local file = io.open(("/proc/self/fdinfo/%d"):format(fd))
  if not file then t.skip("no /proc/self/fdinfo here") end
  local flags = file:read("*a"):match("flags:%s*(%d+)")
  file:close()
  return math.floor(tonumber(flags, 8) / 2048) % 2 == 1
end

local function collect()
  collectgarbage()
  collectgarbage()
end

-- A helper thread of the resolver may close its own a moment later.
local function descriptors_settle(before)
  local now = t.descriptors()
  for _ = 1, 50 do
    if now == before then break end
    socket.sleep(0.02)
    collect()
    now = t.descriptors()
  end
  return now
end

-- ---- Running ---------------------------------------------------------------

local function describe(err)
  if type(err) == "string" then return debug.traceback(err, 2) end
  return err
end

-- Registers what has to be done after the test, passed or not.
function t.cleanup(f)
  cleanups[#cleanups + 1] = f
end

local function clean_up()
  for i = #cleanups, 1, -1 do
    pcall(cleanups[i])
    cleanups[i] = nil
  end
end

-- tests/interop/side-by-side has each test announced, on LuaSocket those too that
-- are for this module alone, and goes on behind one that ended the process.
local traced = os.getenv "LUATCP_TRACE"
local first = tonumber(os.getenv "LUATCP_FIRST_TEST") or 1
local ordinal = 0

local function trace(...)
  if not traced then return end
  print(table.concat({ ... }, " "))
  io.stdout:flush()
end

local function run(kind, name, f)
  ordinal = ordinal + 1
  if ordinal < first then return end
  trace(kind, ordinal, name)
  collect()
  local before = t.descriptors()
  asserted = 0
  local good, err = xpcall(f, describe)
  clean_up()
  f = nil
  collect()
  if not good and err == SKIP then
    skipped = skipped + 1
    trace("SKIPPED", name)
    return
  end
  local after = good and descriptors_settle(before) or before
  if good and asserted == 0 then
    good, err = false, "the test asserted nothing"
  elseif after ~= before then
    good, err = false, "open descriptors before: [" .. before .. "], after: [" ..
      after .. "]"
  end
  if good then
    passed = passed + 1
    trace("PASSED", name)
  else
    failed = failed + 1
    print("FAILED " .. name .. ": " .. tostring(err))
    io.stdout:flush()
  end
end

function t.test(name, f) run("TEST", name, f) end

-- A test of what the drop-in surface does not have or LuaSocket does wrong.
local beyond = t.ours or traced
function t.beyond(name, f)
  if beyond then run("BEYOND", name, f) end
end

function t.skip(reason)
  if not reasons[reason] then reasons[#reasons + 1] = reason end
  reasons[reason] = true
  error(SKIP, 0)
end

-- The number of failures decides; 77 tells automake that nothing could run.
function t.done()
  for _, reason in ipairs(reasons) do print("skipped: " .. reason) end
  print(("%d passed, %d failed, %d skipped"):format(passed, failed, skipped))
  io.stdout:flush()
  if failed > 0 or passed + skipped == 0 then os.exit(1) end
  if passed == 0 then os.exit(77) end
  os.exit(0)
end

-- ---- Assertions -----------------------------------------------------------

local function show(value)
  if type(value) ~= "string" then return tostring(value) end
  if #value > 60 then value = value:sub(1, 60) .. "... (" .. #value .. " bytes)" end
  return ("%q"):format(value)
end

local function fail(text, what)
  error((what and what .. ": " or "") .. text, 3)
end

function t.equal(got, want, what)
  asserted = asserted + 1
  if got ~= want then
    fail("got " .. show(got) .. ", want " .. show(want), what)
  end
  return got
end

function t.differ(got, other, what)
  asserted = asserted + 1
  if got == other then fail("got " .. show(got) .. " twice", what) end
end

function t.truth(value, what)
  asserted = asserted + 1
  if not value then fail("got " .. show(value), what or "not true") end
  return value
end

function t.kind(value, want, what)
  asserted = asserted + 1
  if type(value) ~= want then
    fail("got " .. show(value) .. ", want a " .. want, what)
  end
  return value
end

function t.match(got, pattern, what)
  asserted = asserted + 1
  if type(got) ~= "string" or not got:find(pattern) then
    fail("got " .. show(got) .. ", want a match of " .. show(pattern), what)
  end
  return got
end

-- low <= got <= high
function t.within(got, low, high, what)
  asserted = asserted + 1
  if type(got) ~= "number" or not (got >= low and got <= high) then
    fail(("got %s, want %s to %s"):format(show(got), low, high), what)
  end
  return got
end

-- The call must raise an error whose message matches.
function t.raises(pattern, f, ...)
  asserted = asserted + 1
  local good, err = pcall(f, ...)
  if good then fail("no error, want one like " .. show(pattern)) end
  if not tostring(err):find(pattern) then
    fail("error " .. show(tostring(err)) .. ", want one like " .. show(pattern))
  end
  return err
end

-- All results of a call: t.results({ 1 }, o:close()).  nils count.
function t.results(want, ...)
  asserted = asserted + 1
  local got, n = { ... }, select("#", ...)
  local count = want.n or #want
  local same = n == count
  for i = 1, math.max(n, count) do
    if got[i] ~= want[i] then same = false end
  end
  if not same then
    for i = 1, n do got[i] = show(got[i]) end
    local wanted = {}
    for i = 1, count do wanted[i] = show(want[i]) end
    fail("got (" .. table.concat(got, ", ") .. "), want (" ..
      table.concat(wanted, ", ") .. ")")
  end
  return ...
end

-- The results of a call that has to fail with this message.  What follows the
-- message is returned.
function t.fails(want, ...)
  asserted = asserted + 1
  local first, err = ...
  if first ~= nil then fail("no failure but " .. show(first) .. ", want " .. show(want)) end
  if err ~= want then fail("failed with " .. show(err) .. ", want " .. show(want)) end
  return select(3, ...)
end

-- The results of a call that must succeed, passed on.
function t.works(...)
  asserted = asserted + 1
  local first, err = ...
  if not first then fail("failed with " .. show(err)) end
  return ...
end

-- Calls f and checks how long that takes, in seconds.  Returns its results.
function t.takes(floor, ceiling, f, ...)
  asserted = asserted + 1
  local start = clock()
  local results = t.pack(f(...))
  local spent = clock() - start
  -- The wall clock of LuaSocket may be a little off.
  local slack = t.ours and 0 or 0.002
  if spent < floor - slack or spent > ceiling then
    fail(("took %.4f s, want %s to %s"):format(spent, floor, ceiling))
  end
  return unpack(results, 1, results.n)
end

-- Whole numbers must be integers where Lua tells them apart.
function t.integer(value, what)
  asserted = asserted + 1
  if type(value) ~= "number" or value % 1 ~= 0 then
    fail("got " .. show(value) .. ", want a whole number", what)
  end
  if math.type and t.ours and math.type(value) ~= "integer" then
    fail("got the float " .. show(value), what)
  end
  return value
end

-- ---- Sockets ----------------------------------------------------------------

local loopback = { inet = "127.0.0.1", inet6 = "::1" }
local maker = { inet = "tcp4", inet6 = "tcp6" }

function t.loopback(family)
  return loopback[family or "inet"]
end

-- A master of the family, by name: "inet" or "inet6".
function t.master(family)
  return assert(socket[maker[family or "inet"]]())
end

local function reason_against(family)
  local probe, err = socket[maker[family]]()
  if probe then
    local bound
    bound, err = probe:bind(loopback[family], 0)
    probe:close()
    if bound then return nil end
  end
  return family .. " cannot be used here: " .. tostring(err)
end

local against = { inet = reason_against("inet"), inet6 = reason_against("inet6") }
t.has_inet6 = not against.inet6

-- Skips the test where the family is missing.
function t.need(family)
  if against[family] then t.skip(against[family]) end
end

local function per_family(run, name, f)
  for _, family in ipairs { "inet", "inet6" } do
    run(name .. " (" .. family .. ")", function()
      t.need(family)
      return f(family)
    end)
  end
end

function t.each_family(name, f) per_family(t.test, name, f) end
function t.beyond_each_family(name, f) per_family(t.beyond, name, f) end

-- A listening server on a port of the system's choice: server, host, port.
function t.server(family, backlog)
  local server = t.master(family)
  assert(server:bind(t.loopback(family), 0))
  assert(server:listen(backlog or 32))
  local host, port = server:getsockname()
  return server, host, tonumber(port)
end

-- Two ends of a connection, both without limits: client, accepted, server.
-- The server is closed unless it is asked for.
function t.pair(family, keep_server)
  local server, host, port = t.server(family)
  local client = t.master(family)
  assert(client:connect(host, port))
  local accepted = assert(server:accept())
  if keep_server then return client, accepted, server end
  server:close()
  return client, accepted
end

-- A connection that the peer has reset: client.
function t.reset_client(family)
  local client, peer = t.pair(family)
  assert(peer:setoption("linger", { on = true, timeout = 0 }))
  peer:close()
  return client
end

-- A loopback port on which nobody listens.
function t.dead_port(family)
  local probe = t.master(family)
  assert(probe:bind(t.loopback(family), 0))
  local _, port = probe:getsockname()
  probe:close()
  return tonumber(port)
end

-- Waits until the object can be read (or has ended), without reading.
function t.wait_readable(object)
  local ready = socket.select({ object }, nil, 10)
  if not ready[object] then error("nothing to read within 10 s", 2) end
end

-- A server whose queue is full, so that connects to it stay under way (Linux
-- drops the handshake): server, host, port, what fills it.  Skips elsewhere.
function t.full_server(family)
  local server = t.master(family)
  assert(server:bind(t.loopback(family), 0))
  assert(server:listen(0))
  local host, port = server:getsockname()
  local fillers = {}
  for _ = 1, 8 do
    local filler = t.master(family)
    filler:settimeout(0.05)
    fillers[#fillers + 1] = filler
    if not filler:connect(host, port) then
      return server, host, tonumber(port), fillers
    end
  end
  t.skip("connections beyond the backlog do not stay under way here")
end

-- Waits until the condition holds, 5 s unless told; for things that the system
-- does in its own time.
function t.eventually(condition, what, seconds)
  asserted = asserted + 1
  local limit = clock() + (seconds or 5)
  repeat
    if condition() then return end
    socket.sleep(0.005)
  until clock() > limit
  fail(("not within %g s"):format(seconds or 5), what)
end

-- ---- Other processes ----------------------------------------------------------

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end
t.quote = quote

-- The interpreter that runs this script, for the shell.
function t.interpreter()
  local name = os.getenv("LUA")
  if name and name ~= "" then return name end
  local lowest = 0
  while arg and arg[lowest - 1] do lowest = lowest - 1 end
  return quote(arg[lowest])
end

-- Starts a piece of Lua in a fresh interpreter, which reads it from its standard
-- input.  Returns a function that waits for its end and returns all that it
-- printed.
function t.start(chunk, ...)
  local words = { t.interpreter(), "-" }
  for i = 1, select("#", ...) do words[#words + 1] = quote(tostring((select(i, ...)))) end
  local command = table.concat(words, " ") .. " 2>&1"
  local pipe = assert(io.popen(command .. " <<'End of chunk'\n" .. chunk ..
    "\nEnd of chunk\n"))
  return function()
    local output = pipe:read("*a")
    pipe:close()
    return output
  end
end

-- Runs a piece of Lua in a fresh interpreter; returns all that it prints.
function t.run(chunk, ...)
  return t.start(chunk, ...)()
end

-- A connection to a process of its own, in which the chunk runs with its end
-- of it as `peer`; returns our end.
function t.peer_process(chunk)
  local server, host, port = t.server()
  t.cleanup(t.start([[
    local socket = require "socket"
    local peer = assert(socket.connect(arg[1], arg[2]))
  ]] .. chunk, host, port))
  server:settimeout(20)
  local accepted = t.works(server:accept())
  server:close()
  t.cleanup(function() accepted:close() end)
  return accepted
end

return t
