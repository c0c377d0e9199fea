#!/bin/sh
# SPDX-License-Identifier: MIT
# The archive that make dist compresses, on standard output: the same bytes from
# the same files, whoever packs them, where and when.
#
# dist-tar.sh SRCDIR DIRECTORY
#
# All files get one date: SOURCE_DATE_EPOCH, or that of the commit, or in a
# release, where all files have one date already, that of NEWS.

srcdir=$1 directory=$2
LC_ALL=C
export LC_ALL

gnu_tar() {
  for tar in "${TAR:-tar}" gtar gnutar; do
    case $("$tar" --version 2>/dev/null) in
    *'GNU tar'*) return 0 ;;
    esac
  done
  return 1
}

if gnu_tar; then
  date=${SOURCE_DATE_EPOCH:-}
  if [ -z "$date" ] && [ -e "$srcdir/.git" ]; then
    date=$(git -C "$srcdir" log -1 --format=%ct 2>/dev/null)
  fi
  if [ -n "$date" ]; then
    date=@$date
  else
    # a name that begins with / or . stands for the date of a file
    date=$(cd "$srcdir" && pwd)/NEWS
  fi
  exec "$tar" --format=ustar --sort=name --mtime="$date" --owner=0 --group=0 \
    --numeric-owner --mode=u+rw,go=rX,a-s -chf - "$directory"
fi
echo "make dist: no GNU tar here: the archive will differ each time" >&2
exec "${TAR:-tar}" chof - "$directory"
