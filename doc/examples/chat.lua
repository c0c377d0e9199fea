-- A chat: each line goes to everybody else.  Talk to it with "luatcp connect"
-- or telnet; the first line is a name, "/quit" leaves.
--
--   chat.lua [PORT]
local socket = require "socket"

local LINE_MAX = 1000
local BEHIND_MAX = 64 * 1024 -- who is so many bytes behind is not listening

io.stdout:setvbuf("line")
-- IPv4 and IPv6 on one port; IPv4 alone where that is all there is
local function listen(port)
  local server = socket.tcp6()
  if server and server:setoption("ipv6-v6only", false) and
     server:setoption("reuseaddr", true) and server:bind("::", port) and
     server:listen(64) then
    return server
  end
  return assert(socket.bind("*", port, 64))
end

local server = listen(arg[1] or 0)
server:settimeout(0)
print("listening on", server:getsockname())

local poller = assert(socket.poller())
local people = {} -- object -> person

local function watch(person)
  poller:modify(person.object, person.output == "" and "r" or "rw")
end

local leave -- says so to the others, and so may make others leave

local function flush(person)
  local last, err, sent = person.object:send(person.output)
  person.output = person.output:sub((last or sent) + 1)
  if not last and err ~= "timeout" then return leave(person) end
  watch(person)
end

local function say(text, from)
  print(text)
  local everybody = {}
  for _, person in pairs(people) do everybody[#everybody + 1] = person end
  for _, person in ipairs(everybody) do
    if person ~= from and person.name and people[person.object] then
      person.output = person.output .. text .. "\r\n"
      if #person.output > BEHIND_MAX then leave(person) else flush(person) end
    end
  end
end

function leave(person)
  if not people[person.object] then return end
  people[person.object] = nil
  person.object:close()
  if person.name then say("* " .. person.name .. " left") end
end

local function hear(person, line)
  line = line:gsub("%c", " ") -- nobody writes to the terminals of others
  if not person.name then
    person.name = line:sub(1, 20):match("%S+") or "nobody"
    say("* " .. person.name .. " is here", person)
  elseif line == "/quit" then
    leave(person)
  else
    say("<" .. person.name .. "> " .. line, person)
  end
end

local function read(person)
  while people[person.object] do
    local line, err, partial =
      person.object:receive("*l", person.partial, LINE_MAX)
    person.partial = partial or ""
    if line then hear(person, line)
    elseif err == "timeout" then return
    else return leave(person) end
  end
end

local function welcome()
  local object, err = server:accept()
  if not object then
    if err ~= "timeout" then socket.sleep(0.01) end
    return
  end
  object:settimeout(0)
  local person = { object = object, partial = "", output = "name?\r\n" }
  people[object] = person
  assert(poller:add(object, "r"))
  flush(person)
end

assert(poller:add(server, "r"))
while true do
  for object, events in poller:wait() do
    local person = people[object]
    if object == server then welcome()
    elseif person then
      if events:find "w" then flush(person) end
      if events:find "r" and people[object] then read(person) end
    end
  end
end
