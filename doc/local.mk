# SPDX-License-Identifier: MIT
# doc/local.mk: what is to be read.

dist_doc_DATA = \
	NEWS \
	README \
	doc/performance.md \
	doc/socket.md

EXTRA_DIST += doc/HACKING

# Small programs to start from; README shows two of them.
examplesdir = $(docdir)/examples
dist_examples_DATA = \
	doc/examples/dual_stack.lua \
	doc/examples/echo_client.c \
	doc/examples/echo_server.lua
