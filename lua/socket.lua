-- SPDX-License-Identifier: MIT
--
-- socket.lua: the module as programs load it, one file under two names: require
-- "socket" gives what socket.core is, require "luatcp" what luatcp.core is.
-- Nothing more is here, because reading Lua is most of what loading costs.

local name = ...
return require(name == "socket" and "socket.core" or "luatcp.core")
