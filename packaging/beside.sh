# SPDX-License-Identifier: MIT
# beside.sh: in a clean Debian system, as root, with the packages in /debs:
# luatcp's packages and lua-socket, together and instead of each other.
# Called by check-packages.

apt='apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0'
luas='lua5.1 lua5.2 lua5.3 lua5.4 luajit'

# each Lua runs the same line
every() { # SAYING LUA-CODE
  echo "$1"
  for lua in $luas; do
    "$lua" -e "$2" || { echo "FAILED under $lua: $1"; exit 1; }
  done
}

$apt update
$apt install $luas lua-socket >/dev/null
luasocket='local s = require "socket"; assert(s._VERSION:find("LuaSocket", 1, true)); require "socket.http"; require "ltn12"; require "mime"'
every "lua-socket alone" "$luasocket"

$apt install /debs/libluatcp0_*.deb /debs/lua-tcp_*.deb >/dev/null
dpkg-query -W lua-socket lua-tcp libluatcp0
every "lua-tcp beside it: each under its own name, both in one program" \
  "$luasocket; local t = require 'luatcp'; assert(t._VERSION:find('luatcp', 1, true)); assert(t ~= s)"
for lua in $luas; do $lua /debs/module.lua luatcp >/dev/null; done

echo "what lua-tcp-socket would change:"
apt-get -s install /debs/lua-tcp-socket_*.deb | grep -E '^(Inst|Remv)'
if dpkg -i /debs/lua-tcp-socket_*.deb >/dpkg.log 2>&1; then
  echo "FAILED: dpkg -i installed it over lua-socket"
  exit 1
fi
grep -i conflict /dpkg.log
every "dpkg -i alone refuses, lua-socket works on" "$luasocket"

$apt install /debs/lua-tcp-socket_*.deb >/dev/null
every "lua-tcp-socket instead of lua-socket" \
  'local s = require "socket"; assert(s._VERSION:find("luatcp", 1, true)); assert(require "socket.core"); assert(not pcall(require, "socket.http"))'
for lua in $luas; do $lua /debs/module.lua socket >/dev/null; done

echo "an upgrade of all packages that are installed"
for package in libluatcp0 lua-tcp lua-tcp-socket; do
  dpkg-deb -R /debs/${package}_*.deb /newer/$package
  sed -i "/^Version: /s/\$/+newer1/; s/(= [^)]*/&+newer1/" /newer/$package/DEBIAN/control
  dpkg-deb -b /newer/$package /newer/$package.deb >/dev/null
done
$apt install /newer/*.deb >/dev/null
dpkg-query -W lua-tcp-socket lua-tcp libluatcp0 | grep -c +newer1 | grep -x 3 >/dev/null
for lua in $luas; do $lua /debs/module.lua socket >/dev/null; done

$apt install lua-socket >/dev/null
every "back to lua-socket, which removes lua-tcp-socket; lua-tcp stays" \
  "$luasocket; assert(require 'luatcp' ~= s)"
if dpkg-query -W -f '${Status}' lua-tcp-socket 2>/dev/null | grep -q 'ok installed'; then
  echo "FAILED: lua-tcp-socket is still there"
  exit 1
fi

# apt does not know by name what no archive has
dpkg --purge lua-tcp-socket lua-tcp libluatcp0 >/dev/null 2>&1
every "luatcp purged: lua-socket works" "$luasocket"
dpkg --verify lua-socket
left=$(find /usr /etc /var/lib -name '*luatcp*' -o -name 'lua-tcp*')
[ -z "$left" ] || { echo "FAILED: left behind: $left"; exit 1; }
echo "nothing is left behind"
