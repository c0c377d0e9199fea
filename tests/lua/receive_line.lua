-- SPDX-License-Identifier: MIT
-- receive "*l": the default pattern.
local t = require "harness"
local socket = t.socket

t.each_family("a line without its end", function(family)
  local client, accepted = t.pair(family)
  t.works(client:send("hello\n"))
  t.equal((accepted:receive("*l")), "hello")
  t.works(client:send("hello again\r\n"))
  t.equal((accepted:receive("*l")), "hello again")
end)

t.test("it is the default, also for nil", function()
  local client, accepted = t.pair()
  t.works(client:send("a\nb\nc\n"))
  t.equal((accepted:receive()), "a")
  t.equal((accepted:receive(nil)), "b")
  t.equal((accepted:receive(nil, "p")), "pc")
end)

t.test("success has no second value that means anything", function()
  local client, accepted = t.pair()
  t.works(client:send("a\n"))
  local line, err = accepted:receive()
  t.equal(line, "a")
  t.equal(err, nil)
end)

t.test("empty lines", function()
  local client, accepted = t.pair()
  t.works(client:send("\n\r\n\n"))
  for _ = 1, 3 do t.equal((accepted:receive()), "") end
  t.equal(accepted:dirty(), false)
end)

t.test("every CR is dropped, wherever it is", function()
  local client, accepted = t.pair()
  t.works(client:send("\ra\r\rb\rc\r\r\n\r\r\r\n\rlast\n"))
  t.equal((accepted:receive()), "abc")
  t.equal((accepted:receive()), "")
  t.equal((accepted:receive()), "last")
end)

