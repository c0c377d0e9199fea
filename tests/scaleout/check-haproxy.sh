#!/bin/sh
# SPDX-License-Identifier: MIT
# Three servers behind HAProxy, with doc/examples/haproxy/haproxy.cfg, each in a
# network namespace of its own, clients in another.  One server is killed under
# load: no request may be lost but those it was at work on.  The servers know
# the clients' address by the PROXY protocol, version 2 and version 1.

PATH=$PATH:/usr/sbin:/sbin
if [ -z "$LUATCP_SCALEOUT_STAGE" ]; then
  for tool in haproxy unshare nsenter ip; do
    command -v $tool >/dev/null || {
      echo "skipped: there is no $tool"
      exit 77
    }
  done
  user=
  [ "$(id -u)" = 0 ] || user=--map-root-user
  # shellcheck disable=SC2086
  unshare $user -n true 2>/dev/null || {
    echo "skipped: this system allows no network namespaces"
    exit 77
  }
  LUATCP_SCALEOUT_STAGE=inside
  export LUATCP_SCALEOUT_STAGE
  # shellcheck disable=SC2086
  exec unshare $user -n sh "$0" "$@"
fi

. "${srcdir:-.}/tests/examples/common.sh"

# ---- The network ---------------------------------------------------------------

# host NAME ADDRESS: a namespace that can talk to 192.0.2.1, this one; sets the
# variable NAME to the process that keeps it.
host() {
  mkfifo "$work/ready.$1"
  # shellcheck disable=SC2016
  unshare -n sh -c 'echo >"$1"; exec sleep 300' sh "$work/ready.$1" &
  keeper=$!
  keepers="$keepers $keeper"
  eval "$1=$keeper"
  read -r _ <"$work/ready.$1"
  ip link add "to-$1" type veth peer name uplink netns "$keeper" 2>/dev/null ||
    skip "the kernel has no veth interfaces"
  ip link set "to-$1" up
  ip route add "$2/32" dev "to-$1" src 192.0.2.1
  nsenter -t "$keeper" -n sh -c "ip link set lo up && ip link set uplink up &&
    ip addr add $2/32 dev uplink && ip route add 192.0.2.1/32 dev uplink src $2" ||
    skip "the namespace cannot be set up"
}

keepers=
trap 'stop_all; kill $keepers 2>/dev/null; rm -rf "$work"' EXIT
ip link set lo up || skip "the loopback interface can't be brought up"
ip addr add 192.0.2.1/32 dev lo
host one 192.0.2.11
host two 192.0.2.12
host three 192.0.2.13
host outside 192.0.2.99

# ---- The test ------------------------------------------------------------------

backend() { # NAME ADDRESS KEEPER
  limit="nsenter -t $3 -n"
  start "$1" "$examples/haproxy/backend.lua" "$2" 8080 "$1" 0.01
  eval "pid_$1=$pid"
}

# what a server has begun and not ended
in_flight() { # NAME
  awk '$1 == "begin" { open[$2]++ } $1 == "end" { open[$2]-- }
    END { for (path in open) if (open[path] > 0) print path }' "$work/$1" | sort
}

check() { # VERSION WHAT-THE-CONFIGURATION-SAYS
  # fewer connections than in the example: not every system allows so many
  sed -e "s/send-proxy-v2/$2/; s/maxconn 10000/maxconn 200/" \
    "$examples/haproxy/haproxy.cfg" >"$work/haproxy.cfg"
  backend one 192.0.2.11 "$one"
  backend two 192.0.2.12 "$two"
  backend three 192.0.2.13 "$three"
  haproxy -db -f "$work/haproxy.cfg" >"$work/haproxy" 2>&1 &
  balancer=$!
  started="$started $balancer"

  rm -f "$work/load"
  (limit="nsenter -t $outside -n timeout -k 5 60"
  run_lua "$srcdir/tests/scaleout/load.lua" 192.0.2.1 8080 24 3 192.0.2.99) >"$work/load" 2>&1 </dev/null &
  load=$!
  started="$started $load"
  eventually grep -qs '^half' "$work/load" || fail "no load: $(cat "$work/load" "$work/haproxy")"
  kill -9 "$pid_two"
  wait "$load" || fail "the clients: $(cat "$work/load")"
  wait "$pid_two" 2>/dev/null
  in_flight two >"$work/at-work"
  sed -n 's/^lost[[:space:]]*\([^[:space:]]*\)[[:space:]].*/\1/p' "$work/load" | sort >"$work/lost"
  comm -13 "$work/at-work" "$work/lost" >"$work/wrong"
  [ ! -s "$work/wrong" ] || {
    fail "requests were lost that were not at work on the server that stopped"
    grep ^lost "$work/load"
    cat "$work/haproxy"
  }
  echo "PROXY protocol version $1:"
  sed -n 's/^figures: /  /p' "$work/load"
  echo "  in flight on the server that was killed: $(wc -l <"$work/at-work")," \
    "of them lost: $(comm -12 "$work/at-work" "$work/lost" | wc -l)," \
    "other requests lost: $(wc -l <"$work/wrong")"
  for server in one two three; do
    grep -q "^begin" "$work/$server" || fail "server $server had nothing to do"
  done
  after=$(sed -n 's/.*after it \([0-9]*\)$/\1/p' "$work/load")
  [ "${after:-0}" -gt 0 ] || fail "nothing was answered after the stop"
  stop_all
}

version_two() { check 2 send-proxy-v2; }
version_one() { check 1 send-proxy; }
# one Lua for each: the module has tests of its own under all of them
all=$INTERPRETERS
INTERPRETERS=${all%% *}
run_test version_two
INTERPRETERS=${all##* }
run_test version_one
finish
