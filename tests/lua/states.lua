-- SPDX-License-Identifier: MIT
-- Every method on an object in every state: one table says what must happen.
-- Whatever happens, the class and the answer of getfd stay consistent.
local t = require "harness"
local socket = t.socket

local dead = t.dead_port()

-- How to get an object into each state; what has to stay alive for it is the
-- second result.
local states = {
  { "fresh", "master", function() return socket.tcp() end },
  { "family", "master", function(family) return t.master(family) end },
  { "bound", "master", function(family)
    local o = t.master(family)
    assert(o:bind(t.loopback(family), 0))
    return o
  end },
  { "server", "server", function(family) return (t.server(family)) end },
  { "client", "client", function(family) return t.pair(family) end },
  { "accepted", "client", function(family)
    local client, accepted = t.pair(family)
    return accepted, client
  end },
  { "ended", "client", function(family)
    local client, accepted = t.pair(family)
    accepted:close()
    t.wait_readable(client)
    return client
  end },
  { "reset", "client", function(family)
    local client = t.reset_client(family)
    t.wait_readable(client)
    client:receive()
    return client
  end },
  { "shut", "client", function(family)
    local client, accepted = t.pair(family)
    assert(client:shutdown("both"))
    return client, accepted
  end },
  { "refused", "client", function(family)
    local o = t.master(family)
    assert(not o:connect(t.loopback(family), dead))
    return o
  end },
  { "pending", "client", function(family)
    local server, host, port, fillers = t.full_server(family)
    local o = t.master(family)
    o:settimeout(0)
    assert(not o:connect(host, port))
    return o, { server, fillers }
  end },
  { "no descriptor", "client", function(family)
    local client, accepted = t.pair(family)
    local keeper = socket.tcp4()
    keeper:close()
    local other = t.master(family)
    local fd = client:getfd()
    client:setfd(-1)
    local own = other:getfd()
    other:setfd(-1)
    other:setfd(fd)
    local third = socket.tcp()
    third:setfd(own)
    return client, { accepted, other, third }
  end },
  { "closed master", "master", function(family)
    local o = t.master(family)
    o:close()
    return o
  end },
  { "closed client", "client", function(family)
    local client, accepted = t.pair(family)
    client:close()
    return client, accepted
  end },
  { "closed server", "server", function(family)
    local server = t.server(family)
    server:close()
    return server
  end },
}

local RAISE, ONE, FAIL, CLOSED, ANY = "raise", "one", "fail", "closed", "any"

-- What a method does by state; "*" is what holds for the states not named.
-- RAISE: the program's fault.  ONE: returns 1.  FAIL: nil and a message.
-- CLOSED: nil and "closed".  ANY: succeeds or fails, as the system likes.
local master = { fresh = true, family = true, bound = true, ["closed master"] = true }
local server = { server = true, ["closed server"] = true }

local function only(group, outcomes)
  return function(state)
    if not group[state] then return RAISE end
    return outcomes[state] or outcomes["*"]
  end
end

local function clients(outcomes)
  return function(state)
    if master[state] or server[state] then return RAISE end
    return outcomes[state] or outcomes["*"]
  end
end

local function all(outcomes)
  return function(state) return outcomes[state] or outcomes["*"] end
end

local target, target_host, target_port = t.server("inet", 64)
local target6, target6_host, target6_port
if t.has_inet6 then target6, target6_host, target6_port = t.server("inet6", 64) end

local methods = {
  { "accept", only(server, { server = FAIL, ["closed server"] = CLOSED }) },
  { "bind", only(master, { ["*"] = ONE, bound = FAIL, ["closed master"] = CLOSED }),
    function(family) return t.loopback(family), 0 end },
  { "setsockname", only(master, { ["*"] = ONE, bound = FAIL, ["closed master"] = CLOSED }),
    function(family) return t.loopback(family), 0 end },
  { "listen", only(master, { ["*"] = ONE, fresh = FAIL, ["closed master"] = CLOSED }),
    function() return 4 end },
  { "connect", function(state)
    if state == "server" or state == "closed server" then return "server" end
    if state:find("closed") then return CLOSED end
    -- The system forgets a connection that was reset.
    if state == "reset" or state == "no descriptor" then return ANY end
    if state == "client" or state == "accepted" or state == "ended" or state == "shut" then
      return FAIL
    end
    if state == "pending" then return ANY end
    return ONE
  end, function(family)
    if family == "inet6" then return target6_host, target6_port end
    return target_host, target_port
  end },
  { "close", all { ["*"] = ONE } },
  { "receive", clients { ["*"] = FAIL, ended = CLOSED, shut = CLOSED, ["closed client"] = CLOSED } },
  { "receiveany", clients { ["*"] = FAIL, ended = CLOSED, shut = CLOSED, ["closed client"] = CLOSED },
    function() return 10 end },
  { "send", clients { client = "number", accepted = "number", ended = ANY, shut = CLOSED,
    ["closed client"] = CLOSED, ["*"] = FAIL }, function() return "data" end },
  { "shutdown", clients { client = ONE, accepted = ONE, ended = ANY, shut = ANY, reset = ANY,
    pending = ANY, ["closed client"] = CLOSED, ["*"] = FAIL } },
  { "getpeername", all { client = "name", accepted = "name", ended = ANY, shut = ANY,
    ["closed client"] = CLOSED, ["closed server"] = CLOSED, ["closed master"] = CLOSED,
    ["*"] = FAIL } },
  { "getsockname", all { fresh = FAIL, ["closed client"] = CLOSED, ["closed server"] = CLOSED,
    ["closed master"] = CLOSED, ["no descriptor"] = FAIL, ["*"] = "name" } },
  { "getfd", all { ["*"] = "descriptor", fresh = "none", ["no descriptor"] = "none",
    ["closed master"] = "none", ["closed client"] = "none", ["closed server"] = "none" } },
  { "getfamily", all { ["*"] = "family" } },
  { "dirty", all { ["*"] = "false" } },
  { "getstats", all { ["*"] = "stats" } },
  { "setstats", all { ["*"] = ONE }, function() return 1, 2, 3 end },
  { "gettimeout", all { ["*"] = "limits" } },
  { "settimeout", all { ["*"] = ONE }, function() return 0.5 end },
  { "setoption", all { fresh = FAIL, ["no descriptor"] = FAIL, ["closed master"] = CLOSED,
    ["closed client"] = CLOSED, ["closed server"] = CLOSED, ended = ANY, reset = ANY, shut = ANY,
    ["*"] = ONE }, function() return "keepalive", true end },
  { "getoption", all { fresh = FAIL, ["no descriptor"] = FAIL, ["closed master"] = CLOSED,
    ["closed client"] = CLOSED, ["closed server"] = CLOSED, ["*"] = "false" },
    function() return "keepalive" end },
}

