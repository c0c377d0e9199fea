-- SPDX-License-Identifier: MIT
--
-- proxy.lua: the PROXY protocol, versions 1 and 2, for a server behind a
-- balancer.  The balancer says at the start of each connection who the client
-- is; receive reads that, and not a byte of what follows.
--
--   local proxy = require "luatcp.proxy"
--   local client = server:accept()
--   local from, message = proxy.receive(client, 5)
--
-- Whoever may connect to the server can claim to be anybody: let only the
-- balancer do so.  doc/scale-out.md says how.

local socket = require "luatcp"

local byte, find, format = string.byte, string.find, string.format
local gmatch, match, sub = string.gmatch, string.match, string.sub
local concat, floor, max = table.concat, math.floor, math.max
local error, tonumber, type = error, tonumber, type

local proxy = {}

-- How each version begins, and how long it can be.
local TEXT = "PROXY "
local BINARY = "\r\n\r\n\0\r\nQUIT\n"
local TEXT_MAX = 107
local FIXED = 16 -- of version 2: signature, command, family, length

local FAILED = "PROXY header: "

-- ---- Addresses ------------------------------------------------------------

local function ipv4_text(data, at)
  return format("%d.%d.%d.%d", byte(data, at, at + 3))
end

-- Eight numbers as RFC 5952 writes them, which is how getpeername does too.
local function ipv6_text(groups)
  local first, length = 0, 1 -- the longest run of zeros
  local start
  for i = 1, 9 do
    if groups[i] == 0 then
      start = start or i
    else
      if start and i - start > length then first, length = start, i - start end
      start = nil
    end
  end
  local mapped = first == 1 and (length == 5 and groups[6] == 0xffff or
                                 length == 6)
  local words = {}
  for i = 1, mapped and 6 or 8 do words[i] = format("%x", groups[i]) end
  if mapped then
    words[7] = format("%d.%d.%d.%d", floor(groups[7] / 256), groups[7] % 256,
                      floor(groups[8] / 256), groups[8] % 256)
  end
  if first == 0 then return concat(words, ":") end
  return concat(words, ":", 1, first - 1) .. "::" ..
         concat(words, ":", first + length, #words)
end

local function ipv6_groups(data, at)
  local groups = {}
  for i = 1, 8 do
    local high, low = byte(data, at + 2 * i - 2, at + 2 * i - 1)
    groups[i] = high * 256 + low
  end
  return groups
end

-- A number without sign, space or leading zero, up to a maximum; or nil.
local function number_of(text, most)
  if not find(text, "^%d%d?%d?%d?%d?$") or find(text, "^0.") then return nil end
  local value = tonumber(text)
  return value <= most and value or nil
end

local function ipv4_numbers(text)
  local numbers = { match(text, "^(%d+)%.(%d+)%.(%d+)%.(%d+)$") }
  if #numbers ~= 4 then return nil end
  for i = 1, 4 do
    numbers[i] = number_of(numbers[i], 255)
    if not numbers[i] then return nil end
  end
  return numbers
end

-- "a:b:c" as a list of numbers; the last may be an IPv4 address.
local function hex_groups(text, may_end_in_ipv4)
  local groups = {}
  if text == "" then return groups end
  for word in gmatch(text .. ":", "([^:]*):") do
    local last = #groups
    if find(word, "^%x%x?%x?%x?$") then
      groups[last + 1] = tonumber(word, 16)
    else
      local numbers = may_end_in_ipv4 and sub(text, -#word) == word and
                      ipv4_numbers(word)
      if not numbers or groups.done then return nil end
      groups[last + 1] = numbers[1] * 256 + numbers[2]
      groups[last + 2] = numbers[3] * 256 + numbers[4]
      groups.done = true
    end
  end
  return groups
end

-- The eight numbers of an address in text; nil when it is none.
local function parse_ipv6(text)
  local head, tail = match(text, "^(.-)::(.*)$")
  if not head then
    local groups = hex_groups(text, true)
    return groups and #groups == 8 and groups or nil
  end
  local front, back = hex_groups(head, false), hex_groups(tail, true)
  if not front or not back or #front + #back > 7 then return nil end
  local groups = {}
  for i = 1, 8 do groups[i] = front[i] or back[i - 8 + #back] or 0 end
  return groups
end

local function canonical(family, text)
  if family == "inet" then return ipv4_numbers(text) and text end
  local groups = parse_ipv6(text)
  return groups and ipv6_text(groups)
end

-- ---- Version 1 ------------------------------------------------------------

local families = { TCP4 = "inet", TCP6 = "inet6" }

-- What a whole line says; nil, and what is wrong with it.
local function parse_text(line)
  local body = match(line, "^PROXY ([^\r\n]*)\r\n$")
  if not body then return nil, "line without CR LF" end
  local known = match(body, "^%S*")
  if known == "UNKNOWN" then
    return { version = 1, command = "PROXY", family = "unspec" }
  end
  local family = families[known]
  if not family then return nil, "unknown protocol" end
  local source, destination, source_port, destination_port =
    match(body, "^%S+ (%S+) (%S+) (%S+) (%S+)$")
  if not source then return nil, "two addresses and two ports expected" end
  source, destination = canonical(family, source), canonical(family, destination)
  if not source or not destination then return nil, "not an address" end
  source_port = number_of(source_port, 65535)
  destination_port = number_of(destination_port, 65535)
  if not source_port or not destination_port then return nil, "not a port" end
  return {
    version = 1, command = "PROXY", family = family, transport = "stream",
    source_address = source, source_port = source_port,
    destination_address = destination, destination_port = destination_port
  }
end

-- ---- Version 2: the checksum ------------------------------------------------

-- CRC-32C with numbers alone: the Luas do not agree on operators for bits.

local xor4 = {} -- of two numbers below 16: xor4[a * 16 + b]
for a = 0, 15 do
  for b = 0, 15 do
    local result, x, y, bit = 0, a, b, 1
    for _ = 1, 4 do
      if x % 2 ~= y % 2 then result = result + bit end
      x, y, bit = floor(x / 2), floor(y / 2), bit * 2
    end
    xor4[a * 16 + b] = result
  end
end

local function xor32(a, b)
  local result, unit = 0, 1
  for _ = 1, 8 do
    local x, y = a % 16, b % 16
    result = result + xor4[x * 16 + y] * unit
    a, b, unit = (a - x) / 16, (b - y) / 16, unit * 16
  end
  return result
end

local checksum_steps -- made when the first header with a checksum arrives

local function checksum(data)
  if not checksum_steps then
    checksum_steps = {}
    for i = 0, 255 do
      local value = i
      for _ = 1, 8 do
        local odd = value % 2 == 1
        value = floor(value / 2)
        if odd then value = xor32(value, 0x82f63b78) end
      end
      checksum_steps[i] = value
    end
  end
  local sum = 0xffffffff
  for i = 1, #data do
    local low = xor32(sum % 256, byte(data, i))
    sum = xor32(floor(sum / 256), checksum_steps[low])
  end
  return xor32(sum, 0xffffffff)
end

-- ---- Version 2 ------------------------------------------------------------

local function number16(data, at)
  local high, low = byte(data, at, at + 1)
  return high * 256 + low
end

local function number32(data, at)
  return number16(data, at) * 65536 + number16(data, at + 2)
end

-- Types that a server may want to know by name.
local CHECKSUM, TLS = 0x03, 0x20
local names = {
  [0x01] = "alpn", [0x02] = "authority", [0x05] = "unique_id", [0x30] = "netns"
}
local tls_names = {
  [0x21] = "version", [0x22] = "cn", [0x23] = "cipher",
  [0x24] = "signature_algorithm", [0x25] = "key_algorithm"
}

-- Calls f with type, value and position of each TLV; nil when they do not fill
-- the bytes from at to last.
local function each_value(data, at, last, f)
  while at <= last do
    if last - at < 2 then return nil end
    local kind, length = byte(data, at), number16(data, at + 1)
    if last - at - 2 < length then return nil end
    f(kind, sub(data, at + 3, at + 2 + length), at)
    at = at + 3 + length
  end
  return true
end

local function parse_tls(value)
  if #value < 5 then return nil end
  local flags = byte(value)
  local tls = { used = flags % 2 == 1, verified = number32(value, 2) == 0,
    certificate = floor(flags / 2) % 2 == 1 or floor(flags / 4) % 2 == 1 }
  local whole = each_value(value, 6, #value, function(kind, text)
    if tls_names[kind] then tls[tls_names[kind]] = text end
  end)
  return whole and tls
end

local function parse_values(header, at, from)
  local problem
  from.values = {}
  local whole = each_value(header, at, #header, function(kind, value, place)
    from.values[#from.values + 1] = { type = kind, value = value }
    if names[kind] then
      from[names[kind]] = value
    elseif kind == TLS then
      from.tls = parse_tls(value)
      if not from.tls then problem = "malformed TLS information" end
    elseif kind == CHECKSUM then
      local blank = sub(header, 1, place + 2) .. "\0\0\0\0" .. sub(header, place + 7)
      if #value ~= 4 or number32(value, 1) ~= checksum(blank) then
        problem = "wrong checksum"
      end
    end
  end)
  if not whole then problem = "malformed additional information" end
  if problem then return nil, problem end
  return from
end

-- What the byte for family and transport stands for; all others are malformed.
local kinds = {
  [0x00] = { family = "unspec", size = 0 },
  [0x11] = { family = "inet", transport = "stream", size = 12 },
  [0x12] = { family = "inet", transport = "datagram", size = 12 },
  [0x21] = { family = "inet6", transport = "stream", size = 36 },
  [0x22] = { family = "inet6", transport = "datagram", size = 36 },
  [0x31] = { family = "unix", transport = "stream", size = 216 },
  [0x32] = { family = "unix", transport = "datagram", size = 216 }
}

local function unix_path(data, at)
  local path = sub(data, at, at + 107)
  local abstract = byte(path) == 0 -- a name of Linux that is in no directory
  local finish = find(path, "\0", abstract and 2 or 1, true)
  return finish and sub(path, 1, finish - 1) or path
end

local function read_addresses(from, header, at)
  if from.family == "inet" then
    from.source_address = ipv4_text(header, at)
    from.destination_address = ipv4_text(header, at + 4)
    from.source_port = number16(header, at + 8)
    from.destination_port = number16(header, at + 10)
  elseif from.family == "inet6" then
    from.source_address = ipv6_text(ipv6_groups(header, at))
    from.destination_address = ipv6_text(ipv6_groups(header, at + 16))
    from.source_port = number16(header, at + 32)
    from.destination_port = number16(header, at + 34)
  elseif from.family == "unix" then
    from.source_address = unix_path(header, at)
    from.destination_address = unix_path(header, at + 108)
  end
end

-- What the fixed part says: command, family, transport; the length of the
-- rest, and of the addresses in it.  nil, and what is wrong with it.
local function parse_fixed(header)
  local command, kind = byte(header, 13, 14)
  if floor(command / 16) ~= 2 then return nil, "unknown version" end
  if command % 16 > 1 then return nil, "unknown command" end
  local length, block = number16(header, 15), kinds[kind]
  -- a connection of the balancer itself: what is said about it is ignored
  if command % 16 == 0 then block = kinds[0] end
  if not block then return nil, "unknown family" end
  if length < block.size then return nil, "too short for its addresses" end
  return {
    version = 2, command = command % 16 == 1 and "PROXY" or "LOCAL",
    family = block.family, transport = block.transport
  }, length, block.size
end

local function parse_binary(header)
  local from, problem, size = parse_fixed(header)
  if not from then return nil, problem end
  read_addresses(from, header, FIXED + 1)
  if from.family == "unspec" then
    from.values = {}
    return from
  end
  return parse_values(header, FIXED + size + 1, from)
end

-- ---- Receiving ------------------------------------------------------------

local function begins(whole, part)
  return sub(whole, 1, #part) == part
end

-- The whole header's limit: so many seconds, whatever the client's own limits
-- are; without, its total one.  shorten() goes before each call.
local function limit_of(client, seconds)
  local block, total = client:gettimeout()
  local bound = seconds or total
  local finish = bound >= 0 and socket.monotime() + bound
  return {
    shorten = function()
      if seconds then client:settimeout(nil, "b") end
      if finish then
        client:settimeout(max(finish - socket.monotime(), 0), "t")
      elseif seconds then
        client:settimeout(nil, "t")
      end
    end,
    restore = function()
      if not (finish or seconds) then return end
      client:settimeout(block, "b")
      client:settimeout(total, "t")
    end
  }
end

-- Receives until the beginning tells the versions apart, so that a stranger
-- who sends something else and waits for an answer is found out at once.
local function receive_start(client, limit, partial)
  while #partial < #BINARY do
    if not begins(TEXT, sub(partial, 1, #TEXT)) and not begins(BINARY, partial) then
      return nil, FAILED .. "there is none", partial
    end
    limit.shorten()
    local piece, message, _, number = client:receiveany(#BINARY - #partial)
    if not piece then return nil, message, partial, number end
    partial = partial .. piece
  end
  return partial
end

local function receive_text(client, limit, partial)
  if find(partial, "\n", 1, true) then
    return nil, FAILED .. "two addresses and two ports expected", partial
  end
  limit.shorten()
  local line, message, rest, number = client:receive("*L", partial, TEXT_MAX)
  if line then
    local from, problem = parse_text(line)
    if not from then return nil, FAILED .. problem, line end
    return from
  end
  if message == "oversized" then message = FAILED .. "line too long" end
  return nil, message, rest, number
end

local function receive_count(client, limit, count, partial)
  if #partial >= count then return partial end
  limit.shorten()
  local data, message, rest, number = client:receive(count, partial)
  if not data then return nil, message, rest, number end
  return data
end

local function receive_binary(client, limit, partial)
  local header, message, rest, number =
    receive_count(client, limit, FIXED, partial)
  if not header then return nil, message, rest, number end
  local from, length = parse_fixed(header)
  if not from then return nil, FAILED .. length, header end
  header, message, rest, number =
    receive_count(client, limit, FIXED + length, header)
  if not header then return nil, message, rest, number end
  from, message = parse_binary(header)
  if not from then return nil, FAILED .. message, header end
  return from
end

local function receive_header(client, limit, partial)
  local start, message, rest, number = receive_start(client, limit, partial)
  if not start then return nil, message, rest, number end
  if begins(start, TEXT) then return receive_text(client, limit, start) end
  if begins(start, BINARY) then return receive_binary(client, limit, start) end
  return nil, FAILED .. "there is none", start
end

-- proxy.receive(client [, seconds [, partial]])
--
-- Receives the header at the start of a connection: a table that says who the
-- client is, or nil, message, and what has been received of the header so far.
-- After "timeout" give that as partial to the next call.  Nothing behind the
-- header is taken from the client.
--
-- The whole header has to come within so many seconds, whatever limits the
-- client has; without, within those.  They are as before when the call is over.
function proxy.receive(client, seconds, partial)
  if seconds ~= nil and type(seconds) ~= "number" then
    error("bad argument #2 to 'receive' (number expected, got " ..
          type(seconds) .. ")", 2)
  elseif seconds ~= seconds then
    error("bad argument #2 to 'receive' (seconds expected, got NaN)", 2)
  end
  local limit = limit_of(client, seconds)
  local from, message, rest, number =
    receive_header(client, limit, partial or "")
  limit.restore()
  if from then return from end
  return nil, message, rest, number
end

return proxy
