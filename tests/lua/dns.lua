-- SPDX-License-Identifier: MIT
-- socket.dns: nothing here needs a name server, localhost is in a file.
local t = require "harness"
local socket = t.socket
local dns = socket.dns

t.test("toip of an address", function()
  local ip, info = dns.toip("127.0.0.1")
  t.equal(ip, "127.0.0.1")
  t.kind(info, "table")
  t.kind(info.name, "string")
  t.kind(info.alias, "table")
  t.equal(info.ip[1], "127.0.0.1")
end)

t.beyond("and nobody is asked for its name", function()
  local _, info = dns.toip("127.0.0.1")
  t.equal(info.name, "127.0.0.1")
end)

t.test("toip of localhost", function()
  local ip, info = t.works(dns.toip("localhost"))
  t.equal(ip, "127.0.0.1")
  t.kind(info.name, "string")
  t.equal(info.ip[1], "127.0.0.1")
end)

t.test("tohostname", function()
  local name, info = t.works(dns.tohostname("127.0.0.1"))
  t.kind(name, "string")
  t.kind(info, "table")
  t.equal(info.name, name)
  t.kind(info.alias, "table")
  t.kind(info.ip, "table")
  t.equal((dns.toip(name)), "127.0.0.1")
end)

t.test("gethostname", function()
  local name = t.works(dns.gethostname())
  t.match(name, "^[%w%._%-]+$")
  local pipe = io.popen("uname -n")
  local want = pipe:read("*l")
  pipe:close()
  if want and want ~= "" then t.equal(name, want) end
end)

t.test("getaddrinfo of numeric addresses", function()
  local list = t.works(dns.getaddrinfo("127.0.0.1"))
  t.equal(#list, 1)
  t.equal(list[1].family, "inet")
  t.equal(list[1].addr, "127.0.0.1")
  t.need("inet6")
  list = t.works(dns.getaddrinfo("::1"))
  t.equal(#list, 1)
  t.equal(list[1].family, "inet6")
  t.equal(list[1].addr, "::1")
end)

t.test("getaddrinfo of localhost", function()
  local list = t.works(dns.getaddrinfo("localhost"))
  t.truth(#list >= 1)
  for _, entry in ipairs(list) do
    t.truth(entry.family == "inet" or entry.family == "inet6")
    t.truth(entry.addr == "127.0.0.1" or entry.addr == "::1", entry.addr)
  end
end)

-- Some systems list it twice, once for each line in their file.
t.beyond("getaddrinfo gives each address once", function()
  local seen = {}
  for _, entry in ipairs(t.works(dns.getaddrinfo("localhost"))) do
    t.equal(seen[entry.addr], nil, entry.addr)
    seen[entry.addr] = true
  end
end)

t.test("getnameinfo of a host", function()
  local names = t.works(dns.getnameinfo("127.0.0.1"))
  t.kind(names, "table")
  t.kind(names[1], "string")
end)

t.test("getnameinfo of a host and a service", function()
  local names, service = t.works(dns.getnameinfo("127.0.0.1", "9"))
  t.kind(names[1], "string")
  t.kind(service, "string")
end)

-- Names below "invalid" never resolve (RFC 6761); without a name server the
-- words differ.
local function no_name(...)
  local result, err = ...
  t.equal(result, nil)
  t.truth(err == "host not found" or err == "host or service not provided, or not known" or
    err == "temporary failure in name resolution" or
    err == "non-recoverable failure in name resolution", err)
end

t.test("names that do not resolve", function()
  no_name(dns.toip("no.such.name.invalid"))
  no_name(dns.getaddrinfo("no.such.name.invalid"))
  no_name(dns.tohostname("no.such.name.invalid"))
  no_name(dns.getnameinfo("no.such.name.invalid"))
end)

t.beyond("a limit in seconds as last argument", function()
  t.equal((dns.toip("localhost", 5)), "127.0.0.1")
  t.equal((dns.toip("127.0.0.1", 0)), "127.0.0.1")
  t.truth(#t.works(dns.getaddrinfo("127.0.0.1", 0)) == 1)
  t.truth(#t.works(dns.getaddrinfo("localhost", 5)) >= 1)
  t.works(dns.tohostname("127.0.0.1", 5))
  t.works(dns.getnameinfo("127.0.0.1", nil, 5))
  t.works(dns.getnameinfo("127.0.0.1", "80", 5))
  t.takes(0, 1, function()
    local ip, err = dns.toip("localhost", 0)
    t.truth(ip == "127.0.0.1" or err == "timeout")
  end)
end)

t.test("wrong arguments raise", function()
  for _, name in ipairs { "toip", "tohostname", "getaddrinfo", "getnameinfo" } do
    t.raises("bad argument", dns[name], {})
  end
  for _, name in ipairs { "toip", "tohostname", "getaddrinfo" } do
    t.raises("bad argument", dns[name])
  end
end)

t.beyond("a host with a NUL inside is refused", function()
  for _, name in ipairs { "toip", "getaddrinfo" } do
    local result, err = dns[name]("127.0.0.1\0.example")
    t.equal(result, nil)
    t.kind(err, "string")
  end
end)

t.beyond("absurd names fail and no more", function()
  for _, name in ipairs { "", ("x"):rep(300), ("x"):rep(70000), "[::1]", "a b", "..", "%" } do
    local result, err = dns.getaddrinfo(name, 5)
    if result == nil then
      t.kind(err, "string")
    else
      t.kind(result, "table")
    end
  end
end)

t.beyond("many lookups one after another leak nothing", function()
  for _ = 1, 100 do t.equal((dns.toip("localhost")), "127.0.0.1") end
end)

t.done()
