#!/bin/sh
# SPDX-License-Identifier: MIT
# The links that make the module known as "socket", a name that is LuaSocket's
# too: a file there that is not our link is never touched.
#
# socket-name.sh check|install|uninstall TARGET LINK...

action=$1 target=$2
shift 2

# A link of ours, or nothing at all?
is_ours() { [ -h "$1" ] && [ "$(readlink "$1")" = "$target" ]; }
is_free() { ! [ -h "$1" ] && ! [ -e "$1" ]; }

refuse() {
  cat >&2 <<END
luatcp: $1 belongs to something else (LuaSocket?).
luatcp: It was not touched.  To install beside it, configure with
luatcp: --disable-socket-name: the module is then called "luatcp" only.
END
  exit 1
}

for link in "$@"; do
  case $action in
  check)
    is_ours "$link" || is_free "$link" || refuse "$link"
    ;;
  install)
    is_ours "$link" && continue
    is_free "$link" || refuse "$link"
    mkdir -p "$(dirname "$link")" && ln -s "$target" "$link" || exit 1
    ;;
  uninstall)
    is_ours "$link" || continue
    rm -f "$link" || exit 1
    # the directory, if nobody else is in it
    case $target in
    ../*) rmdir "$(dirname "$link")" 2>/dev/null ;;
    esac
    ;;
  esac
done
exit 0
