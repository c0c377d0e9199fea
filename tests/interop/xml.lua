-- SPDX-License-Identifier: MIT
-- lua-xmlrpc and lua-soap, and lua-logging's appender by socket.  Argument:
-- port of xml_server.py.
local case = require "case"
local port = ...
local step, equal = case.step, case.equal
local found = {}
require "socket"

local xmlrpc = case.optional("xmlrpc.http", "5.1")
if xmlrpc then
  found[#found + 1] = "xmlrpc"
  step("xmlrpc", function()
    local address = "http://127.0.0.1:" .. port .. "/RPC2"
    local good, result = xmlrpc.call(address, "pow", 2, 10)
    equal(good, true, "call")
    equal(result, 1024, "result")
    local text = ("a long text "):rep(20000)
    good, result = xmlrpc.call(address, "echo", text)
    equal(good, true, "call")
    assert(result == text, "what came back differs")
    good, result = xmlrpc.call(address, "missing")
    equal(good, false, "call of what is not there")
    assert(tostring(result):find("missing"), result)
  end)
end

local soap = case.optional("soap.client", "5.1")
if soap then
  found[#found + 1] = "soap"
  step("soap", function()
    local _, method, result = soap.call {
      url = "http://127.0.0.1:" .. port .. "/soap", soapaction = "urn:test#greet",
      method = "greet", namespace = "urn:test",
      entries = { { tag = "name", "world" } },
    }
    equal(method, "greetResponse", "method")
    equal(result[1][1], "hello world", "result")
  end)
end

local by_socket = case.optional("logging.socket", "5.1 5.2")
if by_socket then
  found[#found + 1] = "logging.socket"
  step("logging.socket", function()
    local server = assert(require "socket".bind("127.0.0.1", 0))
    server:settimeout(100)
    local _, own = server:getsockname()
    local logger = by_socket("127.0.0.1", own, "%level %message\n")
    for i = 1, 10 do
      assert(logger:warn("message " .. i))
      local client = assert(server:accept())
      client:settimeout(100)
      equal(client:receive("*a"), "WARN message " .. i .. "\n", "message")
      client:close()
    end
    server:close()
    equal(select(2, logger:warn("lost")), "connection refused", "nobody there")
  end)
end

if #found == 0 then os.exit(77) end
case.done(table.concat(found, ", "))
