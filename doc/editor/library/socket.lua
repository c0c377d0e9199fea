-- SPDX-License-Identifier: MIT
---@meta socket

-- What lua-language-server has to know of the module; the reference is
-- luatcp(3lua).  For an editor, in .luarc.json:
--   { "workspace": { "library": ["DATADIR/luatcp/library"] } }

---A call that fails returns nil, a message, and the errno number where the
---system has failed.  Limits and times are in seconds; nil and negative numbers
---mean no limit.
---@class luatcp
---@field _VERSION string name and version
---@field _SETSIZE integer for old programs; it limits nothing
---@field _SOCKETINVALID integer -1, what getfd returns when there is none
---@field BLOCKSIZE integer bytes in a block of a source; may be set
---@field errno table<string, integer> errno numbers by name
---@field sourcet table<string, fun(object: luatcp.object, length?: integer): luatcp.stream>
---@field sinkt table<string, fun(object: luatcp.object): luatcp.stream>
local socket = {}

socket._VERSION = ""
socket._SETSIZE = 1024
socket._SOCKETINVALID = -1
socket.BLOCKSIZE = 2048
socket.errno = {}
socket.sourcet = {}
socket.sinkt = {}

---@alias luatcp.host string a numeric address, or a name
---@alias luatcp.port integer|string 0 to 65535, or the name of a service

---@alias luatcp.family
---| "inet"
---| "inet6"

---@alias luatcp.familychoice
---| "unspec" # both, the default
---| "inet"
---| "inet6"

---@alias luatcp.message string
---| "timeout" # your limit; with ETIMEDOUT the system has given up
---| "closed" # the peer ended the stream or, with a number, reset the connection

---@alias luatcp.boolean-option
---| "keepalive"
---| "reuseaddr"
---| "reuseport"
---| "tcp-nodelay"
---| "tcp-cork"
---| "tcp-quickack"
---| "tcp-fastopen-connect"
---| "ipv6-v6only"

---@alias luatcp.number-option
---| "tcp-keepidle" # seconds
---| "tcp-keepintvl" # seconds
---| "tcp-keepcnt" # probes
---| "tcp-user-timeout" # milliseconds
---| "tcp-defer-accept" # seconds
---| "tcp-fastopen" # connections
---| "recv-buffer-size" # bytes
---| "send-buffer-size" # bytes

---@class luatcp.linger
---@field on boolean
---@field timeout? integer seconds

---An LTN12 source or sink, which select waits for like for an object.
---@class luatcp.stream
---@field getfd fun(): integer
---@field dirty fun(): boolean
---@overload fun(chunk?: string, problem?: string): string|integer?, luatcp.message?

---Anything that select and pollers take.
---@class luatcp.waitable
---@field getfd fun(self): integer
---@field dirty? fun(self): boolean

-- ---- Functions ------------------------------------------------------------

---Does nothing; for old programs.
function socket.__unload() end

---A server that listens on the first address of a host that can be had, with
---reuseaddr on.
---@param host luatcp.host "*" is the IPv4 wildcard, "::" that of IPv6
---@param port luatcp.port 0: the system chooses
---@param backlog? integer how many connections may wait; 32
---@return luatcp.object? server
---@return luatcp.message? problem
---@return integer? number
function socket.bind(host, port, backlog) end

---A function that calls the entry whose name is its first argument.
---@param entries table<string, function>
---@return fun(name: any, ...): ...
function socket.choose(entries) end

---A client, connected to the first address of a host that answers.  For a limit
---use socket.tcp and its methods.
---@param host luatcp.host
---@param port luatcp.port
---@param localhost? luatcp.host
---@param localport? luatcp.port
---@param family? luatcp.familychoice
---@return luatcp.object? client
---@return luatcp.message? problem
---@return integer? number
function socket.connect(host, port, localhost, localport, family) end

---socket.connect over IPv4.
---@param host luatcp.host
---@param port luatcp.port
---@param localhost? luatcp.host
---@param localport? luatcp.port
---@return luatcp.object? client
---@return luatcp.message? problem
---@return integer? number
function socket.connect4(host, port, localhost, localport) end

---socket.connect over IPv6.
---@param host luatcp.host
---@param port luatcp.port
---@param localhost? luatcp.host
---@param localport? luatcp.port
---@return luatcp.object? client
---@return luatcp.message? problem
---@return integer? number
function socket.connect6(host, port, localhost, localport) end

---Adopts an open TCP descriptor, which is closed with the object from then on.
---@param descriptor integer
---@return luatcp.object? object
---@return luatcp.message? problem
---@return integer? number
function socket.fromfd(descriptor) end

---The time of day, in seconds since 1970.
---@return number seconds
function socket.gettime() end

---Seconds on a clock that only goes forward.
---@return number seconds
function socket.monotime() end

---A try that calls a finalizer before it raises.
---@param finalizer? fun()
---@return fun(...): ...
function socket.newtry(finalizer) end

---A set of objects to wait for again and again.
---@return luatcp.poller? poller
---@return luatcp.message? problem
---@return integer? number
function socket.poller() end

