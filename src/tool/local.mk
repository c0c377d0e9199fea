# SPDX-License-Identifier: MIT
# src/tool/local.mk: the program luatcp, on luatcp.h like any other program.

tool_sources = \
	src/tool/luatcp.c \
	src/tool/network.c \
	src/tool/relay.c \
	src/tool/report.c \
	src/tool/serve.c \
	src/tool/stop.c \
	src/tool/tool.h

# --enable-embedded-core leaves no library that it could use.
if !EMBEDDED_CORE
bin_PROGRAMS += src/tool/luatcp
src_tool_luatcp_SOURCES = $(tool_sources)
src_tool_luatcp_CPPFLAGS = -I$(srcdir)/src/include
src_tool_luatcp_LDADD = libluatcp.la
man1_MANS = doc/man/luatcp.1
completionsdir = $(datadir)/bash-completion/completions
completions_DATA = src/tool/completion/luatcp
endif
EXTRA_DIST += $(tool_sources) doc/man/luatcp.1 src/tool/completion/luatcp