local checks = {
  [RAISE] = function(results) t.equal(results[1], false, "raises") t.match(results[2], "expected") end,
  [ONE] = function(results) t.equal(results.n, 2) t.equal(results[2], 1, results[3]) end,
  [FAIL] = function(results) t.equal(results[2], nil) t.kind(results[3], "string") end,
  [CLOSED] = function(results) t.equal(results[2], nil) t.equal(results[3], "closed") end,
  [ANY] = function(results) if not results[2] then t.kind(results[3], "string") else t.truth(results[2]) end end,
  server = function(results)
    if results[1] then
      t.equal(results[2], nil)
      t.kind(results[3], "string")
    else
      t.match(results[2], "expected")
    end
  end,
  number = function(results) t.equal(results[2], 4) end,
  name = function(results)
    t.equal(results.n, 4)
    t.kind(results[2], "string")
    t.within(t.integer(results[3]), 0, 65535)
  end,
  descriptor = function(results) t.within(t.integer(results[2]), 3, 1e6) end,
  none = function(results) t.equal(results[2], -1) end,
  family = function(results) t.match(results[2], "^inet[46]$") end,
  ["false"] = function(results) t.equal(results.n, 2) t.equal(results[2], false) end,
  stats = function(results) t.equal(results.n, 4) t.kind(results[4], "number") end,
  limits = function(results) t.equal(results.n, 3) end,
}

for _, method in ipairs(methods) do
  local name, expected, arguments = method[1], method[2], method[3]
  for _, family in ipairs { "inet", "inet6" } do
    t.beyond(name .. " (" .. family .. ")", function()
      t.need(family)
      for _, entry in ipairs(states) do
        local state, class, make = entry[1], entry[2], entry[3]
        local good, o, keep = pcall(make, family)
        if good then
          local outcome = expected(state)
          if name == "getfamily" and state == "fresh" then
            t.equal(o:getfamily(), "unspec")
          elseif name == "getfamily" and (state:find("closed") or state == "no descriptor") then
            t.match(o:getfamily(), "^inet[46]$")
          else
            if state == "pending" or state == "client" or state == "accepted" or
              state == "no descriptor" then
              o:settimeout(0)
            elseif state == "server" then
              o:settimeout(0)
            end
            local f = o[name] or socket.tcp()[name] or t.pair()[name]
            if not f then
              local _, _, s = t.pair("inet", true)
              f = s[name]
            end
            local results
            if arguments then
              results = t.pack(pcall(f, o, arguments(family)))
            else
              results = t.pack(pcall(f, o))
            end
            local checked, err = pcall(checks[outcome], results)
            if not checked then
              error(("in state %q, want %s: %s"):format(state, outcome, tostring(err)), 0)
            end
            t.equal(results[1], outcome ~= RAISE and results[1], state)
          end
          local now = o.class
          if name == "listen" and expected(state) == ONE then class = "server" end
          if name == "connect" and (expected(state) == ONE) then class = "client" end
          t.equal(now, "tcp{" .. class .. "}", name .. " in state " .. state)
          t.match(tostring(o), "^tcp{" .. class .. "}: ")
          t.equal(o:close(), 1)
          t.equal(o:getfd(), -1)
        elseif state ~= "pending" then
          error(o, 0)
        end
        keep = nil
      end
    end)
  end
end

if not t.ours then
  t.test("states", function() t.skip("LuaSocket differs by design") end)
end
if target6 then target6:close() end
target:close()
t.done()