t.test("NUL and every other byte is kept", function()
  local all = {}
  for code = 0, 255 do
    if code ~= 10 and code ~= 13 then all[#all + 1] = string.char(code) end
  end
  all = table.concat(all)
  local client, accepted = t.pair()
  t.works(client:send(all .. "\n"))
  t.equal((accepted:receive()), all)
end)

t.test("a line in pieces, CR and LF in different ones", function()
  local client, accepted = t.pair()
  accepted:settimeout(0)
  local got, part, err = nil, "", nil
  for piece in ("h|el|lo\r|\n"):gmatch("[^|]+") do
    t.works(client:send(piece))
    t.wait_readable(accepted)
    got, err, part = accepted:receive("*l", part)
    if not got then t.equal(err, "timeout") end
  end
  t.equal(got, "hello")
end)

t.test("a partial line comes as third result and is consumed", function()
  local client, accepted = t.pair()
  t.works(client:send("par"))
  accepted:settimeout(0)
  t.wait_readable(accepted)
  t.results({ nil, "timeout", "par", n = 3 }, accepted:receive())
  t.results({ nil, "timeout", "", n = 3 }, accepted:receive())
  t.works(client:send("tial\n"))
  t.wait_readable(accepted)
  t.equal((accepted:receive()), "tial")
end)

t.test("the prefix is put in front of whole and partial lines", function()
  local client, accepted = t.pair()
  accepted:settimeout(0)
  t.works(client:send("one\ntw"))
  t.wait_readable(accepted)
  t.equal((accepted:receive("*l", "pre-")), "pre-one")
  t.results({ nil, "timeout", "pre-tw", n = 3 }, accepted:receive("*l", "pre-"))
  t.results({ nil, "timeout", "again", n = 3 }, accepted:receive("*l", "again"))
end)

t.test("a number as prefix is its text", function()
  local client, accepted = t.pair()
  t.works(client:send("x\n"))
  t.equal((accepted:receive("*l", 12)), "12x")
end)

t.test("the end of the stream inside a line", function()
  local client, accepted = t.pair()
  t.works(client:send("whole\nno end"))
  client:close()
  t.equal((accepted:receive()), "whole")
  t.results({ nil, "closed", "no end", n = 3 }, accepted:receive())
  t.results({ nil, "closed", "", n = 3 }, accepted:receive())
  t.results({ nil, "closed", "p", n = 3 }, accepted:receive("*l", "p"))
end)

t.beyond("CR is dropped from a partial line too", function()
  local client, accepted = t.pair()
  t.works(client:send("a\rb\r"))
  client:close()
  t.results({ nil, "closed", "ab", n = 3 }, accepted:receive())
end)

t.test("many lines in one packet", function()
  local client, accepted = t.pair()
  local lines = {}
  for i = 1, 2000 do lines[i] = "line number " .. i end
  t.works(client:send(table.concat(lines, "\n") .. "\n"))
  for i = 1, 2000 do
    local line = accepted:receive()
    if line ~= lines[i] then t.equal(line, lines[i]) end
  end
  t.equal(accepted:dirty(), false)
end)

t.test("lengths around the sizes of buffers", function()
  local client, accepted = t.pair()
  for _, size in ipairs { 1, 2, 511, 512, 1023, 1024, 1025, 4095, 4096, 4097, 8190,
    8191, 8192, 8193, 16383, 16384, 16385, 32768, 65534, 65535, 65536, 65537 } do
    local line = ("0123456789abcdef"):rep(math.ceil(size / 16)):sub(1, size)
    t.works(client:send(line .. "\r\n"))
    local got = accepted:receive()
    t.equal(#(got or ""), size)
    t.truth(got == line, "content")
    t.equal(accepted:dirty(), false)
  end
end)

t.test("a line longer than any buffer", function()
  local client, accepted = t.pair()
  local line = {}
  for i = 1, 30000 do line[i] = "part " .. i .. (i % 7 == 0 and "\r" or "") end
  line = table.concat(line)
  client:settimeout(0)
  accepted:settimeout(0)
  local data, sent = line .. "\nrest", 0
  local got, err, part = nil, nil, ""
  for _ = 1, 10000 do
    if sent < #data then
      local last, _, reached = client:send(data, sent + 1)
      sent = last or reached
    end
    got, err, part = accepted:receive("*l", part)
    if got then break end
    t.equal(err, "timeout")
  end
  t.truth(got == line:gsub("\r", ""), "the line is whole")
  t.wait_readable(accepted)
  t.equal((accepted:receive(4)), "rest")
end)

t.beyond("the pattern without its star", function()
  local client, accepted = t.pair()
  t.works(client:send("a\r\nb\r\n"))
  t.equal((accepted:receive("l")), "a")
  t.equal((accepted:receive("*l")), "b")
end)

t.test("the long words that old programs write", function()
  local client, accepted = t.pair()
  t.works(client:send("a\r\nb\r\nrest"))
  t.equal((accepted:receive("*line")), "a")
  t.equal((accepted:receive("*l")), "b")
  client:close()
  t.equal((accepted:receive("*all")), "rest")
end)

t.beyond("L keeps the line as it is", function()
  local client, accepted = t.pair()
  t.works(client:send("a\rb\r\nc\n\nno end"))
  t.equal((accepted:receive("L")), "a\rb\r\n")
  t.equal((accepted:receive("*L")), "c\n")
  t.equal((accepted:receive("L")), "\n")
  client:close()
  t.results({ nil, "closed", "no end", n = 3 }, accepted:receive("L"))
end)

t.test("unknown patterns raise and read nothing", function()
  local client, accepted = t.pair()
  t.works(client:send("kept\n"))
  t.wait_readable(accepted)
  for _, bad in ipairs { "*x", "x", "", "*", {}, print } do
    t.raises("bad argument", accepted.receive, accepted, bad)
  end
  t.raises("bad argument", accepted.receive, accepted, "*l", {})
  t.equal((accepted:receive()), "kept")
end)

t.beyond("what only begins like a pattern raises too", function()
  local client, accepted = t.pair()
  t.works(client:send("kept\n"))
  for _, bad in ipairs { "*lxyz", "*lines", "line", "*l\0", "**l", true } do
    t.raises("bad argument", accepted.receive, accepted, bad)
  end
  t.equal((accepted:receive()), "kept")
end)

t.test("receive on what is no client raises", function()
  local client, _, server = t.pair("inet", true)
  local receive = client.receive
  t.raises("expected", receive, server)
  t.raises("expected", receive, socket.tcp())
end)

t.done()
