#!/bin/sh
# SPDX-License-Identifier: MIT
#
# world.sh COMMAND [ARGUMENT...]: runs a command in a network of its own, made
# of namespaces that vanish with it:
#
#   127.0.0.1, ::1     this host; a name server is expected on port 53
#   192.0.2.2          a host that refuses every connection
#   198.51.100.0/24    hosts that drop every packet
#   2001:db8:dead::/64 the same in IPv6
#
# with names for combinations of them (below) and the rest left to the name
# server.  Exits with 77 and a reason where namespaces can't be made.
# LUATCP_WORLD=no-ipv6 makes one without IPv6 at run time.

if [ -z "$LUATCP_WORLD_STAGE" ]; then
  for tool in unshare nsenter ip mount sysctl; do
    PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null || {
      echo "skipped: there is no $tool"
      exit 77
    }
  done
  user=
  [ "$(id -u)" = 0 ] || user=--map-root-user
  # shellcheck disable=SC2086
  unshare $user -n -m true 2>/dev/null || {
    echo "skipped: this system allows no network namespaces"
    exit 77
  }
  LUATCP_WORLD_STAGE=inside
  export LUATCP_WORLD_STAGE
  PATH=$PATH:/usr/sbin:/sbin
  # shellcheck disable=SC2086
  exec unshare $user -n -m "$0" "$@"
fi

set -e
fail() {
  echo "skipped: $1"
  exit 77
}
directory=$(mktemp -d)
holder=
cleanup() {
  [ -z "$holder" ] || kill "$holder" 2>/dev/null || true
  rm -rf "$directory" 2>/dev/null || true
}
trap cleanup EXIT

# A second namespace, alive as long as its process, is the rest of the world.
mkfifo "$directory/ready"
unshare -n sh -c 'echo >"$1"; exec sleep 600' sh "$directory/ready" &
holder=$!
read -r _ <"$directory/ready"
outside() { nsenter -t "$holder" -n "$@"; }

ip link set lo up || fail "the loopback interface can't be brought up"
ip link add world0 type veth peer name world1 2>/dev/null ||
  fail "the kernel has no veth interfaces"
ip link set world1 netns "$holder"
ip addr add 192.0.2.1/24 dev world0
ip link set world0 up
ip route add 198.51.100.0/24 via 192.0.2.2
outside ip link set lo up
outside ip addr add 192.0.2.2/24 dev world1
outside ip link set world1 up
outside sysctl -qw net.ipv4.ip_forward=1 2>/dev/null ||
  fail "the namespace's settings can't be changed"
outside ip route add blackhole 198.51.100.0/24
# the link is up when the kernel gets to it; packets sent before are lost
tries=0
until ip link show world0 | grep 'state UP' >/dev/null; do
  tries=$((tries + 1))
  [ $tries -lt 200 ] || fail "the veth interface does not come up"
  sleep 0.05
done
if [ "$LUATCP_WORLD" != no-ipv6 ]; then
  ip addr add 2001:db8:1::1/64 dev world0 nodad &&
    outside ip addr add 2001:db8:1::2/64 dev world1 nodad &&
    ip route add 2001:db8:dead::/64 via 2001:db8:1::2 &&
    outside sysctl -qw net.ipv6.conf.all.forwarding=1 &&
    outside ip route add blackhole 2001:db8:dead::/64 ||
    fail "this system has no IPv6"
fi
# the system's own limit for a connect: two repetitions, about 7 seconds
sysctl -qw net.ipv4.tcp_syn_retries=2
sysctl -qw net.ipv4.tcp_syn_linear_timeouts=0 2>/dev/null || true
if [ "$LUATCP_WORLD" = no-ipv6 ]; then
  sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.lo.disable_ipv6=1 \
    2>/dev/null || fail "this system has no IPv6 to switch off"
fi

# Files of /etc that decide about names, in a copy of it.
mkdir "$directory/etc"
cp -RP /etc/. "$directory/etc" 2>/dev/null || true
(
cd "$directory/etc"
rm -f hosts resolv.conf nsswitch.conf gai.conf
cat >hosts <<'HOSTS'
127.0.0.1 localhost
2001:db8:dead::10 dead-first.test
127.0.0.1 dead-first.test
198.51.100.10 dead-ipv4-first.test
127.0.0.1 dead-ipv4-first.test
127.0.0.1 live-first.test
198.51.100.210 live-first.test
192.0.2.2 refused-first.test
127.0.0.1 refused-first.test
198.51.100.11 all-dead.test
198.51.100.12 all-dead.test
198.51.100.13 all-dead.test
::1 dual.test
127.0.0.1 dual.test
HOSTS
printf 'nameserver 127.0.0.1\noptions timeout:4 attempts:2\n' >resolv.conf
printf 'hosts: files dns\nservices: files\nprotocols: files\n' >nsswitch.conf
# for glibc; other resolvers put this host before all other IPv4 addresses
cat >gai.conf <<'GAI'
precedence ::1/128 50
precedence ::/0 40
precedence ::ffff:198.51.100.0/121 20
precedence ::ffff:0:0/96 10
precedence ::ffff:198.51.100.128/121 5
GAI
)
mount --bind "$directory/etc" /etc || fail "/etc can't be replaced"

status=0
"$@" || status=$?
umount -l /etc
exit $status
