-- SPDX-License-Identifier: MIT
--
-- driver.lua: runs the workloads on luatcp, its peers and plain C, and writes a
-- table and a plot.  Started by bench/run.
--
--   --full              more and longer runs, all workloads, counts of all peers
--   --counts-only       system calls and instructions alone
--   --times-only        processor time alone
--   --only A,B          these workloads, or those that Lua patterns match
--   --peers A,B         of luatcp, luasocket, cqueues, luv, floor, C
--   --rounds N          how often each is run for its time
--   --build DIRECTORY   the build tree; else the current directory

local workloads = require "workloads"
local report = require "report"

local options = { build = "." }

local function usage(message)
  io.stderr:write("bench/run: ", message, "\n")
  os.exit(2)
end

do
  local flags = { full = true, ["counts-only"] = true, ["times-only"] = true }
  local valued = { only = true, peers = true, rounds = true, build = true,
                   lua = true, bench = true }
  local i = 1
  while arg[i] do
    local name = arg[i]:match("^%-%-(.*)$")
    if flags[name] then
      options[name] = true
    elseif valued[name] and arg[i + 1] then
      i = i + 1
      options[name] = arg[i]
    else
      usage("unknown option " .. arg[i])
    end
    i = i + 1
  end
end

-- ---- Commands ----

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function command(words)
  local quoted = {}
  for i, word in ipairs(words) do quoted[i] = quote(tostring(word)) end
  return table.concat(quoted, " ")
end

-- What a command prints, and its exit status.
local function output(line)
  local pipe = assert(io.popen(line))
  local text = pipe:read("a")
  local _, _, status = pipe:close()
  return text, status
end

local function succeeds(line)
  return select(2, output(line .. " >/dev/null 2>&1")) == 0
end

local function exists(name)
  local file = io.open(name)
  if file then file:close() end
  return file ~= nil
end

local said = ""

local function progress(text)
  said = text
  io.stderr:write(text, "\n")
end

-- ---- Peers ----

local bench, build = options.bench, options.build
local lua_version = _VERSION:match("%d.*")
local modules = build .. "/lua/" .. lua_version
local work = build .. "/bench"

local system_path = bench .. "/?.lua;;"
local peers = {
  { name = "luatcp", script = "peer_socket.lua", loads = 'require "socket"',
    present = 'assert(require "socket"._VERSION:find "^luatcp")',
    path = bench .. "/?.lua;" .. modules .. "/?.lua",
    cpath = modules .. "/?.so" },
  { name = "luasocket", script = "peer_socket.lua", loads = 'require "socket"',
    present = 'assert(require "socket"._VERSION:find "^LuaSocket")',
    path = system_path },
  { name = "cqueues", script = "peer_cqueues.lua",
    loads = 'require "cqueues.socket"',
    present = 'require "cqueues.socket"', path = system_path },
  { name = "luv", script = "peer_luv.lua", loads = 'require "luv"',
    present = 'require "luv"', path = system_path },
  { name = "floor", script = "peer_socket.lua",
    present = 'assert(require "socket"._VERSION == "floor")',
    path = bench .. "/?.lua", cpath = work .. "/.libs/floor.so" },
  { name = "C" },
}

local function environment(peer)
  if peer.name == "C" then return {} end
  local list = { "-E", "LUA_PATH=" .. peer.path }
  if peer.cpath then
    list[3], list[4] = "-E", "LUA_CPATH=" .. peer.cpath
  end
  return list
end

