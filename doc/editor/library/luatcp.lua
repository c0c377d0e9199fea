-- SPDX-License-Identifier: MIT
---@meta luatcp

return require "socket"
