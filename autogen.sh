#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes configure and the files that go with it.  Fetches nothing.
set -e
cd "$(dirname "$0")"
for tool in autoconf automake libtoolize:glibtoolize pkgconf:pkg-config; do
  command -v "${tool%:*}" >/dev/null 2>&1 ||
    command -v "${tool#*:}" >/dev/null 2>&1 || missing="$missing ${tool%:*}"
done
if [ -n "$missing" ]; then
  echo "autogen.sh: missing:$missing" >&2
  echo "Debian, Ubuntu: apt-get install autoconf automake libtool pkgconf" >&2
  echo "Fedora: dnf install autoconf automake libtool pkgconf-pkg-config" >&2
  exit 1
fi
exec autoreconf -fi