-- The command of a run: the counterpart, and in it, perhaps in another program
-- that watches it, the program that is measured.
local function run_command(peer, workload, warm, count, watcher, delay)
  local words = { work .. "/counterpart" }
  local function add(list)
    for _, word in ipairs(list) do words[#words + 1] = word end
  end
  if delay and workload.delay ~= false then add { "-d", 300 } end
  if workload.pin and not watcher then add { "-p" } end
  add(environment(peer))
  add { workload.mode, workload.size, warm + count, "--" }
  add(watcher or {})
  if peer.name == "C" then
    add { work .. "/limit" }
  else
    add { options.lua }
    if workload.run == "load" then
      add { "-e", peer.loads }
      if not watcher then
        add { "-e", 'print(("cpu %.9f"):format(os.clock()))' }
      end
      return command(words)
    end
    add { bench .. "/" .. peer.script }
  end
  add { workload.run, workload.size, warm, count, "@" }
  return command(words)
end

local function is_present(peer)
  if peer.name == "C" then return true end
  local words = { work .. "/counterpart" }
  for _, word in ipairs(environment(peer)) do words[#words + 1] = word end
  for _, word in ipairs { "none", 0, 0, "--", options.lua, "-e",
                          peer.present } do
    words[#words + 1] = word
  end
  return succeeds(command(words))
end

local function choose_peers()
  local wanted, chosen = options.peers, {}
  for _, peer in ipairs(peers) do
    if not wanted or ("," .. wanted .. ","):lower():find(
         "," .. peer.name:lower() .. ",", 1, true) then
      if is_present(peer) then
        chosen[#chosen + 1] = peer
      else
        progress(peer.name .. ": not there for Lua " .. lua_version ..
                 ", left out")
      end
    end
  end
  return chosen
end

-- ---- Measurements ----

-- The values that a run printed, or nil if it failed; 77 is "cannot do that".
local failures = 0

local function values(line, peer, workload)
  local text, status = output(line)
  if status == 77 then return nil end
  if status ~= 0 then
    failures = failures + 1
    progress(("%s: %s failed with status %d"):format(workload.name, peer.name,
                                                     status))
    return nil
  end
  local result = {}
  for name, value in text:gmatch("(%a+)%s+([%d.e+-]+)\n") do
    result[name] = tonumber(value)
  end
  return result
end

-- Processor time of one operation in seconds, and peak memory in bytes.
local function measure_time(peer, workload, count)
  local got = values(run_command(peer, workload, workload.warm, count), peer,
                     workload)
  if got and got.cpu then return got.cpu / count, got.peak * 1024 end
end

local function measure_memory(peer, workload)
  local got = values(run_command(peer, workload, 100, workload.size - 100),
                     peer, workload)
  return got and { heap = got.heap, resident = got.resident }
end

-- System calls between pairs of readings of the processor clock.
local function count_calls(peer, workload, count)
  local log = work .. "/strace.out"
  local got = values(run_command(peer, workload, workload.warm, count,
                                 { "strace", "-f", "-o", log }, true),
                     peer, workload)
  if not got then return nil end
  local calls, all, inside = 0, 0, false
  for line in io.lines(log) do
    if line:find("CLOCK_PROCESS_CPUTIME_ID", 1, true) then
      inside = not inside
    elseif not line:find("^%d+ +<%.%.%.") and not line:find("^%d+ +[-+]") then
      all = all + 1
      if inside then calls = calls + 1 end
    end
  end
  os.remove(log)
  return workload.run == "load" and all or calls / count
end

local function instructions_in(name)
  local file = io.open(name)
  if not file then return nil end
  local sum
  for line in file:lines() do
    sum = line:match("^summary: (%d+)") or line:match("^totals: (%d+)") or sum
  end
  file:close()
  os.remove(name)
  return tonumber(sum)
end

-- Instructions likewise: each reading ends a part of the profile.
local function count_instructions(peer, workload, count)
  local profile = work .. "/callgrind.out"
  local watcher = { "valgrind", "-q", "--tool=callgrind",
                    "--callgrind-out-file=" .. profile }
  if workload.run ~= "load" then watcher[5] = "--dump-before=clock" end
  local got = values(run_command(peer, workload, workload.warm, count, watcher,
                                 true), peer, workload)
  local whole = instructions_in(profile)
  local part, sum = 1, 0
  while true do
    local instructions = instructions_in(profile .. "." .. part)
    if not instructions then break end
    if part % 2 == 0 then sum = sum + instructions end
    part = part + 1
  end
  if not got then return nil end
  return workload.run == "load" and whole or sum / count
end

-- ---- All of it ----

local function hard_limit()
  local limit = output("ulimit -Hn")
  return tonumber(limit:match("%d+")) or math.huge
end

local function is_wanted(workload)
  if not options.only then return options.full or not workload.full end
  for pattern in options.only:gmatch("[^,]+") do
    if workload.name:find("^" .. pattern .. "$") then return true end
  end
  return false
end

local function choose_workloads()
  local chosen, limit = {}, hard_limit()
  for _, workload in ipairs(workloads) do
    local wanted = is_wanted(workload)
    if wanted and workload.descriptors and workload.size + 40 > limit then
      progress(("%s: needs %d descriptors, the limit is %d, left out"):format(
        workload.name, workload.size + 40, limit))
    elseif wanted then
      chosen[#chosen + 1] = workload
    end
  end
  return chosen
end

local function can_do(peer, workload)
  if workload.only_peers and not workload.only_peers[peer.name] then
    return false
  end
  if peer.name == "floor" and workload.descriptors then return false end
  -- its select takes no descriptor from 1024 on
  return not (peer.name == "luasocket" and workload.descriptors and
              workload.size > 1000 and workload.run ~= "memory")
end

-- Fills results[workload][peer].times and so on; in each round every peer runs
-- once, the first one another time.
local function measure_times(results, chosen, work_list, rounds)
  for i, workload in ipairs(work_list) do
    local count = (workload.count or 0) * (options.full and 3 or 1)
    if workload.most then count = math.min(count, workload.most) end
    for round = 1, workload.timed and rounds or 0 do
      progress(("times %d/%d: %s, round %d of %d"):format(
        i, #work_list, workload.name, round, rounds))
      for turn = 1, #chosen do
        local peer = chosen[(turn + round) % #chosen + 1]
        if can_do(peer, workload) then
          local cell = results[workload.name][peer.name]
          local time, peak = measure_time(peer, workload, count)
          if time then
            cell.times[round] = time
            cell.peak = math.max(cell.peak or 0, peak)
          end
        end
      end
    end
  end
end

local function count_one(results, peer, workload, with)
  local cell = results[workload.name][peer.name]
  if workload.run == "memory" then
    cell.memory = measure_memory(peer, workload)
    return
  end
  if with.strace then
    cell.calls = count_calls(peer, workload,
                             workload.calls or workload.instructions)
  end
  if with.valgrind and workload.instructions then
    cell.instructions = count_instructions(peer, workload,
                                           workload.instructions)
  end
end

local function measure_counts(results, chosen, work_list)
  local with = {}
  for _, tool in ipairs { "strace", "valgrind" } do
    with[tool] = succeeds("command -v " .. tool)
    if not with[tool] then
      progress(tool .. ": not there, its counts are left out")
    end
  end
  local counted = { luatcp = true, luasocket = true, floor = true, C = true }
  for i, workload in ipairs(work_list) do
    for _, peer in ipairs(chosen) do
      if can_do(peer, workload) and (options.full or options.peers or
          workload.run == "memory" or counted[peer.name]) then
        progress(("counts %d/%d: %s, %s"):format(i, #work_list, workload.name,
                                                 peer.name))
        count_one(results, peer, workload, with)
      end
    end
  end
end

local function main()
  if not exists(work .. "/counterpart") or not exists(work .. "/limit") then
    usage("no programs in " .. work .. ": run make bench, or name the build " ..
          "tree with --build")
  end
  if tonumber(lua_version) < 5.3 then
    usage("Lua 5.3 or later is needed, " .. options.lua .. " is " .. _VERSION)
  end
  local chosen, work_list = choose_peers(), choose_workloads()
  if #work_list == 0 then usage("no such workload") end
  local results = {}
  for _, workload in ipairs(work_list) do
    results[workload.name] = {}
    for _, peer in ipairs(chosen) do
      results[workload.name][peer.name] = { times = {} }
    end
  end
  if not options["times-only"] then
    measure_counts(results, chosen, work_list)
  end
  if not options["counts-only"] then
    measure_times(results, chosen, work_list,
                  tonumber(options.rounds) or options.full and 11 or 3)
  end
  local text = report.table(results, chosen, work_list,
                            report.goals(bench .. "/goals"))
  io.write(text)
  report.write(work .. "/results.md", text)
  local plot = report.plot(results, work_list)
  if plot then report.write(work .. "/select.svg", plot) end
  os.exit(failures == 0 and 0 or 1)
end

main()
