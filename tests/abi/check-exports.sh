#!/bin/sh
# SPDX-License-Identifier: MIT
# The prototypes in luatcp.h, the list in luatcp.map and what libluatcp.so
# exports are the same; the modules export how Lua opens them, and no more; the
# static library has no global name outside of our two prefixes.
. "${srcdir:-.}/tests/abi/common.sh"

header=$srcdir/src/include/luatcp.h
mapped_functions | sort >"$work/map"
sort -u "$work/map" >"$work/map-once"
same "luatcp.map lists a function twice" "$work/map" "$work/map-once"

# prototypes: comments off, then LUATCP_API or LUATCP_CHECKED up to the bracket
sed -e 's,/\*[^*]*\*/,,g' -e '/\/\*/,/\*\//d' -e '/^#/d' "$header" |
  tr '\n' ' ' | tr ';' '\n' |
  sed -nE 's/^.*LUATCP_(API|CHECKED) [^(]*(luatcp_[a-z0-9_]+)\(.*$/\2/p' |
  sort >"$work/header"
[ -s "$work/header" ] || fail "no prototypes found in luatcp.h"
same "luatcp.h (<) and luatcp.map (>) differ" "$work/header" "$work/map"

exported() { # global names that a shared object defines, without versions
  $NM -D --defined-only "$1" | awk '$2 != "A" { print $3 }' |
    sed 's/@.*//' | sort
}

$NM --version >/dev/null 2>&1 || skip "no nm here"
if [ -e .libs/libluatcp.so ]; then
  $NM -D --defined-only .libs/libluatcp.so >/dev/null 2>&1 ||
    skip "$NM cannot read shared objects"
  exported .libs/libluatcp.so >"$work/library"
  same "libluatcp.so (<) and luatcp.map (>) differ" "$work/library" "$work/map"
fi

if [ -e .libs/libluatcp.a ]; then
  $NM -g --defined-only .libs/libluatcp.a 2>/dev/null |
    awk 'NF == 3 && $3 !~ /^luatcp_/ && $3 !~ /^__(asan|odr_asan|x86\.get_pc_thunk)/ { print $3 }' \
      >"$work/strangers"
  [ ! -s "$work/strangers" ] ||
    fail "libluatcp.a has global names of others: $(tr '\n' ' ' <"$work/strangers")"
fi

printf 'luaopen_luatcp_core\nluaopen_socket_core\n' >"$work/wanted"
for module in $(modules); do
  exported "$module" >"$work/module"
  same "$module exports (<) more or less than (>)" "$work/module" "$work/wanted"
done
finish
