#!/bin/sh
# SPDX-License-Identifier: MIT
# html.sh PAGE VERSION: the manual page as HTML, to standard output.  Made by
# $MANDOC; references to other pages of the folder become links, those to pages
# of the system become text.
set -e
page=$1
folder=`dirname "$page"`

# one substitution for each name that a page of ours has
links=`cd "$folder" && awk '
  FNR == 1 { inside = 0 }
  /^\.Sh / { inside = $2 == "NAME" }
  inside && /^\.Nm / {
    section = FILENAME
    sub(/^.*\./, "", section)
    print "s,href=\"" $2 "." section ".html\",HREF=\"" FILENAME ".html\",g"
  }' luatcp*.[13] luatcp*.3lua`

${MANDOC:-mandoc} -Ios="luatcp $2" -Thtml \
  -Otoc,style=manual.css,man=%N.%S.html "$page" |
  sed -e "$links" \
    -e 's,<a class="Xr" href="[^"]*">\([^<]*\)</a>,\1,g' \
    -e 's,HREF=",href=",g'
