#!/bin/sh
# SPDX-License-Identifier: MIT
# libluatcp.so offers what the one of the last release did: abidiff compares the
# debugging information of this build with the baseline of its architecture.
# Sees what check-interface.sh can't: what the compiler made of it.
. "${srcdir:-.}/tests/abi/common.sh"

need abidiff
need readelf
library=.libs/libluatcp.so
[ -e "$library" ] || skip "no shared library in this build"
readelf -S "$library" | grep -q '\.debug_info' ||
  skip "the library has no debugging information (-g)"
case " $CFLAGS" in
*" -flto"* | *" -fsanitize"*)
  skip "these CFLAGS change what debugging information says"
  ;;
esac
soname=$(readelf -d "$library" | sed -n 's/^.*(SONAME).*\[\(.*\)\]$/\1/p')
machine=$(readelf -h "$library" | awk '/Class:/ { class = $2 }
  /Machine:/ { sub(/^.*: */, ""); print class, $0 }')
case $machine in
*ELF64*X86-64) cpu=x86_64 ;;
*) skip "no baseline for $machine" ;;
esac
baseline=$srcdir/tests/abi/$soname.$cpu.abi
if [ ! -e "$baseline" ]; then
  fail "no baseline for $soname: run \"make abi-baseline\", add $soname.$cpu.abi
  to tests/local.mk and remove the one of the old soname"
  finish
fi

differs() { # BASELINE
  ! abidiff --headers-dir2 "$srcdir/src/include" --drop-private-types \
    --no-added-syms --fail-no-debug-info "$1" "$library" >"$work/out" 2>&1
}

if differs "$baseline"; then
  fail "libluatcp.so is no longer what programs were built with:"
  sed 's/^/  /' "$work/out"
  advise
  finish
fi

# Does this notice anything?  Against baselines of another past:
sed 's/luatcp_host_name/luatcp_host_gone/g' "$baseline" >"$work/removed.abi"
differs "$work/removed.abi" || fail "not noticed: a function less"
sed "/<function-decl name='luatcp_listen'/,/<.function-decl>/ {
  /<parameter/p
}" "$baseline" >"$work/changed.abi"
differs "$work/changed.abi" || fail "not noticed: other parameters"
sed -e "/<function-decl name='luatcp_host_name'/,/<.function-decl>/d" \
  -e "/<elf-symbol name='luatcp_host_name'/d" "$baseline" >"$work/added.abi"
if differs "$work/added.abi"; then
  fail "a function that was only added is refused"
  sed 's/^/  /' "$work/out"
fi
finish
