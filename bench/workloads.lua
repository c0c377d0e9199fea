-- SPDX-License-Identifier: MIT
--
-- workloads.lua: what is measured.
--
--   name          in tables and in the file of goals
--   per           one operation
--   mode          of the counterpart
--   run           of the peers' programs, with size
--   warm          operations before those that are measured, wholly checked
--   count         operations measured for their time; three times as many in
--                 the full form, but at most most
--   calls         operations whose system calls are counted
--   instructions  operations whose instructions are counted
--   pin           both ends on one processor: round trips and small messages
--                 without wake-ups across processors, whose time nobody can
--                 repeat
--   only_peers    the others cannot do it
--   full          in the full form only
--   descriptors   needs as many descriptors as size says

local M = 1048576

local MODULES = { luatcp = true, luasocket = true, cqueues = true, luv = true }

local workloads = {}

local function add(workload)
  workload.timed = workload.timed ~= false
  workloads[#workloads + 1] = workload
end

local function receive(name, mode, size, per, warm, count, calls, instructions,
                       full)
  add { name = name, per = per, mode = mode, run = mode, size = size,
        warm = warm, count = count, calls = calls, instructions = instructions,
        full = full }
end

receive("recv_line20", "lines", 20, "line", 10000, 1000000, 1000000, 30000)
receive("recv_line60", "lines", 60, "line", 5000, 1000000, 500000, 20000)
receive("recv_line4k", "lines", 4096, "line", 500, 50000, 20000, 3000)
receive("recv_n64", "blocks", 64, "block", 5000, 1000000, 500000, 20000)
receive("recv_n4k", "blocks", 4096, "block", 500, 100000, 20000, 3000)
receive("recv_n1m", "blocks", M, "block", 5, 300, 60, 20)
receive("recv_n64m", "blocks", 64 * M, "block", 1, 4, 2, 1)
receive("recv_all64m", "streams", 64 * M, "stream", 1, 4, 2, 1)
receive("recv_all256m", "streams", 256 * M, "stream", 1, 2, 1, 1, true)

local function send(name, size, per, warm, count, calls, instructions)
  add { name = name, per = per, mode = "sink", run = "send", size = size,
        warm = warm, count = count, calls = calls, instructions = instructions,
        pin = size < 65536 }
end

send("send64", 64, "message", 500, 100000, 2000, 5000)
send("send16k", 16384, "message", 100, 20000, 1000, 2000)
send("send64m", 64 * M, "string", 1, 4, 3, 3)

local function exchange(name, run, pin)
  add { name = name, per = "round trip", mode = "echo", run = run, size = 64,
        warm = 100, count = 20000, calls = 500, instructions = 500, pin = pin }
end

exchange("pp64", "pp", true)
exchange("pp64_t5", "pp_t5", true)
exchange("pp64_t0", "pp_t0", true)
exchange("pp64_poller", "pp_poller", true)
exchange("pp64_2core", "pp", false)
workloads[#workloads].instructions = nil
add { name = "pp64_ready", per = "round trip", mode = "echo", run = "pp_ready",
      size = 64, warm = 100, timed = false, calls = 100, instructions = 100,
      only_peers = { luatcp = true, luasocket = true } }
for _, workload in ipairs(workloads) do
  if workload.run == "pp_poller" then
    workload.only_peers = { luatcp = true, C = true }
  end
end

add { name = "http1k", per = "exchange", mode = "http", run = "http",
      size = 1024, warm = 50, count = 5000, calls = 300, instructions = 300,
      pin = true }

add { name = "accept", per = "connection", mode = "accept", run = "accept",
      size = 0, warm = 50, count = 3000, most = 5000, calls = 500,
      instructions = 500, pin = true }

for _, to in ipairs { "connect4", "connect6", "connect_localhost" } do
  add { name = to, per = "connection", mode = "connect", run = to, size = 0,
        warm = 50, count = 3000, most = 3000, calls = 300, instructions = 300,
        pin = true }
end

for _, run in ipairs { "select", "poller" } do
  for _, step in ipairs { { 10, 10000 }, { 100, 5000 }, { 900, 1000 },
                          { 10000, 200 } } do
    local size, count = step[1], step[2]
    add { name = run .. "_" .. size, per = "wake-up", mode = "idle", run = run,
          size = size, warm = 20, count = run == "poller" and 5000 or count,
          calls = 200, instructions = size > 1000 and 50 or 200, pin = true,
          descriptors = true }
  end
end

add { name = "memory_1000", per = "connection", mode = "each", run = "memory",
      size = 1100, warm = 100, timed = false, descriptors = true,
      only_peers = MODULES }
add { name = "memory_10000", per = "connection", mode = "each", run = "memory",
      size = 10100, warm = 100, timed = false, descriptors = true,
      only_peers = MODULES }

add { name = "load", per = "process", mode = "none", run = "load", size = 0,
      warm = 0, count = 1, most = 1, calls = 1, instructions = 1,
      only_peers = MODULES }

return workloads
