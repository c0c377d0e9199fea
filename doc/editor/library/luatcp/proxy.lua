-- SPDX-License-Identifier: MIT
---@meta luatcp.proxy

---The PROXY protocol for servers behind a balancer.
---@class luatcp.proxy
local proxy = {}

---@class luatcp.proxy.tls
---@field used boolean
---@field certificate boolean the client has shown one
---@field verified boolean
---@field version? string
---@field cn? string
---@field cipher? string
---@field signature_algorithm? string
---@field key_algorithm? string

---@class luatcp.proxy.value
---@field type integer
---@field value string

---Who the client is, as the balancer says.
---@class luatcp.proxy.from
---@field version 1|2
---@field command "PROXY"|"LOCAL"
---@field family "inet"|"inet6"|"unix"|"unspec"
---@field transport? "stream"|"datagram"
---@field source_address? string
---@field source_port? integer
---@field destination_address? string
---@field destination_port? integer
---@field values? luatcp.proxy.value[] of version 2
---@field alpn? string
---@field authority? string
---@field unique_id? string
---@field netns? string
---@field tls? luatcp.proxy.tls

---Receives the header at the start of a connection, and nothing behind it.
---@param client luatcp.object
---@param seconds? number for the whole header, whatever limits the client has
---@param partial? string what an earlier call had received
---@return luatcp.proxy.from? from
---@return luatcp.message? problem
---@return string? partial
---@return integer? number
function proxy.receive(client, seconds, partial) end

return proxy
