# SPDX-License-Identifier: MIT
# extract.awk: takes the examples in one language out of the manual.
#
#   awk -v language=lua|c -v out=DIRECTORY -f extract.awk FILE...
#
# Writes DIRECTORY/N.lua or N.c, one for each example, and a line to stdout:
# N, "run" or "read" (it is not to be run), FILE, the line where it begins.
# Each file is padded, so that its line numbers are those of the document.
#
# What an example is:
#   *.md      a fenced block whose first word is the language
#   *.3       .Bd -literal ... .Ed, in C
#   *.3lua    the same, in Lua
#   others    a block that is indented by four blanks: in Lua when it has
#             require "..." or calls a method, in C when it calls a function
#             luatcp_...
# The line above may say (.\" in manual pages, <!-- --> in *.md):
#   not run: REASON     only compiled
#   continues           belongs to the example before it
#   text                no example at all (manual pages)

function name_of(number) { return out "/" number "." language }

function kind_of(file) {
  if (file ~ /\.md$/) return "md"
  if (file ~ /\.3$/) return "c"
  if (file ~ /\.3lua$/) return "lua"
  return "plain"
}

function add(text) { block = block text "\n"; lines++ }

function begin(line) { inside = 1; block = ""; lines = 0; first = line }

function finish(    target, i) {
  inside = 0
  if (lines == 0) return
  if (mark ~ /^continues/ && count > 0) {
    target = name_of(count)
    while (padded < first - 1) { print "" >>target; padded++ }
    printf "%s", block >>target
    padded += lines
    mark = ""
    return
  }
  count++
  target = name_of(count)
  printf "" >target
  for (i = 1; i < first; i++) print "" >>target
  printf "%s", block >>target
  padded = first - 1 + lines
  print count, (mark ~ /^not run/ ? "read" : "run"), FILENAME, first
  mark = ""
}

function language_of_plain(text) {
  if (text ~ /require "/ || text ~ /[a-z]:[a-z]+\(/) return "lua"
  if (text ~ /luatcp_[a-z_]+\(/) return "c"
  return ""
}

function finish_plain() {
  sub(/\n+$/, "\n", block)
  if (language_of_plain(block) == language) finish(); else inside = 0
}

FNR == 1 {
  if (inside && kind == "plain") finish_plain()
  kind = kind_of(FILENAME)
  inside = 0
  mark = ""
}

kind == "md" && !inside && /^<!-- .* -->$/ {
  mark = $0
  sub(/^<!-- */, "", mark)
  sub(/ *-->$/, "", mark)
  next
}
kind == "md" && !inside && /^```/ {
  info = substr($0, 4)
  split(info, words, " ")
  if (words[1] == language) begin(FNR + 1); else skipping = !skipping
  if (words[1] == language) skipping = 0
  next
}
kind == "md" && inside && /^```/ { finish(); next }
kind == "md" && inside { add($0); next }
kind == "md" { if ($0 != "") mark = ""; next }

(kind == "c" || kind == "lua") && !inside && /^\.\\" / {
  mark = substr($0, 5)
  next
}
(kind == "c" || kind == "lua") && !inside && /^\.Bd .*-literal/ {
  if (kind == language && mark !~ /^text/) begin(FNR + 1)
  next
}
(kind == "c" || kind == "lua") && inside && /^\.Ed/ { finish(); next }
(kind == "c" || kind == "lua") && inside {
  sub(/^\\&/, "")
  gsub(/\\e/, "\\")
  add($0)
  next
}
kind == "c" || kind == "lua" { mark = ""; next }

/^    / { if (!inside) begin(FNR); add(substr($0, 5)); next }
/^$/ { if (inside) add(""); next }
{ if (inside) finish_plain() }

END { if (inside && kind == "plain") finish_plain() }