---A function that returns nil and the cause of what a try raises in the call.
---On Lua 5.1 coroutine.running() may be another coroutine in there.
---@param call fun(...): ...
---@return fun(...): ...
function socket.protect(call) end

---Waits until some of the objects are ready.  The results are lists, and maps
---from object to position.
---@param receivers luatcp.waitable[]? to be read from
---@param senders luatcp.waitable[]? to be written to
---@param seconds? number
---@return table readable
---@return table writable
---@return "timeout"? problem
function socket.select(receivers, senders, seconds) end

---An LTN12 sink that sends what it is given.
---@param kind "keep-open"|"close-when-done"
---@param object luatcp.object
---@return luatcp.stream
function socket.sink(kind, object) end

---The arguments behind the first count.
---@param count integer
---@param ... any
---@return any ...
function socket.skip(count, ...) end

---Sleeps; negative numbers return at once.
---@param seconds number
function socket.sleep(seconds) end

---An LTN12 source of what an object receives.
---@param kind "until-closed"|"by-length"
---@param object luatcp.object
---@param length? integer of "by-length"; math.huge will do
---@return luatcp.stream
function socket.source(kind, object, length) end

---The message of an errno number.
---@param number integer
---@return string message
function socket.strerror(number) end

---A master; bind or connect choose its family.
---@return luatcp.object? master
---@return luatcp.message? problem
---@return integer? number
function socket.tcp() end

---A master of IPv4 with a descriptor.
---@return luatcp.object? master
---@return luatcp.message? problem
---@return integer? number
function socket.tcp4() end

---A master of IPv6 with a descriptor, option ipv6-v6only on.
---@return luatcp.object? master
---@return luatcp.message? problem
---@return integer? number
function socket.tcp6() end

---Returns its arguments when the first is true, else raises the second for
---protect.
---@param ... any
---@return any ...
function socket.try(...) end

-- ---- Lookups --------------------------------------------------------------

---@class luatcp.dns
socket.dns = {}

---@class luatcp.address
---@field family luatcp.family
---@field addr string

---@class luatcp.hostentry
---@field name string the proper name
---@field alias string[] what was asked for, where that is another
---@field ip string[]

---The addresses of a host, in the resolver's order.
---@param host luatcp.host
---@param seconds? number
---@return luatcp.address[]? addresses
---@return luatcp.message? problem
---@return integer? number
function socket.dns.getaddrinfo(host, seconds) end

---The name of this machine.
---@return string? name
---@return luatcp.message? problem
---@return integer? number
function socket.dns.gethostname() end

---The names of all addresses of a host, and the name of a service.
---@param host luatcp.host? may be nil when there is a service
---@param service? luatcp.port
---@param seconds? number
---@return string[]? names
---@return string? service
function socket.dns.getnameinfo(host, service, seconds) end

---The name of an address.
---@param address luatcp.host
---@param seconds? number
---@return string? name
---@return luatcp.hostentry|luatcp.message entry
function socket.dns.tohostname(address, seconds) end

---The first IPv4 address of a host.
---@param host luatcp.host
---@param seconds? number
---@return string? address
---@return luatcp.hostentry|luatcp.message entry
function socket.dns.toip(host, seconds) end

-- ---- Objects --------------------------------------------------------------

---One socket: a master when it is made, a server after listen, a client after
---connect or from accept.
---@class luatcp.object: luatcp.waitable
---@field class "tcp{master}"|"tcp{client}"|"tcp{server}"
local object = {}

---Server: waits for a connection.
---@return luatcp.object? client
---@return luatcp.message? problem
---@return integer? number
function object:accept() end

---Master: binds to a local address.
---@param host luatcp.host "*" is the wildcard of the family
---@param port luatcp.port 0: the system chooses
---@return 1? ok
---@return luatcp.message? problem
---@return integer? number
function object:bind(host, port) end

---Closes the object, again and again if need be.  Where input was not read the
---connection is reset, and the end of the output may not arrive.
---@return 1 ok
function object:close() end

---Master or client: connects to the first address of a host that answers.  With
---limit 0, call it again with the same arguments to go on.
---@param host luatcp.host
---@param port luatcp.port
---@return 1? ok
---@return luatcp.message? problem
---@return integer? number
function object:connect(host, port) end

---Gives the descriptor away and leaves the object closed.
---@return integer? descriptor
---@return luatcp.message? problem
function object:detach() end

---Whether there is something in the read buffer.
---@return boolean
function object:dirty() end

---@return "inet4"|"inet6"|"unspec"
function object:getfamily() end

---The descriptor, non-blocking from then on; -1 when there is none.  While a
---connect is under way another file may take its place behind the number.
---@return integer descriptor
function object:getfd() end

