-- SPDX-License-Identifier: MIT
-- The PROXY protocol: both versions, whole, in pieces, and malformed.
local t = require "harness"
local socket = t.socket
local proxy = require "luatcp.proxy"

local FIXED = "\r\n\r\n\0\r\nQUIT\n"
local INET = "\192\0\2\1" .. "\198\51\100\2" .. "\48\57" .. "\1\187"
local IPV6 = "\32\1\13\184" .. ("\0"):rep(11) .. "\1" ..
             "\32\1\13\184\0\0\0\1" .. ("\0"):rep(7) .. "\2" .. "\48\57\1\187"

local function number16(n)
  return string.char(math.floor(n / 256), n % 256)
end

local function tlv(kind, value)
  return string.char(kind) .. number16(#value) .. value
end

local function binary(command, kind, rest, length)
  return FIXED .. string.char(command, kind) .. number16(length or #rest) .. rest
end

-- What receive makes of the bytes; both ends are closed later.
local function pair_with(bytes)
  local client, accepted = t.pair()
  t.cleanup(function() client:close() accepted:close() end)
  if bytes then t.equal(client:send(bytes), #bytes) end
  return accepted, client
end

local function accepts(header, what)
  local accepted, client = pair_with(header .. "stream\nmore")
  accepted:settimeout(10)
  local from = t.works(proxy.receive(accepted, 10))
  t.equal(accepted:receive(), "stream", what)
  client:close()
  t.equal(accepted:receive("*a"), "more", what)
  accepted:close()
  return from
end

local function refuses(reason, header)
  local accepted, client = pair_with(header)
  client:shutdown("send")
  local before = socket.gettime()
  t.fails("PROXY header: " .. reason, proxy.receive(accepted, 10))
  t.within(socket.gettime() - before, -1, 8)
  client:close()
  accepted:close()
end

local function same(from, want)
  for key, value in pairs(want) do t.equal(from[key], value, key) end
  for key in pairs(from) do
    if key ~= "values" and want[key] == nil then
      t.equal(key, nil, "a field that should not be there")
    end
  end
end

-- ---- Version 1 --------------------------------------------------------------

t.test("version 1, IPv4", function()
  same(accepts("PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n"), {
    version = 1, command = "PROXY", family = "inet", transport = "stream",
    source_address = "192.0.2.1", source_port = 12345,
    destination_address = "198.51.100.2", destination_port = 443
  })
  t.integer(accepts("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n").source_port)
end)

t.test("version 1, IPv6, written as getpeername writes it", function()
  local texts = {
    ["2001:db8::1"] = "2001:db8::1", ["::1"] = "::1", ["::"] = "::",
    ["2001:0DB8:0000:0000:0000:0000:0000:0001"] = "2001:db8::1",
    ["2001:db8:0:1:0:0:0:1"] = "2001:db8:0:1::1",
    ["2001:db8:0:1:1:1:1:1"] = "2001:db8:0:1:1:1:1:1",
    ["1::"] = "1::", ["::ffff:192.0.2.1"] = "::ffff:192.0.2.1",
    ["::ffff:c000:201"] = "::ffff:192.0.2.1", ["::192.0.2.1"] = "::192.0.2.1",
    ["64:ff9b::192.0.2.33"] = "64:ff9b::c000:221", ["::2"] = "::2",
    ["1:2:3:4:5:6:1.2.3.4"] = "1:2:3:4:5:6:102:304",
    ["a:b:c:d:e:f::"] = "a:b:c:d:e:f::", ["fe80::1:0:0:1"] = "fe80::1:0:0:1"
  }
  for text, want in pairs(texts) do
    local from = accepts("PROXY TCP6 " .. text .. " ::1 1 2\r\n", text)
    t.equal(from.source_address, want, text)
    t.equal(from.destination_address, "::1")
    t.equal(from.family, "inet6")
    local listed = socket.dns.getaddrinfo(text)
    -- musl writes "::192.0.2.1" without dots
    if listed and listed[1].family == "inet6" and text ~= "::192.0.2.1" then
      t.equal(listed[1].addr, want, text)
    end
  end
end)

t.test("version 1, unknown, and the longest line", function()
  same(accepts("PROXY UNKNOWN\r\n"),
    { version = 1, command = "PROXY", family = "unspec" })
  local address = ("ffff:"):rep(7) .. "ffff"
  local longest = "PROXY UNKNOWN " .. address .. " " .. address .. " 65535 65535\r\n"
  t.equal(#longest, 107)
  t.equal(accepts(longest).family, "unspec")
  local known = "PROXY TCP6 " .. address .. " " .. address .. " 65535 65535\r\n"
  t.equal(accepts(known).source_address, address)
end)

t.test("version 1, malformed", function()
  local line = "PROXY TCP4 192.0.2.1 198.51.100.2 1 2"
  refuses("line without CR LF", line .. "\n")
  refuses("line without CR LF", line .. "\r\r\n")
  refuses("line without CR LF", "PROXY TCP4 192.0.2.1\r198.51.100.2 1 2\r\n")
  refuses("line too long", "PROXY UNKNOWN " .. ("x"):rep(92) .. "\r\n")
  refuses("line too long", "PROXY TCP4 " .. ("1"):rep(10000))
  for _, protocol in ipairs { "TCP5", "tcp4", "", "UDP4", "TCP", "UNKNOWNS" } do
    refuses("unknown protocol", "PROXY " .. protocol .. " 192.0.2.1 192.0.2.2 1 2\r\n")
  end
  local count = "two addresses and two ports expected"
  refuses(count, "PROXY TCP4\r\n")
  refuses(count, "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n")
  refuses(count, line .. " 3\r\n")
  refuses(count, line .. " \r\n")
  refuses(count, "PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n")
  refuses(count, "PROXY \r\nother\r\n")
  for _, address in ipairs { "192.0.2", "192.0.2.256", "192.0.2.01", "1.2.3.4.5",
    "0x1.2.3.4", "-1.2.3.4", "::1", "a.b.c.d", "1.2.3.4\0", "999.1.1.1", "localhost" } do
    refuses("not an address", "PROXY TCP4 " .. address .. " 1.2.3.4 1 2\r\n")
    refuses("not an address", "PROXY TCP4 1.2.3.4 " .. address .. " 1 2\r\n")
  end
  for _, address in ipairs { "1.2.3.4", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
    "1::2::3", "12345::", "g::", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:8::",
    "fe80::1%eth0", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "[::1]", "::1.2.3.4:1.2.3.4" } do
    refuses("not an address", "PROXY TCP6 " .. address .. " ::1 1 2\r\n")
  end
  for _, port in ipairs { "65536", "-1", "01", "1.5", "0x1", "1e3", "http", "99999999999" } do
    refuses("not a port", "PROXY TCP4 1.2.3.4 1.2.3.4 1 " .. port .. "\r\n")
    refuses("not a port", "PROXY TCP4 1.2.3.4 1.2.3.4 " .. port .. " 1\r\n")
  end
end)

-- ---- Version 2 --------------------------------------------------------------

t.test("version 2, IPv4 and IPv6", function()
  same(accepts(binary(0x21, 0x11, INET)), {
    version = 2, command = "PROXY", family = "inet", transport = "stream",
    source_address = "192.0.2.1", source_port = 12345,
    destination_address = "198.51.100.2", destination_port = 443
  })
  same(accepts(binary(0x21, 0x21, IPV6)), {
    version = 2, command = "PROXY", family = "inet6", transport = "stream",
    source_address = "2001:db8::1", source_port = 12345,
    destination_address = "2001:db8:0:1::2", destination_port = 443
  })
  t.equal(accepts(binary(0x21, 0x12, INET)).transport, "datagram")
end)

t.test("version 2, Unix sockets", function()
  local function path(text) return text .. ("\0"):rep(108 - #text) end
  local from = accepts(binary(0x21, 0x31, path("/run/a") .. path("/run/b")))
  same(from, {
    version = 2, command = "PROXY", family = "unix", transport = "stream",
    source_address = "/run/a", destination_address = "/run/b"
  })
  from = accepts(binary(0x21, 0x31, path(("x"):rep(108)) .. path("\0abstract")))
  t.equal(from.source_address, ("x"):rep(108))
  t.equal(from.destination_address, "\0abstract")
  t.equal(accepts(binary(0x21, 0x31, path("") .. path("/b"))).source_address, "\0")
end)

t.test("version 2, the balancer's own connections and unknown ones", function()
  local own = { version = 2, command = "LOCAL", family = "unspec" }
  same(accepts(binary(0x20, 0x00, "")), own)
  same(accepts(binary(0x20, 0x11, INET)), own)
  same(accepts(binary(0x20, 0x99, "anything")), own)
  same(accepts(binary(0x21, 0x00, "whatever it says")),
    { version = 2, command = "PROXY", family = "unspec" })
end)

t.test("version 2, additional values", function()
  local tls = tlv(0x20, "\7\0\0\0\0" .. tlv(0x21, "TLSv1.3") .. tlv(0x22, "someone") ..
    tlv(0x23, "TLS_AES_128_GCM_SHA256"))
  local from = accepts(binary(0x21, 0x11, INET .. tlv(0x02, "example.org") ..
    tlv(0x01, "h2") .. tlv(0x05, "one\0two") .. tlv(0x04, "") .. tls .. tlv(0xEA, "own")))
  t.equal(from.authority, "example.org")
  t.equal(from.alpn, "h2")
  t.equal(from.unique_id, "one\0two")
  t.equal(from.tls.version, "TLSv1.3")
  t.equal(from.tls.cn, "someone")
  t.equal(from.tls.cipher, "TLS_AES_128_GCM_SHA256")
  t.equal(from.tls.used, true)
  t.equal(from.tls.certificate, true)
  t.equal(from.tls.verified, true)
  t.equal(#from.values, 6)
  t.equal(from.values[6].type, 0xEA)
  t.equal(from.values[6].value, "own")
  from = accepts(binary(0x21, 0x11, INET .. tlv(0x20, "\1\0\0\0\1")))
  t.equal(from.tls.verified, false)
  t.equal(from.tls.certificate, false)
  -- as long as can be
  local long = ("x"):rep(65535 - #INET - 3)
  t.equal(#accepts(binary(0x21, 0x11, INET .. tlv(0x04, long))).values[1].value, #long)
end)

t.test("version 2, the checksum", function()
  local function sum(bytes) return INET .. tlv(0x03, bytes) end
  for _, bytes in ipairs { "\0\0\0\0", "\255\255\255\255" } do
    refuses("wrong checksum", binary(0x21, 0x11, sum(bytes)))
  end
  refuses("wrong checksum", binary(0x21, 0x11, INET .. tlv(0x03, "abc")))
  -- what HAProxy 2.6 sent with the option crc32c
  local right = FIXED .. "\33\17\0\19\127\0\0\1\127\0\0\1\211\234\70\161" ..
    "\3\0\4\219\137\123\7"
  t.equal(accepts(right).source_port, 211 * 256 + 234)
  local function spoil(place)
    local bad = right:sub(1, place - 1) .. string.char((right:byte(place) + 1) % 256) ..
      right:sub(place + 1)
    local accepted = pair_with(bad)
    t.equal(proxy.receive(accepted, 0.001), nil)
    accepted:close()
  end
  for place = 17, #right do
    if place ~= 29 then spoil(place) end -- there is its type, without which there is none
  end
end)

t.test("version 2, malformed", function()
  refuses("unknown version", binary(0x11, 0x11, INET))
  refuses("unknown version", binary(0x31, 0x11, INET))
  refuses("unknown command", binary(0x22, 0x11, INET))
  refuses("unknown command", binary(0x2F, 0x11, INET))
  for _, kind in ipairs { 0x01, 0x10, 0x13, 0x14, 0x20, 0x23, 0x30, 0x33, 0x41, 0xFF } do
    refuses("unknown family", binary(0x21, kind, INET))
  end
  refuses("too short for its addresses", binary(0x21, 0x11, INET, 11))
  refuses("too short for its addresses", binary(0x21, 0x11, ""))
  refuses("too short for its addresses", binary(0x21, 0x21, INET))
  refuses("too short for its addresses", binary(0x21, 0x31, ("\0"):rep(215)))
  local broken = "malformed additional information"
  refuses(broken, binary(0x21, 0x11, INET .. "\4"))
  refuses(broken, binary(0x21, 0x11, INET .. "\4\0"))
  refuses(broken, binary(0x21, 0x11, INET .. "\4\0\1"))
  refuses(broken, binary(0x21, 0x11, INET .. "\4\255\255abc"))
  refuses(broken, binary(0x21, 0x11, INET .. tlv(4, "a") .. "\4\0\2a"))
  refuses("malformed TLS information", binary(0x21, 0x11, INET .. tlv(0x20, "\1\0\0")))
  refuses("malformed TLS information",
    binary(0x21, 0x11, INET .. tlv(0x20, "\1\0\0\0\0" .. "\33\0\9TLSv1.3")))
end)

-- ---- No header, pieces, limits ------------------------------------------------

t.test("something else is found out at its first wrong byte", function()
  for _, start in ipairs { "G", "PROXX", "proxy", "\r\n\r\n\r", "\0", " PROXY", "PROXY\t",
    FIXED:sub(1, 11) .. "\r" } do
    local accepted, client = pair_with(start)
    local rest = t.fails("PROXY header: there is none", proxy.receive(accepted, 10))
    t.equal(rest, start)
    client:close()
    accepted:close()
  end
end)

t.test("closed at each byte", function()
  for _, header in ipairs { "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
    binary(0x21, 0x11, INET) } do
    for length = 0, #header - 1, 3 do
      local accepted, client = pair_with(header:sub(1, length))
      client:close()
      t.equal(t.fails("closed", proxy.receive(accepted, 10)), header:sub(1, length))
      accepted:close()
    end
  end
end)

t.test("byte by byte without waiting, and not a byte of the stream", function()
  for _, header in ipairs { "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
    "PROXY UNKNOWN\r\n", binary(0x21, 0x21, IPV6 .. tlv(2, "example.org")),
    binary(0x20, 0, "") } do
    local accepted, client = pair_with()
    accepted:settimeout(0)
    client:setoption("tcp-nodelay", true)
    local partial, from, message
    for place = 1, #header do
      from, message, partial = proxy.receive(accepted, nil, partial)
      t.equal(from, nil)
      t.equal(message, "timeout")
      t.equal(partial, header:sub(1, place - 1))
      client:send(header:sub(place, place))
      t.wait_readable(accepted)
    end
    t.equal(client:send("\r\nstream"), 8)
    from = t.works(proxy.receive(accepted, nil, partial))
    t.equal(from.version, header:sub(1, 1) == "P" and 1 or 2)
    accepted:settimeout(10)
    t.equal(accepted:receive(8), "\r\nstream")
    client:close()
    accepted:close()
  end
end)

t.test("one limit for the whole header, and the old ones afterwards", function()
  local accepted, client = pair_with("PROXY TCP4 ")
  accepted:settimeout(7)
  accepted:settimeout(9, "t")
  local partial = t.takes(0.2, 5, function()
    return t.fails("timeout", proxy.receive(accepted, 0.2))
  end)
  t.results({ 7, 9 }, accepted:gettimeout())
  t.equal(partial, "PROXY TCP4 ")
  client:send("192.0.2.1 198.51.100.2 1 2\r\n")
  t.equal(t.works(proxy.receive(accepted, 5, partial)).source_port, 1)
  t.results({ 7, 9 }, accepted:gettimeout())
  accepted:settimeout(-1)
  accepted:settimeout(0.1, "t")
  t.takes(0.1, 5, function() t.fails("timeout", proxy.receive(accepted)) end)
  t.results({ -1, 0.1 }, accepted:gettimeout())
  t.raises("number expected", proxy.receive, accepted, "soon")
  client:shutdown("send") -- for one that would wait
  t.raises("got NaN", proxy.receive, accepted, 0 / 0)
  t.results({ -1, 0.1 }, accepted:gettimeout())
end)

t.test("its own limit holds whatever the object's are", function()
  for _, limits in ipairs { { 0, -1 }, { -1, 0 }, { 0, 0 }, { 0.05, 0.05 } } do
    local accepted, client = pair_with("PROXY TCP4 ")
    accepted:settimeout(limits[1])
    accepted:settimeout(limits[2], "t")
    local partial = t.takes(0.2, 5, function()
      return t.fails("timeout", proxy.receive(accepted, 0.2))
    end)
    t.results(limits, accepted:gettimeout())
    -- none is a limit of its own, too
    local during = setmetatable({}, {__index = function(_, name)
      return function(_, ...)
        if name:find("^receive") then t.results({ -1, -1 }, accepted:gettimeout()) end
        return accepted[name](accepted, ...)
      end
    end})
    client:send("192.0.2.1 198.51.100.2 1 2\r\n")
    t.equal(t.works(proxy.receive(during, -1, partial)).source_port, 1)
    t.results(limits, accepted:gettimeout())
  end
end)

t.test("a closed object", function()
  local accepted = pair_with()
  accepted:close()
  t.fails("closed", proxy.receive(accepted, 1))
end)

t.done()
