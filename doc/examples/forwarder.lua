-- Passes connections on to another host and port, bytes both ways.
--
--   forwarder.lua PORT HOST HOST_PORT [LISTEN_ADDRESS]
--
-- Each direction has one block in flight: what one side does not take is not
-- read from the other.  The end of a direction is passed on as a half-close,
-- and the connection is over when both directions are.
local socket = require "socket"

local BLOCK = 65536
local CONNECT_LIMIT = 10 -- seconds

io.stdout:setvbuf("line")
local target, target_port = assert(arg[2], "no host"), assert(arg[3], "no port")
local server = assert(socket.bind(arg[4] or "127.0.0.1", arg[1], 512))
server:settimeout(0)
print("listening on", server:getsockname())

local poller = assert(socket.poller())
local ends = {} -- object -> its end of a pair

local function new_end(object, other)
  object:settimeout(0)
  local one = { object = object, other = other, block = "", sent = 0 }
  ends[object] = one
  return one
end

local function drop(one)
  for _, either in ipairs { one, one.other } do
    ends[either.object] = nil
    either.object:close()
  end
end

-- What an end has to wait for: for bytes while the other end has nothing left
-- to send, and to be written to while it has something left itself.
local function watch(one)
  local events = ""
  if not one.ended and one.other.block == "" then events = "r" end
  if one.block ~= "" then events = events .. "w" end
  if events == one.events then return end
  if one.events and one.events ~= "" then
    if events == "" then poller:remove(one.object)
    else poller:modify(one.object, events) end
  elseif events ~= "" then
    assert(poller:add(one.object, events))
  end
  one.events = events
end

-- Sends the block; false when the pair is no more.
local function flush(one)
  local last, err, sent = one.object:send(one.block, one.sent + 1)
  one.sent = last or sent
  if last then one.block, one.sent = "", 0
  elseif err ~= "timeout" then return false end
  if one.block == "" and one.other.ended then one.object:shutdown("send") end
  return true
end

local function fill(one)
  local block, err, _, number = one.object:receiveany(BLOCK)
  if block then
    one.other.block = block
  elseif err == "closed" and not number then -- no reset, but an orderly end
    one.ended = true
  elseif err ~= "timeout" then
    return false
  end
  return flush(one.other)
end

-- A step of the connect; false when it has failed.
local function connect(one)
  local done, err = one.object:connect(target, target_port)
  if done then one.connecting = nil end
  return done or err == "timeout" or err == "Operation already in progress"
end

local function ready(one, events)
  local good = true
  if one.connecting then
    good = connect(one)
  else
    if events:find "w" then good = flush(one) end
    if good and events:find "r" and one.other.block == "" and not one.ended then
      good = fill(one)
    end
  end
  if not good or (one.ended and one.other.ended and
                  one.block == "" and one.other.block == "") then
    return drop(one)
  end
  if one.connecting then return end
  watch(one)
  watch(one.other)
end

local function accept_one()
  local client = server:accept()
  if not client then return socket.sleep(0.01) end -- out of descriptors, maybe
  local near = new_end(client)
  local far = new_end(socket.tcp(), near)
  near.other = far
  far.connecting = socket.monotime() + CONNECT_LIMIT
  if not connect(far) then return drop(near) end
  far.events = "w" -- ready when the connection stands or has failed
  assert(poller:add(far.object, "w"))
end

assert(poller:add(server, "r"))
while true do
  for object, events in poller:wait(1) do
    if object == server then accept_one()
    elseif ends[object] then ready(ends[object], events) end
  end
  local now = socket.monotime()
  for _, one in pairs(ends) do
    if one.connecting and now > one.connecting then drop(one) break end
  end
end
