-- SPDX-License-Identifier: MIT
-- redis-lua, against a Redis server.  Argument: its port.
local case = require "case"
local redis = require "redis"
local port = ...
local step, equal = case.step, case.equal

local client = redis.connect("127.0.0.1", port)

step("values", function()
  equal(client:ping(), true, "ping")
  client:flushall()
  client:set("key", "value")
  equal(client:get("key"), "value", "value")
  equal(client:get("missing"), nil, "missing")
  equal(client:incr("count"), 1, "count")
end)

step("a megabyte with every byte in it", function()
  local parts = {}
  for i = 1, 16 do parts[i] = case.block(i) end
  local bytes = {}
  for i = 0, 255 do bytes[i] = string.char(i) end
  local data = table.concat(parts) .. table.concat(bytes, "", 0)
  client:set("large", data)
  assert(client:get("large") == data, "what came back differs")
end)

step("a pipeline of ten thousand", function()
  if _VERSION ~= "Lua 5.1" then return end -- its pipelines raise elsewhere, on any module
  local replies = client:pipeline(function(p)
    for _ = 1, 10000 do p:incr("pipeline") end
  end)
  equal(#replies, 10000, "replies")
  equal(replies[10000], 10000, "last")
end)

step("a transaction", function()
  local replies = client:transaction(function(t)
    t:set("a", 1)
    t:incrby("a", 41)
    t:get("a")
  end)
  equal(replies[3], "42", "last")
end)

step("publish and subscribe, two connections", function()
  -- one of its own: redis-lua leaves an answer behind when it aborts
  local subscriber = redis.connect("127.0.0.1", port)
  local other = redis.connect { host = "localhost", port = port, timeout = 100 }
  local got = {}
  for message, abort in subscriber:pubsub { subscribe = { "channel" } } do
    if message.kind == "subscribe" then
      for i = 1, 100 do other:publish("channel", "message " .. i) end
    else
      got[#got + 1] = message.payload
      if #got == 100 then abort() end
    end
  end
  equal(#got, 100, "messages")
  equal(got[100], "message 100", "last")
  other:quit()
end)

step("errors", function()
  local good, err = pcall(client.incr, client, "key")
  equal(good, false, "incr of a text")
  assert(tostring(err):find("not an integer"), err)
  equal(client:ping(), true, "ping")
  local probe = assert(require "socket".bind("127.0.0.1", 0))
  local _, dead = probe:getsockname()
  probe:close()
  good, err = pcall(redis.connect, "127.0.0.1", dead)
  equal(good, false, "connect")
  assert(tostring(err):find("connection refused"), err)
end)

client:quit()
case.done(redis._VERSION or "redis-lua")
