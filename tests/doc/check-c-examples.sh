#!/bin/sh
# SPDX-License-Identifier: MIT
# Compiles and links the examples in C of the manual pages, README and the
# guides, and runs those that are whole programs and take no arguments.
# doc/HACKING says how they are marked.
. "${srcdir:-.}/tests/abi/common.sh"

awk -v language=c -v out="$work" -f "$srcdir/tests/doc/extract.awk" \
  "$srcdir/README" "$srcdir"/doc/*.md "$srcdir"/doc/man/*.3 >"$work/list" ||
  fail "the examples could not be taken out"
[ -e libluatcp-core.la ] || [ -e libluatcp.la ] || skip "no library was built"
[ -s "$work/list" ] || fail "no examples found"

library=libluatcp.la
[ -e $library ] || library=libluatcp-core.la
flags="-I$srcdir/src/include -I$srcdir/tests/doc $CPPFLAGS $CFLAGS"
flags="$flags -Werror=implicit-function-declaration"

# a program, or functions, or statements
make_source() { # NUMBER FILE LINE
  if grep -qE '^int main\(|^#include' "$work/$1.c"; then
    echo "#line 1 \"$2\""
    cat "$work/$1.c"
  elif grep -qE '^[a-z].*\) \{$' "$work/$1.c" &&
    ! grep -qE '^(if|while|for|switch|do)\>' "$work/$1.c"; then
    printf '#include "prelude.h"\n#line 1 "%s"\n' "$2"
    cat "$work/$1.c"
  else
    printf '#include "prelude.h"\nint example(void);\nint example(void) {\n'
    echo "#line 1 \"$2\""
    cat "$work/$1.c"
    echo 'return 0; }'
  fi
}

link() { # NUMBER OBJECT...
  number=$1
  shift
  ./libtool --silent --mode=link --tag=CC $CC $CFLAGS $LDFLAGS -no-install \
    -o "$work/$number.program" "$@" $library >"$work/out" 2>&1
}

show() {
  sed 's/^/  /' "$work/out"
}

# what a fragment is linked with
cat >"$work/main.c" <<'END'
#include "prelude.h"
luatcp_socket *s, *server, *client;
luatcp_poller *poller;
luatcp_deadline limit;
int status;
char line[256], buffer[4096];
const char *data;
size_t length;
void handle(luatcp_socket *socket) { luatcp_free(socket); }
int main(void) { return 0; }
END
$CC $flags -c "$work/main.c" -o "$work/main.o" || {
  fail "what fragments are given does not compile"
  finish
}

compiled=0
ran=0
while read -r number how file first; do
  make_source "$number" "$file" >"$work/source.c"
  $CC $flags -c "$work/source.c" -o "$work/$number.o" >"$work/out" 2>&1 || {
    fail "the example of $file:$first does not compile"
    show
    continue
  }
  compiled=$((compiled + 1))
  if grep -q '^int main(' "$work/$number.c"; then
    objects=$work/$number.o
  else
    objects="$work/$number.o $work/main.o"
  fi
  link "$number" $objects || {
    fail "the example of $file:$first cannot be linked"
    show
    continue
  }
  [ "$how" = run ] && grep -q '^int main(void)' "$work/$number.c" || continue
  ./libtool --mode=execute $TEST_RUNNER "$work/$number.program" \
    </dev/null >"$work/out" 2>&1 || {
    fail "the example of $file:$first fails"
    show
  }
  ran=$((ran + 1))
done <"$work/list"
echo "$name: $compiled compiled and linked, $ran of them whole programs that ran"
finish
