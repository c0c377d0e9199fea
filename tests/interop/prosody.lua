-- SPDX-License-Identifier: MIT
-- Clients of Prosody.  Arguments: port, password, the certificate.  A hundred
-- connections of the user to each address, all of them open at once; each signs
-- in, binds a resource, and sends a letter to the next one.
local case = require "case"
local socket = require "socket"
local port, password, certificate = ...
local step, equal = case.step, case.equal
local ssl = require "ssl"
local b64 = require "mime".b64

local function connect(host)
  local client = assert(socket.connect(host, port))
  client:settimeout(100)
  return { socket = client, buffer = "" }
end

-- Reads on until the pattern is found; returns its captures, drops what it read.
local function expect(link, pattern)
  while true do
    local first, last, capture = link.buffer:find(pattern)
    if first then
      link.buffer = link.buffer:sub(last + 1)
      return capture or true
    end
    local data, err, part = link.socket:receive(1)
    if not data then
      error(("%s: waiting for %s, have %s%s"):format(err, pattern, link.buffer, part or ""), 2)
    end
    link.buffer = link.buffer .. data
    -- what is there behind it, without waiting
    link.socket:settimeout(0)
    repeat
      data, err, part = link.socket:receive(4096)
      link.buffer = link.buffer .. (data or part or "")
    until not data
    link.socket:settimeout(100)
    if err ~= "timeout" and err ~= "wantread" and err ~= "closed" then error(err, 2) end
  end
end

local function send(link, text)
  equal(link.socket:send(text), #text, "sent")
end

local function open_stream(link)
  send(link, "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' " ..
    "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")
  expect(link, "<stream:stream[^>]*>")
  return expect(link, "(<stream:features.-</stream:features>)")
end

local function start_tls(link)
  send(link, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
  expect(link, "<proceed[^>]*>")
  link.socket = assert(ssl.wrap(link.socket, { mode = "client", protocol = "any",
    verify = "peer", cafile = certificate, options = "all" }))
  link.socket:settimeout(100)
  assert(link.socket:dohandshake())
  link.buffer = ""
  return open_stream(link)
end

local function sign_in(link, resource)
  send(link, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" ..
    b64("\0user\0" .. password) .. "</auth>")
  expect(link, "<success[^>]*>")
  open_stream(link)
  send(link, "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>" ..
    "<resource>" .. resource .. "</resource></bind></iq>")
  link.address = expect(link, "<jid>(.-)</jid>")
  expect(link, "</iq>")
end

local function ping(link, id)
  send(link, ("<iq type='get' id='%s' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"):format(id))
  expect(link, "<iq[^>]*id='" .. id .. "'[^>]*>")
end

local hosts = { "127.0.0.1" }
local probe = socket.bind("::1", 0)
if probe then
  probe:close()
  hosts[2] = "::1"
else
  case.partly_skipped("no IPv6 on loopback")
end

for _, host in ipairs(hosts) do
  step("one client at " .. host, function()
    local link = connect(host)
    assert(open_stream(link):find("PLAIN"), "mechanisms")
    sign_in(link, "one")
    equal(link.address, "user@localhost/one", "address")
    ping(link, "ping1")
    send(link, "</stream:stream>")
    expect(link, "</stream:stream>")
    link.socket:close()
  end)

  step("one client with TLS at " .. host, function()
    local link = connect(host)
    assert(open_stream(link):find("starttls"), "starttls")
    start_tls(link)
    sign_in(link, "tls")
    ping(link, "ping2")
    -- a letter to itself, larger than one TLS record
    local body = ("a large body, "):rep(8000)
    send(link, "<message to='user@localhost/tls'><body>" .. body .. "</body></message>")
    equal(expect(link, "<body>(.-)</body>"), body, "body")
    link.socket:close()
  end)

  step("a hundred connections at " .. host, function()
    local links = {}
    for i = 1, 100 do links[i] = connect(host) end
    for _, link in ipairs(links) do open_stream(link) end
    for i, link in ipairs(links) do sign_in(link, "r" .. i) end
    for i, link in ipairs(links) do
      send(link, ("<message to='%s'><body>from %d</body></message>"):format(
        links[i % 100 + 1].address, i))
    end
    for i, link in ipairs(links) do
      equal(expect(link, "<body>(.-)</body>"), "from " .. ((i - 2) % 100 + 1), "body")
    end
    for i, link in ipairs(links) do
      -- half of them without a word, some of these with a reset
      if i % 2 == 0 then
        if i % 4 == 0 then link.socket:setoption("linger", { on = true, timeout = 0 }) end
        link.socket:close()
      end
    end
    for i = 1, 99, 2 do ping(links[i], "still" .. i) end
    for i = 1, 99, 2 do links[i].socket:close() end
  end)
end

step("a wrong password, and rubbish", function()
  local link = connect(hosts[1])
  open_stream(link)
  send(link, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" ..
    b64("\0user\0wrong") .. "</auth>")
  expect(link, "<failure[^>]*>")
  link.socket:close()
  link = connect(hosts[1])
  send(link, "GET / HTTP/1.1\r\n\r\n")
  expect(link, "</stream:stream>")
  link.socket:close()
end)

step("TLS clients that leave in the middle", function()
  for i = 1, 20 do
    local link = connect(hosts[1])
    open_stream(link)
    if i % 2 == 0 then
      start_tls(link)
      send(link, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' ")
    else
      send(link, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
      expect(link, "<proceed[^>]*>")
      link.socket:setoption("linger", { on = true, timeout = 0 })
    end
    link.socket:close()
  end
end)

step("and it still answers", function()
  local link = connect(hosts[#hosts])
  open_stream(link)
  sign_in(link, "last")
  ping(link, "ping3")
  link.socket:close()
end)

case.done("clients of Prosody")
