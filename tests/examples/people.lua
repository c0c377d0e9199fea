-- SPDX-License-Identifier: MIT
-- people.lua HOST PORT: what people in the chat see of each other.
local socket = require "socket"

local function enter(name)
  local person = assert(socket.connect(arg[1], arg[2]))
  person:settimeout(20)
  assert(person:receive() == "name?")
  assert(person:send(name .. "\r\n"))
  return person
end

local function sees(person, text)
  local line = assert(person:receive())
  assert(line == text, "got " .. line .. ", want " .. text)
end

local ann = enter("Ann")
-- who is not known yet hears nothing
local nameless = assert(socket.connect(arg[1], arg[2]))
nameless:settimeout(20)
assert(nameless:receive() == "name?")
local bob = enter("Bob")
sees(ann, "* Bob is here")
local cid = enter("Cid with a long name")
sees(ann, "* Cid is here")
sees(bob, "* Cid is here")
assert(bob:send("hel"))
assert(bob:send("lo\r\nsecond\27[2J line\r\n"))
for _, person in ipairs { ann, cid } do
  sees(person, "<Bob> hello")
  sees(person, "<Bob> second [2J line")
end
assert(cid:send("/quit\n"))
local line, err = cid:receive()
assert(line == nil and err == "closed", err)
sees(ann, "* Cid left")
sees(bob, "* Cid left")
assert(bob:send(("x"):rep(5000)))
sees(ann, "* Bob left")
nameless:settimeout(0)
assert(select(2, nameless:receive()) == "timeout")
ann:close()
print("Ann, Bob and Cid have heard each other")