---The value of an option.
---@param option luatcp.boolean-option|luatcp.number-option|"linger"|"bindtodevice"|"error"
---@return boolean|integer|string|luatcp.linger|nil value
---@return luatcp.message|integer? problem
---@return integer? number
---@overload fun(self, option: luatcp.boolean-option): boolean?, luatcp.message?, integer?
---@overload fun(self, option: luatcp.number-option): integer?, luatcp.message?, integer?
---@overload fun(self, option: "linger"): luatcp.linger?, luatcp.message?, integer?
---@overload fun(self, option: "bindtodevice"): string?, luatcp.message?, integer?
---@overload fun(self, option: "error"): string?, integer?
function object:getoption(option) end

---The remote end.
---@return string? address
---@return integer|luatcp.message port
---@return luatcp.family|integer? family
function object:getpeername() end

---The local end.
---@return string? address
---@return integer|luatcp.message port
---@return luatcp.family|integer? family
function object:getsockname() end

---Bytes received, bytes sent, age in seconds.
---@return integer received
---@return integer sent
---@return number age
function object:getstats() end

---Both limits in seconds, -1 for none.
---@return number block
---@return number total
function object:gettimeout() end

---Master: makes it a server.
---@param backlog? integer how many connections may wait; 32
---@return 1? ok
---@return luatcp.message? problem
---@return integer? number
function object:listen(backlog) end

---Client: reads a line, a count of bytes, or all.  Pass the partial result as
---prefix to go on.
---@param pattern? "*l"|"*L"|"*a"|integer
---@param prefix? string
---@param maxsize? integer bounds the result; more fails with "oversized"
---@return string? data
---@return luatcp.message? problem
---@return string? partial
---@return integer? number
function object:receive(pattern, prefix, maxsize) end

---Client: waits for at least one byte and gives what is there.
---@param max integer
---@return string? data
---@return luatcp.message? problem
---@return string? partial
---@return integer? number
function object:receiveany(max) end

---Client: sends data:sub(i, j).  On failure go on behind the last index.
---@param data string
---@param i? integer
---@param j? integer
---@return integer? last
---@return luatcp.message? problem
---@return integer? partial index of the last byte sent
---@return integer? number
function object:send(data, i, j) end

---Replaces the descriptor; the old one is not closed, what is buffered stays.
---@param descriptor integer
function object:setfd(descriptor) end

---Sets an option.
---@param option luatcp.boolean-option|luatcp.number-option|"linger"|"bindtodevice"
---@param value boolean|integer|string|luatcp.linger
---@return 1? ok
---@return luatcp.message? problem
---@return integer? number
---@overload fun(self, option: luatcp.boolean-option, value: boolean): 1?, luatcp.message?, integer?
---@overload fun(self, option: luatcp.number-option, value: integer): 1?, luatcp.message?, integer?
---@overload fun(self, option: "linger", value: luatcp.linger): 1?, luatcp.message?, integer?
---@overload fun(self, option: "bindtodevice", value: string): 1?, luatcp.message?, integer?
function object:setoption(option, value) end

---The same as connect.
---@param host luatcp.host
---@param port luatcp.port
---@return 1? ok
---@return luatcp.message? problem
---@return integer? number
function object:setpeername(host, port) end

---The same as bind.
---@param host luatcp.host
---@param port luatcp.port
---@return 1? ok
---@return luatcp.message? problem
---@return integer? number
function object:setsockname(host, port) end

---Sets what getstats gives; nil leaves a value as it is.
---@param received? integer
---@param sent? integer
---@param age? number seconds, up to 292 years
---@return 1? ok
---@return luatcp.message? problem
function object:setstats(received, sent, age) end

---Limits each wait ("b"), or the whole call ("t").  0 never waits.
---@param seconds number?
---@param mode? "b"|"t"|"block"|"total"
---@return 1 ok
function object:settimeout(seconds, mode) end

---Client: ends a direction, or both.
---@param mode? "both"|"send"|"receive"
---@return 1? ok
---@return luatcp.message? problem
---@return integer? number
function object:shutdown(mode) end

-- ---- Pollers --------------------------------------------------------------

---@alias luatcp.events
---| "r" # can be read
---| "w" # can be written
---| "rw"
---| "r1" # once, until modify
---| "w1"
---| "rw1"
---| ""

---@class luatcp.poller
local poller = {}

---Waits for an object from now on; value comes back with each report.
---@param object luatcp.waitable
---@param events luatcp.events
---@param value? any
---@return 1? ok
---@return luatcp.message? problem
---@return integer? number
function poller:add(object, events, value) end

---Closes the poller and leaves the objects alone.
---@return 1 ok
function poller:close() end

---Waits for other events; the value stays when none is given.
---@param object luatcp.waitable
---@param events luatcp.events
---@param value? any
---@return 1? ok
---@return luatcp.message? problem
---@return integer? number
function poller:modify(object, events, value) end

---Takes an object out.
---@param object luatcp.waitable
---@return 1? ok
---@return luatcp.message? problem
---@return integer? number
function poller:remove(object) end

---For a for loop: each object that is ready, its events, its value.
---@param seconds? number
---@param max? integer
---@return fun(poller: luatcp.poller): any, "r"|"w"|"rw", any
---@return luatcp.poller
function poller:wait(seconds, max) end

return socket
