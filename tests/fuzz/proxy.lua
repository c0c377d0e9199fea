-- SPDX-License-Identifier: MIT
--
-- proxy.lua: luatcp.proxy.  A header, right, wrong or none at all, arrives in
-- fragments, and after each the result is what a slow and obvious model says of
-- the bytes so far.  At the end not a byte of what is behind the header is lost.
local input = require "input"
local socket = require "socket"
local proxy = require "luatcp.proxy"
local claim = input.claim

local FIXED = "\r\n\r\n\0\r\nQUIT\n"

-- ---- The model: addresses ------------------------------------------------------

-- Text as a list of what is between the separators.
local function split(text, separator)
  local words, word = {}, ""
  for i = 1, #text do
    local c = text:sub(i, i)
    if c == separator then
      words[#words + 1], word = word, ""
    else
      word = word .. c
    end
  end
  words[#words + 1] = word
  return words
end

-- The number that is written so and in no other way.
local function decimal(text, most)
  local number = #text <= 5 and text:find("^[0-9]+$") and tonumber(text)
  return number and number <= most and ("%d"):format(number) == text and number or nil
end

local function ipv4(text)
  local words = split(text, ".")
  if #words ~= 4 then return nil end
  for i = 1, 4 do
    words[i] = decimal(words[i], 255)
    if not words[i] then return nil end
  end
  return words
end

-- All eight numbers, none left out.
local function whole_ipv6(text)
  local words = split(text, ":")
  if #words ~= 8 then return nil end
  for i, word in ipairs(words) do
    if #word < 1 or #word > 4 then return nil end
    local value = 0
    for j = 1, #word do
      local digit = ("0123456789abcdef"):find(word:sub(j, j):lower(), 1, true)
      if not digit then return nil end
      value = value * 16 + digit - 1
    end
    words[i] = value
  end
  return words
end

-- As many zeros as make it whole are put where they have been left out.
local function ipv6(text)
  local words = split(text, ":")
  local numbers = words[2] and ipv4(words[#words])
  if numbers then
    text = text:sub(1, #text - #words[#words]) .. ("%x:%x"):format(
      numbers[1] * 256 + numbers[2], numbers[3] * 256 + numbers[4])
  end
  local first, last = text:find("::", 1, true)
  if not first then return whole_ipv6(text) end
  local head, tail = text:sub(1, first - 1), text:sub(last + 1)
  for zeros = 1, 8 do
    local middle = ("0:"):rep(zeros):sub(1, -2)
    local found = whole_ipv6((head ~= "" and head .. ":" or "") .. middle ..
      (tail ~= "" and ":" .. tail or ""))
    if found then return found end
  end
  return nil
end

local function zeros_at(groups, first, count)
  for i = first, first + count - 1 do
    if groups[i] ~= 0 then return false end
  end
  return true
end

local function hex(groups, first, last)
  local text = ""
  for i = first, last do
    text = text .. (text ~= "" and ":" or "") .. ("%x"):format(groups[i])
  end
  return text
end

local function text_of(groups)
  local function quad()
    return ("%d.%d.%d.%d"):format(math.floor(groups[7] / 256), groups[7] % 256,
      math.floor(groups[8] / 256), groups[8] % 256)
  end
  for count = 8, 2, -1 do
    for first = 1, 9 - count do
      if zeros_at(groups, first, count) then
        if first == 1 and count == 6 then return "::" .. quad() end
        if first == 1 and count == 5 and groups[6] == 65535 then return "::ffff:" .. quad() end
        return hex(groups, 1, first - 1) .. "::" .. hex(groups, first + count, 8)
      end
    end
  end
  return hex(groups, 1, 8)
end

-- ---- The model: headers ------------------------------------------------------
--
-- Of the bytes so far: nil when more have to come; else what they say and how
-- many of them say it, or nil and what may be said to be wrong with them.

local function wrong(...)
  local problems = {}
  for i = 1, select("#", ...) do problems["PROXY header: " .. select(i, ...)] = true end
  return { problems = problems }
end

local function parse_line(line)
  local body = line:sub(7, -3)
  if line:sub(-2) ~= "\r\n" or body:find("[\r\n]") then return wrong "line without CR LF" end
  local words = split(body, " ")
  local first = split(words[1], "\t")[1]:match("^[^\v\f]*")
  if first == "UNKNOWN" then
    return { from = { version = 1, command = "PROXY", family = "unspec" } }
  end
  if first ~= "TCP4" and first ~= "TCP6" then return wrong "unknown protocol" end
  if #words ~= 5 then return wrong "two addresses and two ports expected" end
  for _, word in ipairs(words) do
    if word == "" or word:find("[\t\v\f]") then
      return wrong "two addresses and two ports expected"
    end
  end
  local from = { version = 1, command = "PROXY", transport = "stream",
    family = first == "TCP4" and "inet" or "inet6" }
  for i, name in ipairs { "source_address", "destination_address" } do
    local parse = first == "TCP4" and ipv4 or ipv6
    local numbers = parse(words[i + 1])
    if not numbers then return wrong "not an address" end
    from[name] = first == "TCP4" and words[i + 1] or text_of(numbers)
  end
  from.source_port, from.destination_port = decimal(words[4], 65535), decimal(words[5], 65535)
  if not from.source_port or not from.destination_port then return wrong "not a port" end
  return { from = from }
end

local function model_text(text, ended)
  if #text < #FIXED then return nil end
  local finish = text:find("\n", 1, true)
  if finish and finish <= #FIXED then return wrong "two addresses and two ports expected" end
  if finish and finish <= 107 then
    local verdict = parse_line(text:sub(1, finish))
    verdict.length = finish
    return verdict
  end
  if #text < 107 then return nil end
  local verdict = wrong "line too long"
  -- behind the last byte that there is room for, the end may be seen or not
  verdict.problems.closed = ended and #text == 107
  return verdict
end

local function number16(text, at)
  return text:byte(at) * 256 + text:byte(at + 1)
end

-- Bit by bit.
local function xor(a, b)
  local result, unit = 0, 1
  while a > 0 or b > 0 do
    if a % 2 ~= b % 2 then result = result + unit end
    a, b, unit = math.floor(a / 2), math.floor(b / 2), unit * 2
  end
  return result
end

local function crc32c(text)
  local sum = 4294967295
  for i = 1, #text do
    sum = xor(sum, text:byte(i))
    for _ = 1, 8 do
      local odd = sum % 2 == 1
      sum = math.floor(sum / 2)
      if odd then sum = xor(sum, 2197175160) end
    end
  end
  sum = 4294967295 - sum
  return string.char(math.floor(sum / 16777216), math.floor(sum / 65536) % 256,
    math.floor(sum / 256) % 256, sum % 256)
end

-- A list of { type, value, place of the value }, and whether that was all.
local function values_of(text, at)
  local list = {}
  while at <= #text do
    if at + 2 > #text then return list, false end
    local length = number16(text, at + 1)
    if at + 2 + length > #text then return list, false end
    list[#list + 1] = { type = text:byte(at), value = text:sub(at + 3, at + 2 + length),
      place = at + 3 }
    at = at + 3 + length
  end
  return list, true
end

local function tls_of(value)
  if #value < 5 then return nil end
  local list, whole = values_of(value, 6)
  if not whole then return nil end
  local bits = value:byte(1)
  local tls = { used = bits % 2 == 1, verified = value:sub(2, 5) == "\0\0\0\0",
    certificate = bits % 8 >= 2 }
  local names = { [0x21] = "version", [0x22] = "cn", [0x23] = "cipher",
    [0x24] = "signature_algorithm", [0x25] = "key_algorithm" }
  for _, entry in ipairs(list) do
    if names[entry.type] then tls[names[entry.type]] = entry.value end
  end
  return tls
end

local function with_values(header, at, from)
  local names = { [0x01] = "alpn", [0x02] = "authority", [0x05] = "unique_id", [0x30] = "netns" }
  local list, whole = values_of(header, at)
  local problems = {}
  from.values = list
  for _, entry in ipairs(list) do
    local value, place = entry.value, entry.place
    entry.place = nil
    if names[entry.type] then from[names[entry.type]] = value end
    if entry.type == 0x20 then
      from.tls = tls_of(value)
      if not from.tls then problems[#problems + 1] = "malformed TLS information" end
    elseif entry.type == 0x03 and (#value ~= 4 or value ~=
        crc32c(header:sub(1, place - 1) .. "\0\0\0\0" .. header:sub(place + 4))) then
      problems[#problems + 1] = "wrong checksum"
    end
  end
  if not whole then problems = { "malformed additional information" } end
  if #problems > 0 then return wrong((table.unpack or unpack)(problems)) end
  return { from = from }
end

-- A path is its first byte, and all until the next NUL.
local function path_of(text)
  local path = text:sub(1, 1)
  if path == "\0" and text:sub(2, 2) == "\0" then return path end
  local i = 2
  while i <= #text and text:byte(i) ~= 0 do
    path = path .. text:sub(i, i)
    i = i + 1
  end
  return path
end

local function ipv6_at(header, at)
  local groups = {}
  for i = 1, 8 do groups[i] = number16(header, at + 2 * i - 2) end
  return text_of(groups)
end

local sizes = { [0] = 0, 12, 36, 216 }
local families = { [0] = "unspec", "inet", "inet6", "unix" }
local transports = { "stream", "datagram" }

local function parse_addresses(header, from)
  if from.family == "inet" then
    from.source_address = ("%d.%d.%d.%d"):format(header:byte(17, 20))
    from.destination_address = ("%d.%d.%d.%d"):format(header:byte(21, 24))
    from.source_port, from.destination_port = number16(header, 25), number16(header, 27)
  elseif from.family == "inet6" then
    from.source_address, from.destination_address = ipv6_at(header, 17), ipv6_at(header, 33)
    from.source_port, from.destination_port = number16(header, 49), number16(header, 51)
  else
    from.source_address = path_of(header:sub(17, 124))
    from.destination_address = path_of(header:sub(125, 232))
  end
end

local function model_binary(text)
  if #text < 16 then return nil end
  local command, kind = text:byte(13, 14)
  if command < 0x20 or command > 0x2F then return wrong "unknown version" end
  if command > 0x21 then return wrong "unknown command" end
  local family, transport = math.floor(kind / 16), kind % 16
  local from = { version = 2, command = "LOCAL", family = "unspec", values = {} }
  local size = 0
  if command == 0x21 then
    from.command, from.family = "PROXY", families[family]
    from.transport = transports[transport]
    size = sizes[family]
    if kind ~= 0 and (family == 0 or not from.family or not from.transport) then
      return wrong "unknown family"
    end
  end
  local length = number16(text, 15)
  if length < size then return wrong "too short for its addresses" end
  if #text < 16 + length then return nil end
  local verdict = { from = from }
  if from.family ~= "unspec" then
    local header = text:sub(1, 16 + length)
    parse_addresses(header, from)
    verdict = with_values(header, 17 + size, from)
  end
  verdict.length = 16 + length
  return verdict
end

local function model(text, ended)
  if text:sub(1, 6) == ("PROXY "):sub(1, #text) then return model_text(text, ended) end
  if text:sub(1, 12) == FIXED:sub(1, #text) then
    return model_binary(text)
  end
  return wrong "there is none"
end

-- ---- Making headers ------------------------------------------------------------

local words = { "TCP4", "TCP6", "UNKNOWN", "192.0.2.1", "255.255.255.255", "0.0.0.0", "01.2.3.4",
  "256.1.1.1", "::1", "::", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1::8",
  "1:2:3:4:5:6:1.2.3.4", "0:0:1:0:0:0:0:1", "FFFF:ffff::", "1::2::3", "12345::", "443", "65535",
  "65536", "0", "00", "1", "\t", "" }
local endings = { "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r\r\n", "", "\r" }

local function some_text(bytes)
  local text = "PROXY "
  for i = 1, bytes:byte() % 8 do
    if i > 1 then text = text .. (bytes:chance(16) and bytes:bytes(1) or " ") end
    if bytes:chance(4) then
      text = text .. bytes:bytes(bytes:byte() % 40)
    else
      text = text .. bytes:pick(words)
    end
  end
  return text .. bytes:pick(endings)
end

local function with_length(value)
  return string.char(math.floor(#value / 256), #value % 256) .. value
end

local function some_values(bytes, kinds)
  local text = ""
  for _ = 1, bytes:byte() % 5 do
    local kind = bytes:pick(kinds)
    local value
    if kind == 0x03 then value = bytes:chance(4) and bytes:bytes(4) or "\0\0\0\0"
    elseif kind == 0x20 then
      value = bytes:bytes(5) .. some_values(bytes, { 0x21, 0x22, 0x23, 0x24, 0x25, 0x77 })
    else value = bytes:bytes(bytes:byte() % 16) end
    text = text .. string.char(kind) .. with_length(value)
  end
  if bytes:chance(8) then text = text .. bytes:bytes(bytes:byte() % 4) end
  return text
end

-- The first checksum in it is made right.
local function sign(header, at)
  for _, entry in ipairs((values_of(header, at))) do
    if entry.type == 0x03 and entry.value == "\0\0\0\0" then
      return header:sub(1, entry.place - 1) .. crc32c(header) .. header:sub(entry.place + 4)
    end
  end
  return header
end

local function some_binary(bytes)
  local family = bytes:byte() % 4
  local kind = family == 0 and 0 or family * 16 + 1 + bytes:byte() % 2
  local command = bytes:pick { 0x21, 0x21, 0x21, 0x20, 0x22, 0x11 }
  if bytes:chance(8) then kind = bytes:byte() end
  local addresses = bytes:bytes(bytes:byte() % 40):sub(1, sizes[family])
  local filler = bytes:pick { "\0", "x", "\255" }
  addresses = addresses .. filler:rep(sizes[family] - #addresses)
  local values = some_values(bytes, { 0x01, 0x02, 0x03, 0x04, 0x05, 0x20, 0x30, 0xEA })
  if bytes:chance(64) then
    values = values .. "\4" .. with_length(filler:rep(bytes:size() % 65536))
  end
  local rest = with_length((addresses .. values):sub(1, 65535))
  if bytes:chance(8) then rest = bytes:bytes(2) .. rest:sub(3) end
  return sign(FIXED .. string.char(command, kind) .. rest, 17 + sizes[family])
end

local function some_header(bytes)
  local kind = bytes:byte() % 8
  local header
  if kind < 3 then header = some_text(bytes)
  elseif kind < 6 then header = some_binary(bytes)
  elseif kind == 6 then header = bytes:pick { "PROXY ", FIXED, "PROXY TCP4 ", FIXED .. "\33\17" } ..
    bytes:bytes(bytes:byte())
  else header = bytes:bytes(bytes:byte()) end
  if bytes:chance(4) and header ~= "" then
    local place = bytes:byte() % #header + 1
    header = header:sub(1, place - 1) .. bytes:bytes(1) .. header:sub(place + 1)
  end
  return header
end

-- ---- One input -----------------------------------------------------------------

-- Three ways to say that a call shall not wait: limits of the client, and the
-- seconds of the call.
local hasty = {
  function(o) o:settimeout(0) o:settimeout(nil, "t") end,
  function(o) o:settimeout(60) o:settimeout(0, "t") end,
  function(o) o:settimeout(nil) o:settimeout(50, "t") return 0 end
}

local function same(got, want)
  if type(got) ~= "table" or type(want) ~= "table" then return got == want end
  for key, value in pairs(want) do
    if not same(got[key], value) then return false end
  end
  for key in pairs(got) do
    if want[key] == nil then return false end
  end
  return true
end

local function call(client, seconds, partial)
  local block, total = client:gettimeout()
  local from, message, rest, number = proxy.receive(client, seconds, partial)
  local now, now_total = client:gettimeout()
  claim(now == block and now_total == total, "limits", now, now_total, "before", block, total)
  claim(number == nil, "number", number)
  claim((from == nil) == (message ~= nil) and (message == nil) == (rest == nil), "shape",
    from, message, rest)
  return from, message, rest
end

-- What it makes of all that was sent; a loopback may need a moment for that.
local function receive_all_of(client, seconds, partial, text, ended)
  local from, message, rest = call(client, seconds, partial)
  for _ = 1, 1000 do
    if message ~= "timeout" or rest == text and not ended then break end
    claim(rest == text:sub(1, #rest), "partial", rest, "of", text)
    local ready = socket.select({ client }, nil, 5)
    claim(ready[client], "nothing comes behind", rest, "of", text)
    from, message, rest = call(client, seconds, rest)
  end
  return from, message, rest
end

-- Compares with the model; true when there is nothing more to wait for.
local function judge(verdict, text, ended, from, message, rest)
  if not verdict then
    claim(from == nil and message == (ended and "closed" or "timeout") and rest == text,
      "of", text, "received", from, message, rest)
    return ended
  elseif verdict.problems then
    claim(from == nil and verdict.problems[message], "of", text, "received", from, message,
      "want", next(verdict.problems))
    claim(rest == text:sub(1, #rest), "of", text, "rest", rest)
  else
    claim(from ~= nil, "of", text, "received", message, rest)
    claim(same(from, verdict.from), "of", text, "another table", from.family,
      from.source_address, from.destination_address)
  end
  return true
end

local function send_all(peer, data)
  if data ~= "" then claim(peer:send(data) == #data, "send") end
end

return function(data)
  local bytes = input.new(data)
  local client, peer = input.pair()
  local seconds = bytes:pick(hasty)(client)
  local whole = some_header(bytes) .. bytes:bytes(bytes:byte() % 64)
  local all_at_once, ended = bytes:chance(4), false
  local at, partial, verdict, from, rest = 0, nil, nil, nil, nil
  peer:settimeout(60)
  peer:setoption("tcp-nodelay", true)
  for _ = 1, 100 do
    local size = all_at_once and #whole or bytes:size() % 300 + 1
    if not bytes:more() then size = #whole end
    send_all(peer, whole:sub(at + 1, at + size))
    at = math.min(at + size, #whole)
    if at == #whole and bytes:chance(2) then
      claim(peer:shutdown("send") == 1, "shutdown")
      ended = true
    end
    local text = whole:sub(1, at)
    verdict = model(text, ended)
    local message
    from, message, rest = receive_all_of(client, seconds, partial, text, ended)
    if judge(verdict, text, ended, from, message, rest) or at == #whole then break end
    partial = rest
  end
  -- what was taken and what is left is all that was sent
  if not ended then
    send_all(peer, whole:sub(at + 1))
    peer:shutdown("send")
  end
  client:settimeout(60)
  client:settimeout(nil, "t")
  local left, _, part = client:receive("*a")
  left = left or part
  local taken = from and whole:sub(1, verdict.length) or rest
  claim(taken .. left == whole, "lost: of", whole, "taken", taken, "left", left)
  client:close()
  peer:close()
end
