-- SPDX-License-Identifier: MIT
--
-- receive.lua: receive and receiveany with all patterns, prefixes and bounds,
-- against a model that is slow and obvious: a string of what is still to be
-- read, looked at byte by byte.
local input = require "input"
local socket = require "socket"
local claim = input.claim

-- ---- The model --------------------------------------------------------------
--
-- Each function returns the message (nil for success), the result, whole or
-- partial, and how many bytes of the stream it takes.

local function shortage(stream)
  return stream.ended and "closed" or "timeout"
end

local function model_line(stream, raw, prefix, maxsize)
  local pieces, length = { prefix }, #prefix
  for i = 1, #stream.text do
    local c = stream.text:sub(i, i)
    if c == "\n" and not raw then return nil, table.concat(pieces), i end
    if raw or c ~= "\r" then
      if length == maxsize then return "oversized", table.concat(pieces), i - 1 end
      pieces[#pieces + 1] = c
      length = length + 1
      if c == "\n" then return nil, table.concat(pieces), i end
    end
  end
  local message = shortage(stream)
  if message == "timeout" and length == maxsize then message = "oversized" end
  return message, table.concat(pieces), #stream.text
end

local function model_count(stream, count, prefix)
  local missing = count - #prefix
  if count == 0 and prefix == "" then
    return #stream.text == 0 and shortage(stream) or nil, "", 0
  elseif missing <= 0 then
    return nil, prefix, 0
  elseif #stream.text >= missing then
    return nil, prefix .. stream.text:sub(1, missing), missing
  end
  return shortage(stream), prefix .. stream.text, #stream.text
end

local function model_all(stream, prefix, maxsize)
  local room, length = maxsize - #prefix, #stream.text
  if length > room or length == room and not stream.ended then
    return "oversized", prefix .. stream.text:sub(1, room), room
  elseif not stream.ended or length == 0 then
    return shortage(stream), prefix .. stream.text, length
  end
  return nil, prefix .. stream.text, length
end

local function model(stream, pattern, prefix, maxsize)
  prefix, maxsize = prefix or "", maxsize or math.huge
  if type(pattern) == "number" then return model_count(stream, pattern, prefix) end
  local letter = (pattern or "*l"):gsub("%*", "")
  if letter == "a" then return model_all(stream, prefix, maxsize) end
  return model_line(stream, letter == "L", prefix, maxsize)
end

-- ---- One call ---------------------------------------------------------------

-- Limits for calls that have enough, and for those that have not.
local patient = {
  function(o) o:settimeout(nil) o:settimeout(nil, "t") end,
  function(o) o:settimeout(60) o:settimeout(-1, "t") end,
  function(o) o:settimeout(nil) o:settimeout(60, "t") end
}
local hasty = {
  function(o) o:settimeout(0) o:settimeout(nil, "t") end,
  function(o) o:settimeout(nil) o:settimeout(0, "t") end,
  function(o) o:settimeout(60) o:settimeout(0, "t") end
}

local function take(stream, count)
  stream.text = stream.text:sub(count + 1)
  stream.taken = stream.taken + count
end

-- A loopback may need a moment for what was sent: then the partial result is
-- the prefix to go on with, as in any program.
local function receive_all_of(client, want, pattern, prefix, maxsize)
  local data, message, part, number = client:receive(pattern, prefix, maxsize)
  for _ = 1, 1000 do
    if data or message ~= "timeout" or part == want then break end
    claim(part == want:sub(1, #part), "partial", part, "want", want)
    socket.select({ client }, nil, 5)
    if part == "" then part = prefix end
    data, message, part, number = client:receive(pattern, part, maxsize)
  end
  return data, message, part, number
end

local patterns = { "*l", "l", "*L", "L", "*a", "a", 1, 5, "*l", 0 }

local function call_receive(bytes, client, stream)
  local pattern, prefix, maxsize = bytes:pick(patterns)
  if bytes:chance(4) then pattern = bytes:size() end
  if bytes:chance(3) then prefix = bytes:bytes(bytes:byte() % 8) end
  if bytes:chance(3) then maxsize = bytes:size() end
  if maxsize and (maxsize < 1 or #(prefix or "") >= maxsize or
      type(pattern) == "number" and pattern > maxsize) then
    local good, problem = pcall(client.receive, client, pattern, prefix, maxsize)
    claim(not good and problem:find("bad argument", 1, true), "no error for", pattern,
      prefix, maxsize, problem)
    return
  end
  local want_message, want, taken = model(stream, pattern, prefix, maxsize)
  bytes:pick((want_message == nil or want_message == "closed") and patient or hasty)(client)
  if pattern == "*a" or pattern == "a" or want_message == "oversized" then
    -- has enough, but for telling whether there is more
    local ready = socket.select({ client }, nil, stream.text ~= "" and 5 or 0)
    claim(stream.text == "" or ready[client], "not readable")
    if want_message == "oversized" then client:settimeout(60) client:settimeout(nil, "t") end
    if stream.text == "" or not stream.ended and want_message == "oversized" then
      client:settimeout(0.02, "t")
    end
  end
  local data, message, part, number =
    receive_all_of(client, want, pattern, prefix, maxsize)
  local got = data or part
  claim(message == want_message and got == want and number == nil,
    "receive", pattern, prefix, maxsize, "gave", data, message, part, number, "want",
    want_message, want)
  claim((data == nil) == (message ~= nil) and (part == nil) == (data ~= nil), "shape")
  take(stream, taken)
end

local function call_receiveany(bytes, client, stream)
  local most = bytes:size()
  if most == 0 then
    claim(not pcall(client.receiveany, client, most), "receiveany(0) is no error")
    return
  end
  bytes:pick((stream.text ~= "" or stream.ended) and patient or hasty)(client)
  local data, message, part = client:receiveany(most)
  if stream.text == "" then
    claim(data == nil and message == shortage(stream) and part == "", "receiveany",
      data, message, part)
  else
    claim(data and #data >= 1 and #data <= most and
      data == stream.text:sub(1, #data), "receiveany", most, data, message)
    take(stream, #data)
  end
end

local strange = { -1, 1.5, 0 / 0, 1 / 0, "*x", "", {}, true, "-1", print, "*ll", 2 ^ 60 }

-- Raises, and nothing is read: what follows would show it.
local function call_strange(bytes, client)
  local which, value = bytes:byte() % 3, bytes:pick(strange)
  local good
  if which == 0 then good = pcall(client.receive, client, value)
  elseif which == 1 and type(value) ~= "string" and type(value) ~= "number" then
    good = pcall(client.receive, client, "*l", value)
  else good = pcall(client.receive, client, "*l", "", value) end
  claim(not good or which == 1 and type(value) ~= "table" or value == 2 ^ 60 or
    value == "", "no error for", value, which)
end

local function peer_sends(bytes, peer, stream)
  if stream.ended then return end
  local text = bytes:text()
  local sent, _, last = peer:send(text)
  stream.text = stream.text .. text:sub(1, sent or last)
end

return function(data)
  local bytes = input.new(data)
  local client, peer = input.pair()
  local stream = { text = "", taken = 0, ended = false }
  peer:settimeout(0)
  local steps = 0
  while bytes:more() and steps < 100 do
    local what = bytes:byte() % 16
    steps = steps + 1
    if what < 6 then peer_sends(bytes, peer, stream)
    elseif what < 12 then call_receive(bytes, client, stream)
    elseif what == 12 then call_receiveany(bytes, client, stream)
    elseif what == 13 then call_strange(bytes, client)
    elseif what == 14 then client:getfd()
    elseif bytes:chance(3) and not stream.ended then
      claim(peer:shutdown("send") == 1, "shutdown")
      stream.ended = true
    end
    local received = client:getstats()
    claim(received == stream.taken, "received", received, "taken", stream.taken)
  end
  client:close()
  peer:close()
end
