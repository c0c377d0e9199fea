-- SPDX-License-Identifier: MIT
-- luatcp(3lua) and the definitions for editors against the module itself: the
-- same functions, methods, constants and options in all three, the same names
-- of parameters in both texts, and the table of states as the page has it.
local t = require "harness"
local socket = t.socket

local source = arg[0]:match("^(.*)/tests/doc/[^/]*$") or "."

local function lines_of(path)
  local lines = {}
  for line in io.lines(source .. "/" .. path) do lines[#lines + 1] = line end
  return lines
end

local page = lines_of("doc/man/luatcp.3lua")
local definitions = lines_of("doc/editor/library/socket.lua")
for _, line in ipairs(lines_of("doc/editor/library/luatcp/proxy.lua")) do
  definitions[#definitions + 1] = line
end

-- ---- What the module has ------------------------------------------------------

-- name as in the page -> type
local actual = {}

local function enter(prefix, fields)
  for name, value in pairs(fields) do
    actual[prefix .. name] = type(value)
  end
end

enter("socket.", socket)
enter("socket.dns.", socket.dns)
enter("proxy.", require "luatcp.proxy")
local client, peer, server = t.pair("inet", true)
for _, one in ipairs { socket.tcp(), client, server } do
  enter("object:", getmetatable(one).__index)
end
local poller = assert(socket.poller())
enter("poller:", getmetatable(poller).__index)
poller:close()
client:close()
peer:close()
server:close()

-- ---- What the texts have --------------------------------------------------------

local function parameters(text)
  local list = {}
  for word in text:gsub("[%[%]]", " "):gmatch("[%w_.]+") do list[#list + 1] = word end
  return table.concat(list, ", ")
end

-- Functions of the page: a heading, and the call on the line below it.
local documented = {}
for i, line in ipairs(page) do
  local name = line:match("^%.Ss ([%w_]+[.:][%w_.]+)$")
  if name then
    local call, list = (page[i + 1] or ""):match("^%.Dl ([%w_.:]+)%((.*)%)$")
    documented[name] = call == name and parameters(list) or "no call below the heading"
  end
end

-- Functions and fields of the definitions; annotations of their parameters.
local defined, annotated, values = {}, {}, {}
local noted = {}
for _, line in ipairs(definitions) do
  local note = line:match("^%-%-%-@param (%S+)")
  if note then noted[#noted + 1] = note:gsub("%?$", "") end
  local name, list = line:match("^function ([%w_.:]+)%((.*)%) end$")
  if name then
    defined[name] = parameters(list)
    annotated[name] = table.concat(noted, ", ")
    noted = {}
  end
  name = line:match("^(socket%.[%w_]+) = ")
  if name then values[name] = true end
end

-- ---- Both ways ------------------------------------------------------------------

t.test("the page has every function, and none that does not exist", function()
  for name, kind in pairs(actual) do
    if kind == "function" and name ~= "socket.__unload" then
      t.truth(documented[name], name .. " has no heading in luatcp.3lua")
    end
  end
  for name in pairs(documented) do
    t.equal(actual[name], "function", name)
  end
end)

t.test("every function is in an example of the page", function()
  local inside, code = false, {}
  for _, line in ipairs(page) do
    if line:find("^%.Bd %-literal") then inside = true
    elseif line == ".Ed" then inside = false
    elseif inside then code[#code + 1] = line end
  end
  code = table.concat(code, "\n") .. "\n"
  for name in pairs(documented) do
    local call = name:gsub("^object", ""):gsub("%p", "%%%0")
    t.truth(code:find(call .. "[%(;,%s]"), name)
  end
end)

t.test("the page has every constant", function()
  local text = table.concat(page, "\n")
  for name, kind in pairs(actual) do
    if kind ~= "function" and name ~= "object:class" then
      t.truth(text:find("[%s.]Va[^\n]* " .. name:gsub("%p", "%%%0")), name .. " is not in luatcp.3lua")
    end
  end
end)

t.test("the definitions have every function, and none that does not exist", function()
  for name, kind in pairs(actual) do
    if kind == "function" then
      t.truth(defined[name], name .. " is not in library/socket.lua")
    elseif name ~= "object:class" then
      t.truth(values[name], name .. " is not in library/socket.lua")
    end
  end
  for name in pairs(defined) do t.equal(actual[name], "function", name) end
  for name in pairs(values) do
    t.truth(actual[name] and actual[name] ~= "function", name)
  end
end)

t.test("parameters have the same names in both", function()
  for name, list in pairs(documented) do t.equal(defined[name], list, name) end
  for name, list in pairs(annotated) do
    t.equal(list, defined[name], "@param lines of " .. name)
  end
end)

t.test("the definitions are Lua that loads", function()
  for _, name in ipairs { "socket", "luatcp", "luatcp/proxy" } do
    t.truth(loadfile(("%s/doc/editor/library/%s.lua"):format(source, name)), name)
  end
end)

-- ---- Options ---------------------------------------------------------------------

local options = {}
do
  local inside = false
  for _, line in ipairs(page) do
    if line:find("^%.Sh ") then inside = line == ".Sh OPTIONS" end
    local name = inside and line:match("^%.It Cm (%S+)$")
    if name then options[name] = true end
  end
end

t.test("the module knows the options of the page", function()
  local o = t.master("inet")
  for name in pairs(options) do
    t.truth(pcall(o.getoption, o, name), name)
  end
  o:close()
end)

t.test("the page and the definitions have the options of the library", function()
  local text = table.concat(definitions, "\n")
  local count = 0
  for _, line in ipairs(lines_of("src/libluatcp/options.c")) do
    local name = line:match('^    {"([%w-]+)", ')
    if name then
      count = count + 1
      t.truth(options[name], name .. " is not in luatcp.3lua")
      t.truth(text:find('"' .. name .. '"', 1, true), name .. " is not in library/socket.lua")
    end
  end
  t.truth(count > 10, "options.c was understood")
end)

-- ---- States -----------------------------------------------------------------------

local target, host, port = t.server("inet", 64)

local arguments = {
  bind = { "127.0.0.1", 0 }, setsockname = { "127.0.0.1", 0 },
  connect = { host, port }, setpeername = { host, port },
  getoption = { "keepalive" }, setoption = { "keepalive", true },
  receiveany = { 10 }, send = { "data" }, setfd = { -1 }, settimeout = { 1 }
}

local function new_client()
  local one, other = t.pair()
  t.cleanup(function() other:close() end)
  return one
end

local makers = {
  socket.tcp, socket.tcp4, new_client, function() return (t.server()) end,
  -- closed: of the class that the method is for
  function(name)
    local one
    if name == "accept" then one = t.server()
    elseif name == "bind" or name == "setsockname" or name == "listen" then one = socket.tcp4()
    else one = new_client() end
    one:close()
    return one
  end
}

local function fails_with(message, number)
  return function(good, first, second, third, fourth)
    t.truth(good, tostring(first))
    t.equal(first, nil)
    t.match(second, message)
    t.equal(number and (fourth or third), number)
  end
end

local outcomes = {
  raises = function(good, problem)
    t.truth(not good, "does not raise")
    t.match(problem, "expected")
  end,
  family = fails_with("^address family not chosen yet$"),
  peerless = fails_with("not connected", socket.errno.ENOTCONN),
  connected = fails_with("^already connected$", socket.errno.EISCONN),
  state = fails_with("^not possible in this state$"),
  closed = fails_with("^closed$"),
  ["-1"] = function(good, number)
    t.truth(good)
    t.equal(number, -1)
  end,
  yes = function(good, first, second)
    t.truth(good, tostring(first))
    t.differ(first, -1)
    t.truth(first ~= nil or second == nil or second == "timeout", tostring(second))
  end
}

local rows, methods = 0, {}
for _, line in ipairs(page) do
  local name, rest = line:match("^%.It (%l+) Ta (%S+ Ta .*)$")
  if name and actual["object:" .. name] then
    rows = rows + 1
    methods[name] = true
    t.test(name .. " by state", function()
      local column = 0
      for word in (rest .. " Ta "):gmatch("(%S+) Ta ") do
        column = column + 1
        local one = makers[column](name)
        local descriptor = name == "setfd" and one:getfd() or -1
        one:settimeout(0)
        local results = t.pack(pcall(one[name], one, t.unpack(arguments[name] or {})))
        if name == "detach" and word == "yes" then descriptor = results[2] end
        if descriptor >= 0 then socket.fromfd(descriptor):close() end
        local good, problem = pcall(outcomes[word] or error, t.unpack(results, 1, results.n))
        one:close()
        if not good then
          error(("column %d (%s): %s"):format(column, word, tostring(problem)), 0)
        end
      end
      t.equal(column, #makers, "columns")
    end)
  end
end

t.test("the table has a row for each method", function()
  for name, kind in pairs(actual) do
    local method = name:match("^object:(.*)")
    if method and kind == "function" then t.truth(methods[method], method) end
  end
  t.truth(rows > 20)
end)

target:close()
t.done()
