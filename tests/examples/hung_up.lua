-- SPDX-License-Identifier: MIT
-- hung_up.lua HOST PORT: the other side accepts, and ends the connection.
local socket = require "socket"

local client = assert(socket.connect(arg[1], arg[2]))
client:settimeout(20)
local line, err = client:receive()
assert(line == nil and err == "closed", err)
