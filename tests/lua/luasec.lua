-- SPDX-License-Identifier: MIT
-- The installed LuaSec on top of this module: the way it takes the descriptor
-- over, with a handshake where it can make itself a certificate.
local t = require "harness"
local socket = t.socket

local version = _VERSION:match("%d+%.%d+")
package.path = package.path .. (";/usr/share/lua/%s/?.lua;/usr/local/share/lua/%s/?.lua")
  :format(version, version)
package.cpath = package.cpath .. (";/usr/lib/x86_64-linux-gnu/lua/%s/?.so;" ..
  "/usr/lib/aarch64-linux-gnu/lua/%s/?.so;/usr/lib/lua/%s/?.so;/usr/local/lib/lua/%s/?.so")
  :format(version, version, version, version)

local found, ssl = pcall(require, "ssl")
if not found or type(ssl) ~= "table" then
  t.test("luasec", function() t.skip("LuaSec is not installed for this Lua") end)
  t.done()
end

t.test("ssl.wrap takes the descriptor", function()
  local client = t.pair()
  local fd = client:getfd()
  local wrapped = t.works(ssl.wrap(client, { mode = "client", protocol = "any" }))
  t.equal(client:getfd(), -1)
  t.equal(wrapped:getfd(), fd)
  t.results({ 1 }, client:close())
  t.equal(wrapped:getfd(), fd)
  wrapped:close()
end)

t.test("a wrapped object in select", function()
  local client, accepted = t.pair()
  local wrapped = t.works(ssl.wrap(client, { mode = "client", protocol = "any" }))
  local r, w, err = socket.select({ wrapped }, { wrapped }, 0)
  t.equal(r[1], nil)
  t.equal(w[1], wrapped)
  t.equal(err, nil)
  t.works(accepted:send("x"))
  r = socket.select({ wrapped }, nil, 5)
  t.equal(r[1], wrapped)
  wrapped:close()
end)

t.test("a handshake and a line each way", function()
  local base = os.tmpname()
  local key, certificate = base .. ".key", base .. ".pem"
  t.cleanup(function()
    for _, name in ipairs { base, key, certificate } do os.remove(name) end
  end)
  os.execute(("openssl req -x509 -newkey rsa:2048 -nodes -keyout %s -out %s -days 2 " ..
    "-subj /CN=localhost >/dev/null 2>&1"):format(key, certificate))
  if not io.open(certificate) then t.skip("no openssl program to make a certificate with") end
  local client, accepted = t.pair()
  client:settimeout(0)
  accepted:settimeout(0)
  local one = t.works(ssl.wrap(client, { mode = "client", protocol = "any", verify = "none" }))
  local two = t.works(ssl.wrap(accepted, { mode = "server", protocol = "any", key = key,
    certificate = certificate }))
  one:settimeout(0)
  two:settimeout(0)
  local done_one, done_two
  local limit = t.clock() + 20
  while not (done_one and done_two) and t.clock() < limit do
    local err
    if not done_one then
      done_one, err = one:dohandshake()
      if not done_one then t.match(err, "want") end
    end
    if not done_two then
      done_two, err = two:dohandshake()
      if not done_two then t.match(err, "want") end
    end
  end
  t.truth(done_one and done_two, "handshake")
  one:settimeout(5)
  two:settimeout(5)
  t.works(one:send("over tls\nsecond\n"))
  t.equal((two:receive()), "over tls")
  local r = socket.select({ two }, nil, 5)
  t.equal(r[1], two)
  t.equal((two:receive()), "second")
  t.works(two:send("back\n"))
  t.equal((one:receive()), "back")
  one:close()
  two:close()
end)

t.done()
