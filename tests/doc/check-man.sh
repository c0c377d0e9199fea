#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual pages of C agree with luatcp.h: every exported function has a page
# with its prototype and a file that leads there, every error and every constant
# is named; references lead to pages that exist; mandoc has nothing to say.
. "${srcdir:-.}/tests/abi/common.sh"

pages=$srcdir/doc/man
header=$srcdir/src/include/luatcp.h

# ---- Prototypes ------------------------------------------------------------------

tidy() { # blanks only where two words meet
  sed -e 's/[[:space:]][[:space:]]*/ /g' -e 's/ *\([*(),;]\) */\1/g' \
    -e 's/^ //' -e 's/ $//'
}

sed -e 's,/\*[^*]*\*/,,g' -e '/\/\*/,/\*\//d' -e '/^#/d' "$header" |
  tr '\n' ' ' | tr ';' '\n' |
  sed -nE 's/^.*LUATCP_(API|CHECKED) (.*\))[[:space:]]*$/\2/p' | tidy |
  sort >"$work/header"
[ -s "$work/header" ] || fail "no prototypes found in luatcp.h"

awk '
  /^\.Sh / { inside = $2 == "SYNOPSIS" }
  !inside { next }
  /^\.Ft / { type = substr($0, 5) }
  /^\.Fo / { text = type " " $2 "("; comma = "" }
  /^\.Fa / {
    argument = substr($0, 5)
    gsub(/"/, "", argument)
    text = text comma argument
    comma = ","
  }
  /^\.Fc/ { print text ")" }' "$pages"/luatcp*.3 | tidy | sort >"$work/pages"
same "prototypes in luatcp.h (<) and in the manual (>) differ" \
  "$work/header" "$work/pages"

# ---- Names ------------------------------------------------------------------------

# of the pages: FILE NAME
(cd "$pages" && awk '
  FNR == 1 { inside = 0 }
  /^\.Sh / { inside = $2 == "NAME" }
  inside && /^\.Nm / { print FILENAME, $2 }' luatcp*.3) >"$work/names"

awk '$2 != "luatcp" { print $2 }' "$work/names" | sort >"$work/named"
mapped_functions | sort >"$work/map"
same "functions in luatcp.map (<) and named by pages (>) differ" \
  "$work/map" "$work/named"

# each one is called in an example
awk '/^\.Bd .*-literal/ { inside = 1 } /^\.Ed/ { inside = 0 } inside' \
  "$pages"/luatcp*.3 >"$work/examples"
for function in $(cat "$work/map"); do
  grep -q "$function(" "$work/examples" || fail "no example calls $function"
done

# a page of its own, or a file that leads to it, where the build has those
while read -r page function; do
  [ "$page" = "$function.3" ] && continue
  [ -e doc/aliases/luatcp_free.3 ] || break
  alias=doc/aliases/$function.3
  if [ ! -e $alias ]; then
    fail "$alias is missing: is it in doc/local.mk?"
  elif [ "$(cat $alias)" != ".so man3/$page" ]; then
    fail "$alias does not lead to $page"
  fi
done <"$work/names"

grep -oE '\bLUATCP_[A-Z0-9_]+' "$header" | sort -u |
  grep -vxE 'LUATCP_(H|API|CHECKED|ERRORS|ERROR_CONSTANT|ERROR_LAST|)' |
  grep -vE '_$' >"$work/constants"
for constant in $(cat "$work/constants"); do
  cat "$pages"/luatcp*.3 | grep -qE "(^|[^A-Z0-9_])$constant([^A-Z0-9_]|\$)" ||
    fail "$constant of luatcp.h is in no page"
done

# symbol, number and message of each error
sed -n '/^#define LUATCP_ERRORS/,/^$/p' "$header" | tr '\n' ' ' |
  awk '{ gsub(/X\(/, "\n"); print }' |
  sed -nE 's/^(LUATCP_[A-Z_]+), *(-[0-9]+),[ \\]*"([^"]*)".*/\1|\2|\3/p' \
    >"$work/errors"
[ "$(wc -l <"$work/errors")" -ge 18 ] || fail "the errors of luatcp.h were not found"
awk '/^\.It Dv LUATCP_/ { symbol = $3; number = $5; sub(/^\\/, "", number) }
  /^\.Qq .* \.$/ && symbol != "" {
    text = substr($0, 5)
    sub(/ \.$/, "", text)
    print symbol "|" number "|" text
    symbol = ""
  }' "$pages/luatcp_strerror.3" >"$work/listed"
sort "$work/errors" >"$work/a"
sort "$work/listed" >"$work/b"
same "errors in luatcp.h (<) and in luatcp_strerror(3) (>) differ" \
  "$work/a" "$work/b"

# ---- References --------------------------------------------------------------------

grep -hE '^\.(It )?Xr luatcp|Xr luatcp' "$pages"/luatcp*.[13] "$pages"/luatcp*.3lua |
  sed -E 's/^.*Xr (luatcp[a-z_]*) ([0-9][a-z]*).*$/\1.\2/' | sort -u >"$work/references"
[ -s "$work/references" ] || fail "no references found"
for reference in $(cat "$work/references"); do
  [ -e "$pages/$reference" ] ||
    grep -q " ${reference%.3}\$" "$work/names" ||
    fail "there is no $reference, which a page refers to"
done
# within the page of Lua
sed -n 's/^.*Sx \([^ ]*\).*$/\1/p' "$pages/luatcp.3lua" | sort -u |
  grep -F -e . -e : >"$work/sections"
for section in $(cat "$work/sections"); do
  grep -qxF ".Ss $section" "$pages/luatcp.3lua" ||
    fail "luatcp.3lua has no section $section"
done

# ---- Style ---------------------------------------------------------------------------
#
# Not ours to mend: 3lua is a section that mandoc does not know, and which other
# pages there are depends on the machine.

[ $failures -eq 0 ] || finish
: "${MANDOC:=mandoc}"
command -v "$MANDOC" >/dev/null 2>&1 ||
  skip "the pages agree with luatcp.h; no mandoc here to look at their style"
for page in "$pages"/luatcp*.[13] "$pages"/luatcp*.3lua; do
  "$MANDOC" -Tlint -Wstyle "$page" 2>/dev/null |
    grep -vE 'referenced manual not found|unknown manual section: Dt [.]* 3lua' \
      >"$work/style"
  [ ! -s "$work/style" ] || {
    fail "mandoc -Tlint is not silent about $(basename "$page")"
    sed 's/^/  /' "$work/style"
  }
done
finish
