#!/bin/sh
# SPDX-License-Identifier: MIT
# What the sources ask about is what configure finds out, no more and no less.
. "${srcdir:-.}/tests/abi/common.sh"

macros='(HAVE|ENABLE)_[A-Z0-9_]+'
cat "$srcdir"/src/*/*.[ch] | grep -E '^#[ ]*(if|elif|ifdef|ifndef)' |
  grep -oE "\\b$macros" | grep -v '^HAVE_CONFIG_H$' | sort -u >"$work/used"

# all that config.h may define
sed -n 's/^#undef \([A-Z0-9_]*\)$/\1/p' "$srcdir/config.h.in" |
  sort -u >"$work/known"
comm -23 "$work/used" "$work/known" >"$work/unknown"
[ ! -s "$work/unknown" ] ||
  fail "used, but never defined by configure: $(tr '\n' ' ' <"$work/unknown")"

# what configure.ac asks for by itself, not on behalf of autoconf or libtool
{
  sed -n 's/^ *AC_CHECK_FUNCS(\[\([^]]*\)\].*/\1/p' "$srcdir/configure.ac" |
    tr ' a-z' '\nA-Z' | sed 's/^/HAVE_/'
  sed -n 's/^ *AC_CHECK_HEADERS(\[\([^]]*\)\].*/\1/p' "$srcdir/configure.ac" |
    tr ' a-z./' '\nA-Z__' | sed 's/^/HAVE_/'
  sed -n 's/.*AC_DEFINE(\[\([A-Z0-9_]*\)\].*/\1/p' "$srcdir/configure.ac"
} | sort -u >"$work/asked"
comm -13 "$work/used" "$work/asked" >"$work/idle"
# whether lookups have threads is also a choice of files
grep -v '^ENABLE_THREADS$' "$work/idle" >"$work/useless"
[ ! -s "$work/useless" ] ||
  fail "asked for by configure, but never used: $(tr '\n' ' ' <"$work/useless")"
finish
