#!/bin/sh
# SPDX-License-Identifier: MIT
# LuaRocks (luarocks), which loads down with LuaSocket's http where that is:
# installs a rock from a server of ours.
. "$srcdir/tests/interop/common.sh"
need luarocks luarocks
need python3 python3
for version in $any_lua; do use $version && break; done
[ -n "$lua" ] || skip "no Lua was configured"
port=$(free_ports 1)
port=${port% }

# a rock with a megabyte in it
mkdir "$work/home" "$work/rocks" "$work/rocks/hello-1.0"
"$lua" -e "package.path = package.path .. ';$here/?.lua'
  local case, lines = require 'case', { 'return [[' }
  for i = 1, 16 do lines[i + 1] = case.block(i):gsub('[^ -~]', '.') end
  lines[#lines + 1] = ']]\n'
  io.write(table.concat(lines, '\n'))" >"$work/rocks/hello-1.0/hello.lua" ||
  fail "no data"
(cd "$work/rocks" && tar czf hello-1.0.tar.gz hello-1.0) || fail "no archive"
cat >"$work/rocks/hello-1.0-1.rockspec" <<END
package = "hello"
version = "1.0-1"
source = { url = "http://127.0.0.1:$port/hello-1.0.tar.gz" }
build = { type = "builtin", modules = { hello = "hello.lua" } }
END
for version in 5.1 5.2 5.3 5.4; do
  cat >"$work/rocks/manifest-$version" <<END
commands = {}
modules = {}
repository = { hello = { ["1.0-1"] = { { arch = "rockspec" } } } }
END
done
# what it would take without a module
echo 'variables = { WGET = "false", CURL = "false" }' >"$work/config.lua"
serve http /usr/bin/python3 -m http.server --bind 127.0.0.1 \
  --directory "$work/rocks" $port
until_true listening $port || fail "the server does not answer"

# rocks ARGUMENT...: LuaRocks on the Lua in use, which loads the module first
rocks() {
  HOME=$work/home LUAROCKS_CONFIG=$work/config.lua timeout -k 5 120 "$lua" \
    -e 'assert(require "socket"._VERSION:find "^luatcp ")' \
    "$(command -v luarocks)" --lua-version "$version" \
    --tree "$work/tree-$version" --only-server "http://127.0.0.1:$port" "$@"
}

ran=0
for candidate in 5.1 5.2 5.3 5.4; do
  if ! use $candidate || ! has luarocks.loader socket.http; then
    partly_skipped "Lua $candidate was not configured, or has no LuaRocks"
    continue
  fi
  echo "== Lua $candidate: luarocks"
  rocks install hello || fail "install under Lua $candidate"
  cmp "$work/rocks/hello-1.0/hello.lua" \
    "$work/tree-$candidate/share/lua/$candidate/hello.lua" ||
    fail "what was installed under Lua $candidate differs"
  rocks install missing >"$work/missing.log" 2>&1 &&
    fail "a rock that is not there, under Lua $candidate"
  ran=$((ran + 1))
done
[ $ran -gt 0 ] || skip "no configured Lua has LuaRocks"
[ "$(grep -c 'hello-1.0.tar.gz HTTP/1.1" 200' "$work/http.log")" -eq $ran ] ||
  fail "the server was not asked $ran times"
exit 0
