#!/bin/sh
# SPDX-License-Identifier: MIT
# The HTML of the manual says what its sources say, and its links lead somewhere.
# Compared is the text alone: releases of mandoc differ in the rest.
. "${srcdir:-.}/tests/abi/common.sh"

: "${MANDOC:=mandoc}"
command -v "$MANDOC" >/dev/null 2>&1 || skip "no mandoc here"
export MANDOC

text_of() {
  tr '\n' ' ' | sed -e 's/<[^>]*>/ /g' | tr -s ' ' '\n' | grep -v '^$'
}

version=$(sed -n 's/^#define LUATCP_VERSION "\(.*\)"$/\1/p' \
  "$srcdir/src/include/luatcp.h")
compared=0
for page in "$srcdir"/doc/man/luatcp*.[13] "$srcdir"/doc/man/luatcp*.3lua; do
  base=$(basename "$page")
  html=doc/html/$base.html
  [ -e "$html" ] || html=$srcdir/$html
  [ -e "$html" ] || continue # this build installs none of it
  compared=$((compared + 1))
  sh "$srcdir/doc/man/html.sh" "$page" "$version" >"$work/html" ||
    fail "$base could not be turned into HTML"
  text_of <"$html" >"$work/a"
  text_of <"$work/html" >"$work/b"
  [ "$(wc -l <"$work/a")" -gt 100 ] || fail "$html has no text"
  same "$html (<) is not what its source makes (>)" "$work/a" "$work/b"

  # links to other pages, and within the page
  tr '\n' ' ' <"$work/html" | grep -oE 'href="[^"]*"' |
    sed 's/^href="\(.*\)"$/\1/' | sort -u >"$work/links"
  while read -r link; do
    case $link in
    '#'*) grep -qF "id=\"${link#?}\"" "$work/html" ||
      fail "$base: nothing has the name $link" ;;
    manual.css) ;;
    *) [ -e "$srcdir/doc/man/${link%.html}" ] || fail "$base: no page $link" ;;
    esac
  done <"$work/links"
done
[ $compared -gt 0 ] || skip "no HTML was made"
echo "$name: $compared pages"
finish
