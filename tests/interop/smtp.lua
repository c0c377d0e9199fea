-- SPDX-License-Identifier: MIT
-- LuaSocket's smtp, ltn12 and mime, and lua-logging's appender by mail, to
-- aiosmtpd.  Arguments: its port, its maildir.
local case = require "case"
local smtp, ltn12, mime = require "socket.smtp", require "ltn12", require "mime"
local port, maildir = ...
local step, equal = case.step, case.equal
smtp.TIMEOUT = 100

-- The letters that have come since the last call, lines ended by LF.
local seen = {}
local function letters()
  local list = {}
  local names = assert(io.popen("ls '" .. maildir .. "/new'"))
  for name in names:lines() do
    if not seen[name] then
      seen[name] = true
      local file = assert(io.open(maildir .. "/new/" .. name, "rb"))
      list[#list + 1] = file:read("*a"):gsub("\r\n", "\n")
      file:close()
    end
  end
  names:close()
  return list
end

letters() -- those of the run before

step("a letter to two", function()
  assert(smtp.send { server = "127.0.0.1", port = port, from = "<from@example.test>",
    rcpt = { "<one@example.test>", "<two@example.test>" },
    source = smtp.message {
      headers = { subject = "greetings", to = "one@example.test" },
      body = "hello\r\n.a line with a dot\r\n..two\r\nthe end\r\n",
    } })
  local list = letters()
  equal(#list, 1, "letters")
  assert(list[1]:find("\nX%-RcptTo: one@example.test, two@example.test\n"), list[1])
  assert(list[1]:lower():find("subject: greetings\n"), list[1])
  assert(list[1]:find("\nhello\n.a line with a dot\n..two\nthe end\n", 1, true), list[1])
end)

step("parts, one of them a megabyte in base64", function()
  local data = {}
  for i = 1, 16 do data[i] = case.block(i) end
  data = table.concat(data)
  assert(smtp.send { server = "localhost", port = port, from = "<from@example.test>",
    rcpt = "<to@example.test>",
    source = smtp.message {
      headers = { subject = "parts" },
      body = {
        { body = mime.eol(0, "text first\n") },
        { headers = { ["content-type"] = "application/octet-stream",
            ["content-transfer-encoding"] = "BASE64" },
          body = ltn12.source.chain(ltn12.source.string(data),
            ltn12.filter.chain(mime.encode("base64"), mime.wrap())) },
      },
    } })
  local list = letters()
  equal(#list, 1, "letters")
  assert(list[1]:find("text first", 1, true), "first part")
  local coded = list[1]:match("\n([%w+/\n]+=*\n+)%-%-[^\n]*%-%-\n*$")
  assert(coded, "second part")
  coded = coded:gsub("\n", "")
  assert((mime.unb64(coded)) == data, "the data differ")
end)

step("a recipient that the server refuses", function()
  local good, err = smtp.send { server = "127.0.0.1", port = port, from = "<from@example.test>",
    rcpt = "", source = smtp.message { headers = {}, body = "lost" } }
  equal(good, nil, "send")
  assert(err:find("^5%d%d "), err)
  equal(#letters(), 0, "letters")
end)

local by_mail = case.optional("logging.email", "5.1 5.2")
if by_mail then
  step("lua-logging by mail", function()
    local logger = assert(by_mail { rcpt = "<admin@example.test>", from = "<log@example.test>",
      server = "127.0.0.1", port = port, headers = { subject = "[%level] happened" } })
    assert(logger:error("something is wrong"))
    local list = letters()
    equal(#list, 1, "letters")
    assert(list[1]:lower():find("subject: %[error%] happened"), list[1])
    assert(list[1]:find("something is wrong", 1, true), list[1])
  end)
end

case.done("socket.smtp" .. (by_mail and " and logging.email" or ""))
