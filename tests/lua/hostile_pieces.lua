-- SPDX-License-Identifier: MIT
-- Peers that send byte by byte, split CR LF over packets, or send NULs.
local t = require "harness"
local hostile = require "hostile_peer"

-- Without delay, each byte leaves in a packet of its own.
local byte_by_byte = [[
peer:setoption("tcp-nodelay", true)
local function trickle(data, pause)
  for i = 1, #data do
    if not peer:send(data, i, i) then return end
    socket.sleep(pause)
  end
end
]]

t.test("lines and counts byte by byte", function()
  local accepted = hostile.start(byte_by_byte ..
    [[trickle("one\r\ntwo\n12345rest\r\n\n", 0.003)]] .. hostile.stay)
  accepted:settimeout(20)
  t.equal(accepted:receive(), "one")
  t.equal(accepted:receive("*l"), "two")
  t.equal((accepted:receive(5)), "12345")
  t.equal(accepted:receive("*l", "the "), "the rest")
  t.equal(accepted:receive(), "")
end)

t.test("a total limit ends what never ends byte by byte", function()
  local accepted = hostile.start(byte_by_byte .. [[trickle(("x"):rep(100000), 0.005)]])
  for _, pattern in ipairs { "*l", 100000, "*a" } do
    accepted:settimeout(0.3, "t")
    t.takes(0.29, 20, function()
      local data, message, partial = accepted:receive(pattern)
      t.equal(data, nil)
      t.equal(message, "timeout")
      t.match(partial, "^x*$")
    end)
  end
end)

t.beyond("and so does a bound, without any limit of time", function()
  local accepted = hostile.start(byte_by_byte .. [[trickle(("x"):rep(100000), 0.001)]])
  for _, pattern in ipairs { "*l", "L", "*a" } do
    t.takes(0, 40, function()
      t.results({ nil, "oversized", ("x"):rep(20), n = 3 }, accepted:receive(pattern, "", 20))
    end)
  end
end)

-- Sends the pieces one after another, each read for before the next is sent.
local function receive_pieces(pieces, pattern)
  local client, peer = t.pair()
  t.works(peer:setoption("tcp-nodelay", true))
  client:settimeout(0)
  local partial, lines = "", {}
  for _, piece in ipairs(pieces) do
    t.works(peer:send(piece))
    t.wait_readable(client)
    while true do
      local line, message, rest = client:receive(pattern, partial)
      if not line then
        t.equal(message, "timeout")
        partial = rest
        break
      end
      partial = ""
      lines[#lines + 1] = line
    end
  end
  return lines, partial
end

t.test("CR and LF in different packets", function()
  local lines, partial = receive_pieces({ "one\r", "\ntwo\r", "\n", "\r", "\n", "thr\r" }, "*l")
  t.equal(table.concat(lines, "|"), "one|two|")
  t.equal(#lines, 3)
  t.equal(partial:gsub("\r", ""), "thr")
end)

t.beyond("CR and LF in different packets, untouched", function()
  local lines = receive_pieces({ "one\r", "\ntwo\r", "\n", "\r", "\n" }, "*L")
  t.equal(table.concat(lines, "|"), "one\r\n|two\r\n|\r\n")
end)

t.test("NULs are bytes like all others", function()
  local client, peer = t.pair()
  local data = "\0a\0\0b\0"
  t.works(peer:send(data .. "\r\n" .. data .. data .. "\n"))
  t.equal(client:receive(), data)
  t.equal((client:receive(#data)), data)
  t.equal(client:receive("*l", "\0"), "\0" .. data)
  t.works(peer:send(("\0"):rep(100000)))
  peer:close()
  t.equal((client:receive("*a")), ("\0"):rep(100000))
end)

t.test("nothing but CRs, nothing but LFs", function()
  local client, peer = t.pair()
  t.works(peer:send(("\r"):rep(50000) .. "x\n" .. ("\n"):rep(1000)))
  peer:close()
  t.equal(client:receive(), "x")
  for _ = 1, 1000 do t.equal(client:receive(), "") end
  t.fails("closed", client:receive())
end)

t.done()
