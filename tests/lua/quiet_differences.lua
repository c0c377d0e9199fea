-- SPDX-License-Identifier: MIT
-- What is not as in LuaSocket, and shows only to those who look for it: in the
-- process, in the registry, in descriptors that nobody asked for.

-- The signals that the process ignores, a bit each; SIGPIPE is the 13th.
local function ignored_signals()
  local file = io.open("/proc/self/status")
  if not file then return nil end
  local digits = file:read("*a"):match("SigIgn:%s*(%x+)")
  file:close()
  return digits
end

-- Taken before the module is loaded.
local ignored_before = ignored_signals()
local socket = require "socket"
local t = require "harness"

t.beyond("loading the module leaves SIGPIPE alone", function()
  if not ignored_before then t.skip("no /proc/self/status here") end
  t.equal(ignored_signals(), ignored_before)
  local client = t.pair()
  t.equal(client:send("x"), 1)
  t.equal(ignored_signals(), ignored_before)
end)

-- The descriptors that there are now and were not there before.
local function new_descriptors(before)
  local old = {}
  for number in before:gmatch("%d+") do old[number] = true end
  local new = {}
  for number in t.descriptors():gmatch("%d+") do
    if not old[number] then new[#new + 1] = number end
  end
  return new
end

t.beyond("a descriptor that nobody has asked for may block", function()
  local before = t.descriptors()
  local client, accepted = t.pair()
  t.equal(client:send("line\n"), 5)
  t.equal((accepted:receive()), "line")
  local numbers = new_descriptors(before)
  t.equal(#numbers, 2)
  for _, number in ipairs(numbers) do
    t.equal(t.nonblocking(number), false, "descriptor " .. number)
  end
end)

t.beyond("to send nothing on a closed object fails", function()
  local client, accepted = t.pair()
  t.equal((client:send("")), 0)
  client:close()
  accepted:close()
  t.fails("closed", client:send(""))
  t.fails("closed", accepted:send(""))
end)

t.beyond("the registry does not have the metatables of the objects", function()
  local registry = debug.getregistry()
  local client, _, server = t.pair("inet", true)
  local objects = { ["tcp{master}"] = socket.tcp(), ["tcp{client}"] = client,
    ["tcp{server}"] = server }
  for name, object in pairs(objects) do
    local entry, metatable = registry[name], getmetatable(object)
    t.differ(entry, metatable, name)
    -- what another library fills in there does not reach the objects
    local original = entry.__tostring
    t.cleanup(function() entry.__tostring = original end)
    entry.__tostring = function() return "filled in" end
    t.differ(tostring(object), "filled in")
  end
end)

t.done()
