-- SPDX-License-Identifier: MIT
-- LuaSocket's ftp, against pyftpdlib.  Arguments: its port, its directory.
local case = require "case"
local ftp, ltn12 = require "socket.ftp", require "ltn12"
local port, directory = ...
local step, equal = case.step, case.equal
ftp.TIMEOUT = 100
local base = ("ftp://user:word@127.0.0.1:%d/"):format(port)

step("get by address", function()
  equal(ftp.get(base .. "greeting.txt;type=i"), "hello from the server\n", "content")
end)

step("two megabytes up and down", function()
  local parts = {}
  for i = 1, 32 do parts[i] = case.block(i) end
  local data = table.concat(parts)
  equal(ftp.put { host = "127.0.0.1", port = port, user = "user", password = "word",
    command = "stor", argument = "upload", type = "i", source = ltn12.source.string(data) },
    #data, "put")
  local file = assert(io.open(directory .. "/upload", "rb"))
  assert(file:read("*a") == data, "the server has something else")
  file:close()
  local back = {}
  equal(ftp.get { host = "127.0.0.1", port = port, user = "user", password = "word",
    argument = "upload", type = "i", sink = ltn12.sink.table(back) }, 1, "get")
  assert(table.concat(back) == data, "what came back differs")
end)

step("by name", function()
  equal(ftp.get(("ftp://user:word@localhost:%d/greeting.txt;type=i"):format(port)),
    "hello from the server\n", "content")
end)

step("a list", function()
  local parts = {}
  assert(ftp.get { host = "127.0.0.1", port = port, user = "user", password = "word",
    command = "nlst", argument = ".", sink = ltn12.sink.table(parts) })
  assert(table.concat(parts):find("greeting.txt", 1, true), table.concat(parts))
end)

step("a file that is not there, and a wrong password", function()
  local good, err = ftp.get(base .. "missing;type=i")
  equal(good, nil, "get")
  assert(err:find("^550 "), err)
  good, err = ftp.get(("ftp://user:wrong@127.0.0.1:%d/greeting.txt;type=i"):format(port))
  equal(good, nil, "get")
  assert(err:find("^530 "), err)
end)

case.done("socket.ftp")
