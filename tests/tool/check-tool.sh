#!/bin/sh
# SPDX-License-Identifier: MIT
# The program luatcp: against itself, over loopback.
. "${srcdir:-.}/tests/abi/common.sh"

[ -x src/tool/luatcp ] || skip "the program was not built (--enable-embedded-core)"

started=
trap 'kill $started 2>/dev/null; rm -rf "$work"' EXIT

# without exec a signal would reach the shell around it; descriptor 3 is this
# script's end of a FIFO, which nobody else must keep open
tool() {
  exec 3>&-
  if [ -n "$TEST_RUNNER" ]; then
    exec ./libtool --mode=execute $TEST_RUNNER src/tool/luatcp "$@"
  fi
  exec src/tool/luatcp "$@"
}

# run STATUS ARGUMENT...: with what it writes in out and err
run() {
  expected=$1
  shift
  (tool "$@") >"$work/out" 2>"$work/err" </dev/null
  got=$?
  [ $got -eq "$expected" ] ||
    fail "luatcp $*: status $got, want $expected: $(cat "$work/err")"
}

says() { # PATTERN FILE
  grep -q -- "$1" "$2" || {
    fail "no \"$1\" in:"
    sed 's/^/  /' "$2"
  }
}

# Waits for a condition, for at most 20 seconds.
eventually() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ $tries -lt 400 ] || return 1
    sleep 0.05
  done
}

# port_of FILE: of the server that says there where it listens
has_port() { grep -q '^luatcp: listening on .*:[0-9]' "$1" 2>/dev/null; }
port_of() {
  eventually has_port "$1" || fail "no server: $(cat "$1")"
  sed -n 's/^luatcp: listening on .*:\([0-9]*\)$/\1/p' "$1" | head -n 1
}

# what the last server said is not what the next one says
fresh() { rm -f "$work/server" "$work/err" "$work/screen"; }

ended() { # PID STATUS WHAT
  wait "$1"
  got=$?
  [ $got -eq "$2" ] || fail "$3: status $got, want $2"
}

# what is to be moved: no repetition that would hide a displaced piece
seq 1 1200000 >"$work/one" 2>/dev/null || awk 'BEGIN { for (i = 1; i <= 1200000; i++) print i }' >"$work/one"
awk 'BEGIN { for (i = 1; i <= 300000; i++) print i * 7 }' >"$work/two"

# ---- The command line --------------------------------------------------------

run 0 --help
says '^usage: luatcp connect' "$work/out"
says '--json' "$work/out"
run 0 --version
says '^luatcp [0-9]*\.[0-9]' "$work/out"
run 0 connect -h
for words in "" "dance" "connect" "connect localhost" "listen" "serve 0" \
  "listen 1 2 3" "connect -x 1 2" "connect --wait" "connect --wait soon 1 2" \
  "connect -w -1 1 2" "connect --json=yes 1 2" "listen -n many 0" \
  "listen -n 99999999999999999999999 0" "connect -w nan 1 2"; do
  # shellcheck disable=SC2086
  run 2 $words
  says '^usage:' "$work/err"
done

# ---- Failures and limits -----------------------------------------------------

run 1 connect 127.0.0.1 1
says 'connection refused' "$work/err"
run 1 connect 127.0.0.1 65536
says 'invalid port' "$work/err"
run 1 serve 0 "$work/nothing"
says 'nothing: No such file' "$work/err"
run 1 serve 0 "$work"
says 'Is a directory' "$work/err"
run 1 connect --json 127.0.0.1 1
says '^{"event":"error",.*"name":"ECONNREFUSED","message":"connection refused"}$' "$work/err"
run 3 listen --wait=0.05 127.0.0.1 0
says 'timeout' "$work/err"
run 3 listen -t0.05 -q 0
[ ! -s "$work/out" ] || fail "output out of nothing"

