-- SPDX-License-Identifier: MIT
-- long_line.lua HOST PORT: a line without an end makes the server hang up, and
-- leaves it well; so does a client that never reads.
local socket = require "socket"

local client = assert(socket.connect(arg[1], arg[2]))
client:settimeout(20, "t")
local last, err
for _ = 1, 1000 do
  last, err = client:send(("x"):rep(10000))
  if not last then break end
end
assert(not last, "ten million bytes without a line end were taken")
assert(err == "closed", err)

local deaf = assert(socket.connect(arg[1], arg[2]))
deaf:settimeout(0.3)
local line = ("y"):rep(1000) .. "\n"
local sent = 0
repeat
  last, err = deaf:send(line:rep(1000))
  sent = sent + (last or 0)
until not last or sent > 100e6
assert(not last and err == "timeout", "the server reads on for who does not read")

local other = assert(socket.connect(arg[1], arg[2]))
other:settimeout(20)
assert(other:send("still there?\n"))
assert(other:receive() == "still there?")
