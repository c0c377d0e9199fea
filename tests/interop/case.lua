-- SPDX-License-Identifier: MIT
-- case.lua: what the scripts of this folder share: steps with a name, and the
-- proof that the program under test runs on the installed module.
local case = {}
local socket = require "socket"
local command = arg -- in Lua 5.1 the name means something else in functions
local passed = 0

-- A step raises what went wrong; the script ends there.
function case.step(name, f)
  local good, err = xpcall(f, debug.traceback)
  if not good then
    print("FAILED " .. name .. ": " .. tostring(err))
    io.stdout:flush()
    os.exit(1)
  end
  passed = passed + 1
end

-- Said where a part of the case is left out; the rest goes on.
function case.partly_skipped(reason)
  print("partly skipped: " .. reason)
  io.stdout:flush()
end

-- A module that only a part of the case needs, or nil where it is not
-- installed, which is said.  versions: the Luas that Debian's package is for,
-- all when not given; under others nothing is said.
function case.optional(name, versions)
  local good, result = pcall(require, name)
  if good then
    return type(result) == "table" and result or package.loaded[name]
  end
  if not tostring(result):find("module '[^']*' not found") then
    error(result, 0)
  end
  local version = _VERSION:match("%d+%.%d+")
  if not versions or versions:find(version, 1, true) then
    version = jit and "jit" or version
    case.partly_skipped(("no %s for Lua %s"):format(name, version))
  end
end

function case.equal(got, want, what)
  if got ~= want then
    error(("%s: got %s, want %s"):format(what or "result", tostring(got):sub(1, 200),
      tostring(want):sub(1, 200)), 2)
  end
end

-- Which files are mapped into this process: our core, and no other.
local function check_core()
  assert(socket._VERSION:find("^luatcp "), "socket is " .. tostring(socket._VERSION))
  assert(package.loaded["socket.core"]._VERSION == socket._VERSION)
  assert(package.loaded.socket == socket)
  local stage = os.getenv("STAGE")
  local found = false
  for line in io.lines("/proc/self/maps") do
    local file = line:match("(/%S+)$")
    if file and file:find("/core%.so") then
      if file:find(stage, 1, true) then
        found = true
      else
        assert(not file:find("/socket/core", 1, true), file .. " is loaded")
      end
    end
  end
  assert(found, "no core.so of the installed module is loaded")
end

function case.done(what)
  case.step("the module that was used", check_core)
  print(("%s: %d steps on %s"):format(what, passed, socket._VERSION))
end

-- Bytes that are not the same anywhere: block number i of a stream.
case.BLOCK = 65536
function case.block(i)
  local line = ("%07d the quick brown fox jumps over the lazy dog 0123456789 \0\r\n\255"):format(i)
  return (line:rep(math.ceil(case.BLOCK / #line)):sub(1, case.BLOCK))
end

-- Adler-32 of the string, going on from an earlier sum.
function case.checksum(text, a, b)
  a, b = a or 1, b or 0
  for i = 1, #text, 100 do
    local bytes = { text:byte(i, i + 99) }
    for j = 1, #bytes do
      a = a + bytes[j]
      b = b + a
    end
    a, b = a % 65521, b % 65521
  end
  return a, b
end

-- Another run of the same script: "lua script ARGUMENTS", its output as a file.
function case.spawn(...)
  local words = {}
  local lowest = 0
  while command[lowest - 1] do lowest = lowest - 1 end
  for i = lowest, 0 do
    words[#words + 1] = "'" .. command[i] .. "'"
  end
  for i = 1, select("#", ...) do
    words[#words + 1] = "'" .. tostring((select(i, ...))) .. "'"
  end
  return assert(io.popen(table.concat(words, " ") .. " 2>&1"))
end

return case