# an input that does not end and says nothing: the FIFO has a writer, this shell
mkfifo "$work/silent"
fresh
(tool listen -i 0.1 127.0.0.1 0) 2>"$work/server" >/dev/null <"$work/silent" &
server=$! started="$started $!"
exec 3>"$work/silent"
port=$(port_of "$work/server")
(tool connect 127.0.0.1 "$port") <"$work/silent" 2>/dev/null &
client=$! started="$started $!"
ended $server 3 "listen --idle"
says 'limit without a byte: timeout' "$work/server"
fresh
(tool listen 127.0.0.1 0) 2>"$work/server" >/dev/null <"$work/silent" &
server=$! started="$started $!"
port=$(port_of "$work/server")
(tool connect --total 0.1 127.0.0.1 "$port") <"$work/silent" 2>"$work/err"
ended_client=$?
[ $ended_client -eq 3 ] || fail "connect --total: status $ended_client, want 3"
exec 3>&-
ended $server 0 "listen, after its input has ended"
wait $client

# ---- Both directions at once, large, half-closed ------------------------------

fresh
(tool listen 127.0.0.1 0) <"$work/one" >"$work/received" 2>"$work/server" &
server=$! started="$started $!"
port=$(port_of "$work/server")
(tool connect 127.0.0.1 "$port") <"$work/two" >"$work/answer" 2>"$work/err" ||
  fail "connect: $(cat "$work/err")"
ended $server 0 listen
cmp "$work/one" "$work/answer" || fail "what the server sent has changed"
cmp "$work/two" "$work/received" || fail "what the client sent has changed"

# a pipe whose reader takes its time; the connection ends by the half-close alone
fresh
(tool listen 0) 2>"$work/server" </dev/null >"$work/received" &
server=$! started="$started $!"
port=$(port_of "$work/server")
cat "$work/one" | (tool connect localhost "$port") | (sleep 0.2; cat) >"$work/answer"
ended $server 0 listen
cmp "$work/one" "$work/received" || fail "bytes from a pipe were lost"
[ ! -s "$work/answer" ] || fail "an answer to nothing"

# who only receives
fresh
(tool listen 127.0.0.1 0) <"$work/one" 2>"$work/server" &
server=$! started="$started $!"
port=$(port_of "$work/server")
(tool connect -r 127.0.0.1 "$port") | (sleep 0.3; cat) >"$work/answer"
ended $server 0 listen
cmp "$work/one" "$work/answer" || fail "bytes for a slow reader were lost"

# one client after another
fresh
(tool listen -n 3 127.0.0.1 0) 2>"$work/server" </dev/null >"$work/received" &
server=$! started="$started $!"
port=$(port_of "$work/server")
for word in one two three; do
  echo $word | (tool connect 127.0.0.1 "$port") || fail "client $word"
done
ended $server 0 "listen -n 3"
[ "$(tr '\n' ' ' <"$work/received")" = "one two three " ] ||
  fail "three clients said $(cat "$work/received")"

# a peer that dies with unread bytes: not everything arrived, and that is said
mkfifo "$work/stuck"
(exec sleep 30) <"$work/stuck" &
started="$started $!"
fresh
(tool listen 127.0.0.1 0) 2>"$work/server" </dev/null >"$work/stuck" &
server=$! started="$started $!"
port=$(port_of "$work/server")
(tool connect -j -p 127.0.0.1 "$port") <"$work/one" >"$work/answer" 2>"$work/err" &
client=$! started="$started $!"
eventually grep -qs '"event":"progress"' "$work/err" || fail "no progress"
kill -9 $server
ended $client 1 "connect to a peer that died"
says '"event":"error"' "$work/err"
wait $server 2>/dev/null

# standard descriptors that are closed are nobody's socket
fresh
(tool listen 127.0.0.1 0) 2>"$work/server" <"$work/two" >"$work/received" &
server=$! started="$started $!"
port=$(port_of "$work/server")
(tool connect 127.0.0.1 "$port") <&- >&- 2>&-
[ $? -eq 0 ] || fail "connect without descriptors"
ended $server 0 listen
[ ! -s "$work/received" ] || fail "bytes out of nowhere"

# ---- Serving -------------------------------------------------------------------

