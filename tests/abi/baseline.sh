#!/bin/sh
# SPDX-License-Identifier: MIT
# make abi-baseline: writes down the binary interface of this build, for
# check-interface.sh and check-abi.sh to compare later builds with.  Run for a
# release that adds functions or changes the soname (doc/HACKING).
#
# From the Makefile: srcdir, CC, HOST_CPU.
. "${srcdir:-.}/tests/abi/common.sh"

header=$srcdir/src/include/luatcp.h
interface=$srcdir/tests/abi/interface.c

# the header without comments and directives, one declaration a line
declarations() {
  sed -e 's,/\*[^*]*\*/,,g' -e '/\/\*/,/\*\//d' -e '/^#.*\\$/,/[^\\]$/d' \
    -e '/^#/d' -e '/^extern "C"/d' "$header" | tr '\n' ' ' | tr -s ' ' |
    awk '{ # a line break after each ";" that is outside of braces
      depth = 0
      for (i = 1; i <= length($0); i++) {
        letter = substr($0, i, 1)
        if (letter == "{") depth++
        if (letter == "}") depth--
        printf "%s", letter
        if (letter == ";" && depth == 0) printf "\n"
      }
    }' | sed 's/^ *//'
}

# every constant that a program may have compiled into it
constants() {
  sed -e 's,/\*[^*]*\*/,,g' -e '/\/\*/,/\*\//d' "$header" |
    grep -oE '\bLUATCP_[A-Z0-9_]+\b' | sort -u |
    grep -vxE 'LUATCP_(H|VERSION.*|API|CHECKED|ERRORS|ERROR_CONSTANT)'
}

declarations >"$work/declarations"
{
  printf '#include <luatcp.h>\n#include <stdio.h>\nint main(void) {\n'
  constants | sed 's/.*/  printf("CONSTANT(%s, %ld)\\n", "&", (long)&);/'
  printf '  return 0;\n}\n'
} >"$work/constants.c"
$CC -I"$srcdir/src/include" "$work/constants.c" -o "$work/constants" ||
  exit 1

{
  cat <<'END'
/* SPDX-License-Identifier: MIT
 *
 * interface.c: what programs that were built against a release count on,
 * written by "make abi-baseline".  check-interface.sh compiles it with the
 * luatcp.h of today, for any machine: a line that is refused is something that
 * was changed or removed.
 */
/* clang-format off */
#include <luatcp.h>
#include <stddef.h>

#define CONSTANT(name, value) \
  _Static_assert((name) == (value), #name " has another value");
#define SIZE(type) \
  _Static_assert(sizeof(type) == sizeof(struct old_##type), \
                 #type " has another size");
/* of the same type, at the same place */
#define MEMBER(type, member) \
  _Static_assert(offsetof(type, member) == offsetof(struct old_##type, member), \
                 #type "." #member " has moved"); \
  static int type##_##member(const type *is, const struct old_##type *was) { \
    return &is->member == &was->member; \
  }

END
  "$work/constants"
  echo
  sed -nE 's/^typedef struct (luatcp_[a-z0-9_]+) (\{.*\}) .*;$/\1 \2/p' \
    "$work/declarations" | while read -r type members; do
    echo "struct old_$type $members;" | sed 's/[{;] */&\n/g' |
      sed -e 's/ *$//' -e '/^$/d' -e 's/^[a-z].*[^{]$/  &/'
    echo "SIZE($type)"
    echo "$members" | tr ';' '\n' |
      sed -nE "s/^.*[ *]([a-z0-9_]+)(\[[^]]*\])?$/MEMBER($type, \1)/p"
    echo
  done
  # a pointer to each function; before it, its node in luatcp.map
  awk '/^LUATCP_/ { node = $1 } /^ *luatcp_[a-z0-9_]*;/ {
    gsub(/[ ;]/, ""); print $0, node }' "$srcdir/src/libluatcp/luatcp.map" |
    sort >"$work/nodes"
  sed -nE 's/^LUATCP_(API|CHECKED) (.*[ *])(luatcp_[a-z0-9_]+)(\(.*\));$/\3|\2|\4/p' \
    "$work/declarations" | sort | while IFS='|' read -r function result parameters; do
    echo "/* $(grep "^$function " "$work/nodes") */"
    echo "static $result(*const old_$function)$parameters = $function;" |
      sed 's/[*] (/*(/' | fold -s -w 79 | sed '2,$s/^/    /; s/ *$//'
  done
} >"$work/interface.c"
mv "$work/interface.c" "$interface"
echo "written: $interface"

command -v abidw >/dev/null 2>&1 || {
  echo "not written: what abidiff compares with, as there is no abidw here"
  exit 0
}
[ -e .libs/libluatcp.so ] || exit 0
soname=$(readelf -d .libs/libluatcp.so |
  sed -n 's/^.*(SONAME).*\[\(.*\)\]$/\1/p')
file=$srcdir/tests/abi/$soname.$HOST_CPU.abi
abidw --headers-dir "$srcdir/src/include" --drop-private-types \
  --exported-interfaces-only --no-show-locs --no-corpus-path \
  --no-comp-dir-path --no-elf-needed --no-parameter-names \
  --type-id-style hash --out-file "$file" .libs/libluatcp.so &&
  echo "written: $file"
