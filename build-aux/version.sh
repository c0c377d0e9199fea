#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the version, which has its one home in luatcp.h, without a newline.
sed -n 's/^#define LUATCP_VERSION "\([0-9a-z.]*\)"$/\1/p' \
  "${1:-src/include/luatcp.h}" | tr -d '\n'
