# SPDX-License-Identifier: MIT
# common.sh: read by the cases here, which run in the top build directory, after
# make check-interop has installed the module into $STAGE (with DESTDIR).
#
# From the Makefile: STAGE; INSTALLED, a list of VERSION:CMODDIR:LMODDIR;
# INTERPRETERS, a list of VERSION:COMMAND; LIBDIR.

LC_ALL=C
export LC_ALL
name=$(basename "$0" .sh)
here=$srcdir/tests/interop

skip() {
  echo "$name: skipped: $*"
  exit 77
}

fail() {
  echo "$name: FAILED: $*"
  exit 1
}

# said where a part of the case is left out; the rest goes on
partly_skipped() {
  echo "partly skipped: $*"
}

[ -n "$STAGE" ] || skip "run by make check-interop only"

for version in '' _5_1 _5_2 _5_3 _5_4 _5_5; do
  unset "LUA_INIT$version" "LUA_PATH$version" "LUA_CPATH$version"
done

# ---- A directory, and what runs beside the case ---------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/luatcp-$name.XXXXXX") || exit 99
chmod 755 "$work"
servers=

finish() {
  status=$?
  trap - EXIT
  for pid in $servers; do kill "$pid" 2>/dev/null; done
  for pid in $servers; do wait "$pid" 2>/dev/null; done
  if [ $status -ne 0 ] && [ $status -ne 77 ]; then
    for file in "$work"/*.log; do
      [ -s "$file" ] || continue
      echo "---- the end of ${file##*/}"
      tail -n 40 "$file"
    done
  fi
  rm -rf "$work"
  exit $status
}
trap finish EXIT
trap 'exit 99' HUP INT TERM

# serve NAME COMMAND...: in the background until the case ends; says what it
# says in $work/NAME.log.  $! is its process.
serve() {
  label=$1
  shift
  "$@" >"$work/$label.log" 2>&1 </dev/null &
  servers="$servers $!"
}

# until_true COMMAND...: tries it for a minute.
until_true() {
  tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || return 1
    sleep 0.1
  done
}

need() { # PROGRAM PACKAGE
  PATH=$PATH:/usr/sbin command -v "$1" >/dev/null 2>&1 ||
    skip "no $1, which package $2 has"
}

# the user whom servers run as that must not be root's
if [ "$(id -u)" -eq 0 ]; then
  unprivileged="setpriv --reuid 65534 --regid 65534 --clear-groups"
else
  unprivileged=
fi
# and a copy of the module where its own place is closed to that user
if [ -n "$unprivileged" ] && ! $unprivileged test -x "$STAGE$LIBDIR"; then
  cp -RP "$STAGE" "$work/stage"
  STAGE=$work/stage
fi

# ---- Lua with the installed module in front --------------------------------------

# use VERSION: sets $lua, LUA_PATH and so on; fails if it was not configured.
use() {
  version=$1
  module=$version
  [ "$version" != jit ] || module=5.1
  lua=
  for item in $INTERPRETERS; do
    [ "${item%%:*}" != "$version" ] || lua=${item#*:}
  done
  [ -n "$lua" ] || return 1
  for item in $INSTALLED; do
    [ "${item%%:*}" = "$module" ] || continue
    rest=${item#*:}
    # what Lua looks through by itself comes behind
    LUA_PATH="$STAGE${rest#*:}/?.lua;;"
    LUA_CPATH="$STAGE${rest%%:*}/?.so;;"
    LD_LIBRARY_PATH=$STAGE$LIBDIR
    export LUA_PATH LUA_CPATH LD_LIBRARY_PATH
    return 0
  done
  return 1
}

# has MODULE...: whether the Lua in use can load them
has() {
  for module in "$@"; do
    "$lua" -e "require '$module'" >/dev/null 2>&1 || return 1
  done
}

# run SCRIPT ARGUMENT...: one of this folder, on the Lua in use
run() {
  script=$1
  shift
  LUA_PATH="$LUA_PATH;$here/?.lua" timeout -k 5 "${LUATCP_LIMIT:-120}" \
    "$lua" "$here/$script" "$@"
}

any_lua="5.1 5.2 5.3 5.4 jit"

# each VERSIONS MODULES SCRIPT ARGUMENT...: the script under each of the Luas
# that has the modules; a script that ends with 77 found nothing to do.  Skips
# when it ran under none.  VERSIONS are the Luas that Debian's packages are for;
# it is said when one of them is left out.
each() {
  versions=$1 modules=$2 ran=
  shift 2
  for candidate in $any_lua; do
    if ! use "$candidate"; then
      left_out "Lua $candidate was not configured"
      continue
    elif ! has $modules; then
      left_out "Lua $candidate has not all of: $modules"
      continue
    fi
    echo "== Lua $candidate: $1"
    run "$@"
    case $? in
    0) ran=yes ;;
    77) ;;
    *) fail "under Lua $candidate" ;;
    esac
  done
  [ -n "$ran" ] || skip "no configured Lua of $versions has $modules"
}

left_out() { # of the candidate in each
  case " $versions " in
  *" $candidate "*) partly_skipped "$*" ;;
  esac
}

# free_ports COUNT: ports that were free a moment ago, for servers that cannot
# be told to take any.  Below those that Linux gives to clients by itself, from
# 32768 on: a client of anybody could hold such a port when the server wants it.
free_ports() {
  "$lua" -e "
    local socket, held = require 'socket', {}
    math.randomseed(math.floor(socket.gettime() * 1000000) % 2147483648)
    for _ = 1, 1000 do
      if #held == $1 then break end
      local port = math.random(10000, 32000)
      local server = socket.bind('127.0.0.1', port)
      if server then
        held[#held + 1] = server
        io.write(port, ' ')
      end
    end
    assert(#held == $1, 'no free ports')"
}

# listening PORT [HOST]: whether somebody answers there
listening() {
  "$lua" -e "assert(require 'socket'.connect('${2:-127.0.0.1}', $1))"
}

# ours PROCESS: it has our module loaded, and LuaSocket's core not.
ours() {
  grep -qF "$STAGE" "/proc/$1/maps" || return 1
  ! grep '/socket/core' "/proc/$1/maps" | grep -qvF "$STAGE"
}

# certificate: $work/key.pem and $work/cert.pem, for localhost and its addresses
certificate() {
  need openssl openssl
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" \
    -out "$work/cert.pem" -days 2 -subj /CN=localhost \
    -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
    >"$work/openssl.log" 2>&1 || fail "no certificate"
  chmod 644 "$work/key.pem"
}
