#!/bin/sh
# SPDX-License-Identifier: MIT
# Prosody: client connections over IPv4 and IPv6, with and without TLS, on each
# of its ways to wait.  Runs as an unprivileged user.
. "$srcdir/tests/interop/common.sh"
need prosody prosody
# the interpreter that Debian's prosody is run by
first=$(head -n 1 "$(command -v prosody)")
use "${first##*lua}" || skip "not configured for the Lua of prosody: $first"
has ssl lfs lxp || skip "no lua-sec, lua-filesystem or lua-expat for it"
certificate
trap '' PIPE # as in check-luasec.sh

ipv6=
"$lua" -e "assert(require 'socket'.bind('::1', 0))" 2>/dev/null && ipv6='"::1",'

# try BACKEND
try() {
  backend=$1
  directory=$work/$backend
  port=$(free_ports 1)
  port=${port% }
  mkdir "$directory"
  cat >"$directory/prosody.cfg.lua" <<END
daemonize = false
network_backend = "$backend"
pidfile = "$directory/prosody.pid"
data_path = "$directory"
certificates = "$work"
plugin_paths = {}
interfaces = { "127.0.0.1", $ipv6 }
c2s_ports = { $port }
s2s_ports = {}
http_ports = {}
https_ports = {}
component_ports = {}
modules_enabled = { "saslauth", "tls", "ping", "roster", "admin_socket" }
modules_disabled = { "s2s", "offline", "posix" }
admin_socket = "$directory/admin.sock"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
limits = {}
log = { { levels = { min = "info" }, to = "console" } }
ssl = { key = "$work/key.pem", certificate = "$work/cert.pem" }
VirtualHost "localhost"
END
  mkdir -p "$directory/localhost/accounts"
  echo 'return { ["password"] = "word" }' \
    >"$directory/localhost/accounts/user.dat"
  [ -z "$unprivileged" ] || chown -R 65534:65534 "$work"
  serve "$backend" $unprivileged env HOME="$directory" "$lua" \
    "$(command -v prosody)" --config "$directory/prosody.cfg.lua" -F
  process=$!
  until_true listening $port || fail "prosody with $backend does not answer"
  ours $process || fail "prosody with $backend is not on the installed module"
  run prosody.lua $port word "$work/cert.pem" || fail "prosody with $backend"
  kill -0 $process || fail "prosody with $backend has ended"
  grep -iE 'traceback|unhandled|top-level error' "$work/$backend.log" &&
    fail "prosody with $backend reported errors"
  kill $process
  wait $process 2>/dev/null
  echo "prosody $(dpkg-query -W -f '${Version}' prosody) with $backend: all well"
}

try epoll
try select
if has luaevent.core; then try event; else partly_skipped "no lua-event"; fi
exit 0