fresh
(tool serve -n 6 0 "$work/one") 2>"$work/server" </dev/null &
server=$! started="$started $!"
port=$(port_of "$work/server")
hosts="127.0.0.1 ::1"
(tool connect -r -q ::1 "$port") >"$work/try" 2>/dev/null || hosts="127.0.0.1 127.0.0.1"
[ "$hosts" = "127.0.0.1 ::1" ] && rest="1 2" || rest="1 2 3"
clients=
for i in $rest; do
  for host in $hosts; do
    # a client that says something before it listens is a client, too
    echo "GET /" | (tool connect $host "$port") >"$work/copy.$i.$host" 2>>"$work/err" &
    clients="$clients $!"
  done
done
[ "$hosts" = "127.0.0.1 127.0.0.1" ] ||
  (tool connect -r 127.0.0.1 "$port") >"$work/copy.0"
for client in $clients; do wait "$client" || fail "a client of serve failed"; done
ended $server 0 "serve -n 6"
for copy in "$work"/copy.*; do
  cmp "$work/one" "$copy" || fail "serve: $copy has changed"
done

fresh
cat "$work/two" | (tool serve 127.0.0.1 0 -) 2>"$work/server" &
started="$started $!"
port=$(port_of "$work/server")
(tool connect -r 127.0.0.1 "$port") >"$work/answer"
cmp "$work/two" "$work/answer" || fail "serve from a pipe"
wait $!

# ---- Signals, JSON, terminals ----------------------------------------------------

fresh
(tool listen -j 127.0.0.1 0) 2>"$work/server" </dev/null >/dev/null &
server=$! started="$started $!"
eventually grep -qs '^{"event":"listening","address":"127.0.0.1","port":[0-9]*}$' \
  "$work/server" || fail "no JSON: $(cat "$work/server")"
port=$(sed -n 's/.*"port":\([0-9]*\)}$/\1/p' "$work/server")
mkfifo "$work/open"
(tool connect -j 127.0.0.1 "$port") <"$work/open" 2>"$work/err" &
client=$! started="$started $!"
exec 3>"$work/open"
echo hello >&3
eventually grep -qs '"connected"' "$work/err" || fail "not connected"
kill -TERM $client
ended $client 143 "connect after SIGTERM"
exec 3>&-
says '^{"event":"connected","address":"127.0.0.1","port":'"$port"',"local_address":"127.0.0.1",' "$work/err"
says '^{"event":"closed","sent":[0-9]*,"received":0,"seconds":[0-9.]*}$' "$work/err"
wait $server
says '^{"event":"closed","sent":0,"received":[0-9]*,"seconds":[0-9.]*}$' "$work/server"

fresh
(tool serve 127.0.0.1 0 "$work/two") 2>"$work/server" </dev/null &
server=$! started="$started $!"
port_of "$work/server" >"$work/port"
kill -TERM $server
ended $server 143 "serve after SIGTERM"

if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
  fresh
  (tool listen -w 20 -i 10 127.0.0.1 0) 2>"$work/server" </dev/null >/dev/null &
  server=$! started="$started $!"
  port=$(port_of "$work/server")
  runner=${TEST_RUNNER:+./libtool --mode=execute $TEST_RUNNER}
  # longer than it takes until progress is shown, by an input that waits
  script -qec "exec $runner src/tool/luatcp connect 127.0.0.1 $port <$work/open" /dev/null \
    >"$work/screen" 2>&1 </dev/null &
  client=$! started="$started $!"
  exec 3>"$work/open"
  cat "$work/two" >&3
  eventually grep -qs 'sent [1-9].*iB/s.*received 0 B.*0:0' "$work/screen" ||
    fail "no progress on a terminal: $(cat "$work/screen")"
  exec 3>&-
  wait $client || fail "connect on a terminal failed: $(cat "$work/screen")"
  wait $server
  says 'luatcp: connected to 127.0.0.1:' "$work/screen"
  says 'luatcp: sent 2.* MiB, received 0 B in ' "$work/screen"
else
  echo "note: no script(1) for a look at a terminal"
fi
finish
