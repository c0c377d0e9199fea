-- SPDX-License-Identifier: MIT
-- LuaSocket's http, url, ltn12 and mime, and LuaSec's https, against nginx.
-- Arguments: ports of nginx for http and https, the certificate.
local case = require "case"
local http, ltn12, url = require "socket.http", require "ltn12", require "socket.url"
local mime = require "mime"
local port, tls_port, certificate = ...
local step, equal = case.step, case.equal
local base = "http://127.0.0.1:" .. port
http.TIMEOUT = 100
-- each run of this script makes files of its own
local upload = base .. "/upload/" .. tostring({}):gsub("%W", "")

local function get(request)
  if type(request) == "string" then request = { url = request } end
  local parts = {}
  request.sink = ltn12.sink.table(parts)
  local good, code, headers, status = http.request(request)
  return good, code, table.concat(parts), headers, status
end

step("a page", function()
  local body, code, headers, status = http.request(base .. "/page.txt")
  equal(body, "hello from nginx\n", "body")
  equal(code, 200, "code")
  assert(headers.server:find("nginx"), "server")
  assert(status:find("^HTTP/1.1 200"), "status")
end)

step("the same by IPv6 and by name", function()
  equal((http.request("http://localhost:" .. port .. "/page.txt")), "hello from nginx\n", "name")
  local probe = require "socket".bind("::1", 0)
  if not probe then return case.partly_skipped("no IPv6 on loopback") end
  probe:close()
  -- the header: LuaSocket leaves the brackets out, which nginx refuses
  local _, _, body = get { url = "http://[::1]:" .. port .. "/page.txt",
    headers = { host = "[::1]" } }
  equal(body, "hello from nginx\n", "IPv6")
end)

step("ten megabytes", function()
  local good, code, body, headers = get(base .. "/large")
  equal(good, 1, "request")
  equal(code, 200, "code")
  equal(headers["content-length"], "10485760", "length")
  local parts = {}
  for i = 1, 160 do parts[i] = case.block(i) end
  assert(body == table.concat(parts), "what came differs")
end)

step("chunks", function()
  local good, code, body, headers = get(base .. "/chunked/page.txt")
  equal(good, 1, "request")
  equal(code, 200, "code")
  equal(headers["transfer-encoding"], "chunked", "encoding")
  equal(body, "HELLO from nginx\n", "body")
end)

step("PUT of two megabytes in blocks, and GET", function()
  local parts = {}
  for i = 1, 32 do parts[i] = case.block(i) end
  local data = table.concat(parts)
  local _, code = get { url = upload, method = "PUT",
    headers = { ["content-length"] = #data }, source = ltn12.source.string(data) }
  equal(code, 201, "code")
  local body
  body, code = http.request(upload)
  equal(code, 200, "code")
  assert(body == data, "what came back differs")
end)

step("PUT in chunks", function()
  local _, code = get { url = upload .. ".chunks", method = "PUT",
    source = ltn12.source.string("sent in chunks") }
  equal(code, 201, "code")
  equal((http.request(upload .. ".chunks")), "sent in chunks", "body")
end)

step("HEAD, a redirection, an error, a password", function()
  local _, code, body, headers = get { url = base .. "/page.txt", method = "HEAD" }
  equal(code, 200, "code")
  equal(body, "", "body")
  equal(headers["content-length"], "17", "length")
  body, code = http.request(base .. "/moved")
  equal(code, 200, "code")
  equal(body, "hello from nginx\n", "body")
  equal(select(2, get { url = base .. "/moved", redirect = false }), 302, "code")
  equal(select(2, http.request(base .. "/missing")), 404, "code")
  equal(select(2, http.request(base .. "/secret/page.txt")), 401, "code")
  local address = "http://user:word@127.0.0.1:" .. port .. "/secret/page.txt"
  equal((http.request(address)), "hello from nginx\n", "body")
end)

step("POST", function()
  local body, code = http.request(base .. "/echo", "a=1&b=2")
  equal(code, 200, "code")
  equal(body, "POST a=1&b=2", "body")
end)

step("through nginx as a proxy", function()
  local _, code, body = get { url = "http://example.test/page.txt", proxy = base }
  equal(code, 200, "code")
  equal(body, "hello from nginx\n", "body")
end)

step("nobody listens, and a name that does not exist", function()
  local probe = assert(require "socket".bind("127.0.0.1", 0))
  local _, dead = probe:getsockname()
  probe:close()
  equal(select(2, http.request("http://127.0.0.1:" .. dead .. "/")), "connection refused", "reason")
  assert(not http.request("http://no-such-name.invalid/"), "a name that does not exist")
end)

step("url, mime and filters", function()
  equal(url.absolute(base .. "/a/b", "../c"), base .. "/c", "url")
  equal((mime.b64("over luatcp")), "b3ZlciBsdWF0Y3A=", "base64")
  local parts = {}
  assert(ltn12.pump.all(
    ltn12.source.chain(ltn12.source.string("a line = with signs\n"), mime.encode("quoted-printable")),
    ltn12.sink.chain(mime.decode("quoted-printable"), (ltn12.sink.table(parts)))))
  equal(table.concat(parts):gsub("\r", ""), "a line = with signs\n", "quoted-printable")
end)

local https = case.optional("ssl.https")
if https then
  step("https", function()
    local parts = {}
    local good, code, headers = https.request { url = "https://127.0.0.1:" .. tls_port .. "/page.txt",
      sink = ltn12.sink.table(parts), verify = "peer", cafile = certificate, protocol = "any" }
    equal(good, 1, code)
    equal(code, 200, "code")
    equal(headers["content-length"], "17", "length")
    equal(table.concat(parts), "hello from nginx\n", "body")
    local body
    body, code = https.request("https://localhost:" .. tls_port .. "/large")
    equal(code, 200, "code")
    equal(#body, 10485760, "length")
    assert(body:sub(1, case.BLOCK) == case.block(1), "it differs")
  end)
end

case.done("socket.http")
