#!/bin/sh
# SPDX-License-Identifier: MIT
# The HTTP client: each way to end a body, one connection as long as it lasts.
. "${srcdir:-.}/tests/examples/common.sh"

lines=$(wc -l <"$examples/http_client.lua")
[ "$lines" -le 60 ] || fail "http_client.lua has $lines lines, and promises 60"

get() { # STATUS PATH...: what it writes is in body and err
  expected=$1
  shift
  (run_lua "$examples/http_client.lua" 127.0.0.1 "$port" "$@") \
    >"$work/body" 2>"$work/err" </dev/null
  got=$?
  [ $got -eq "$expected" ] || fail "$*: status $got: $(cat "$work/err")"
}

body_is() {
  [ "$(cat "$work/body")" = "$1" ] || fail "got \"$(cat "$work/body")\", want \"$1\""
}

check() {
  start server "$srcdir/tests/examples/http_server.lua"
  get 0 /length /chunks /none /empty /continue /count
  body_is "lengthfirst, two, sixok1"
  kept=$(grep -c 'kept connection$' "$work/err")
  [ "$kept" -eq 5 ] || fail "the connection was kept $kept times: $(cat "$work/err")"
  get 0 /closing /length /until-closed /until-closed-empty /count
  body_is "byelengthall that comes5"
  # a kept connection that is gone when it is used again
  get 0 /forgetful /count
  body_is length7
  get 0 /large
  [ "$(wc -c <"$work/body")" -eq 200000 ] || fail "a large body was cut"
  get 1 /liar
  grep -q closed "$work/err" || fail "a short body was believed"
  get 1 /nonsense
  grep -q 'not HTTP/1.1' "$work/err" || fail "$(cat "$work/err")"
  get 1 /endless
  grep -q oversized "$work/err" || fail "$(cat "$work/err")"
}

run_test check
finish
