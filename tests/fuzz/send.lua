-- SPDX-License-Identifier: MIT
--
-- send.lua: send with all kinds of indices, against string.sub as its manual
-- describes it; and large sends that go on where they stopped.
local input = require "input"
local socket = require "socket"
local claim = input.claim

local strange = { 0, -0.0, 2 ^ 31, -2 ^ 31, 2 ^ 53, 2 ^ 53 + 2, -2 ^ 53, 2 ^ 63, -2 ^ 63,
  2 ^ 64, 1e308, 1 / 0, -1 / 0, "1", "-1", " 2 ", "0x3", 3.0 }
local wrong = { 0 / 0, 0.5, -1.5, "x", "", {}, true, print }

-- Where data:sub(i, j) begins and ends, for numbers of any size.
local function range(size, i, j)
  local first, last = tonumber(i) or 1, tonumber(j) or size
  if first < 0 then first = math.max(first + size + 1, 1) end
  if first == 0 then first = 1 end
  if last < 0 then last = last + size + 1 end
  return first, math.min(last, size)
end

local function index(bytes)
  local kind = bytes:byte() % 8
  if kind == 0 then return nil end
  if kind == 1 then return bytes:pick(strange) end
  if kind == 2 then return bytes:pick(wrong) end
  return bytes:byte() - 128
end

local function is_wrong(value)
  if value == nil then return false end
  for _, other in ipairs(wrong) do
    if value == other or value ~= value then return true end
  end
  return false
end

local function receive_exactly(peer, want)
  if want == "" then return end
  local got, message = peer:receive(#want)
  claim(got == want, "arrived", got, message, "want", want)
end

local function small_send(bytes, client, peer, account)
  local data = bytes:bytes(bytes:byte() % 100)
  local i, j = index(bytes), index(bytes)
  if is_wrong(i) or is_wrong(j) then
    local good, problem = pcall(client.send, client, data, i, j)
    claim(not good and problem:find("bad argument", 1, true), "no error for", i, j, problem)
    return
  end
  local first, last = range(#data, i, j)
  local want = ""
  if first <= last then want = data:sub(first, last) end
  local sent, message = client:send(data, i, j)
  -- where nothing is sent, the index before the first; beyond 2^53 the length
  local expected = first <= last and last or first <= 2 ^ 53 and first - 1 or #data
  claim(sent == expected, "sent", sent, message, "of", #data, i, j, "want", expected)
  account.sent = account.sent + #want
  receive_exactly(peer, want)
end

-- More than buffers hold: what is left is sent from the index on that a
-- timeout has given.
local function large_send(bytes, client, peer, account)
  local period = bytes:bytes(3) .. "\1\2\3\4"
  local data = period:rep(30000)
  local pieces = {}
  local last, turns = 0, 0
  client:settimeout(0)
  peer:settimeout(0)
  while last < #data do
    local sent, message, partial = client:send(data, last + 1)
    claim(sent == #data or message == "timeout" and partial >= last, "large", sent, message,
      partial)
    last = sent or partial
    local piece = peer:receiveany(bytes:size() + 50000)
    while piece do
      pieces[#pieces + 1] = piece
      piece = peer:receiveany(bytes:size() + 50000)
    end
    turns = turns + 1
    claim(turns < 10000, "no end")
    if last < #data then socket.select(nil, { client }, 5) end
  end
  peer:settimeout(60)
  local length = 0
  for _, piece in ipairs(pieces) do length = length + #piece end
  if length < #data then pieces[#pieces + 1] = peer:receive(#data - length) end
  claim(table.concat(pieces) == data, "large: not what was sent")
  account.sent = account.sent + #data
  client:settimeout(60)
end

return function(data)
  local bytes = input.new(data)
  local client, peer = input.pair()
  local account = { sent = 0 }
  client:settimeout(60)
  peer:settimeout(60)
  claim(client:setoption("send-buffer-size", 4096) == 1, "setoption")
  local large = 0
  while bytes:more() do
    local what = bytes:byte()
    if what == 255 and large < 2 then
      large = large + 1
      large_send(bytes, client, peer, account)
    elseif what == 254 then client:getfd()
    else small_send(bytes, client, peer, account) end
    local _, sent = client:getstats()
    claim(sent == account.sent, "statistics", sent, account.sent)
  end
  client:close()
  peer:close()
end
