# SPDX-License-Identifier: MIT
# src/libluatcp/local.mk: the library.

# All objects of the library, for libluatcp itself, for a module that has the
# library inside, and for tests that reach what libluatcp does not export.
noinst_LTLIBRARIES += libluatcp-core.la
libluatcp_core_la_CFLAGS = $(AM_CFLAGS) $(VISIBILITY_CFLAGS)
libluatcp_core_la_CPPFLAGS = -I$(srcdir)/src/include
libluatcp_core_la_SOURCES = \
	src/include/luatcp.h \
	src/libluatcp/addr.c \
	src/libluatcp/connect.c \
	src/libluatcp/deadline.c \
	src/libluatcp/error.c \
	src/libluatcp/fd.c \
	src/libluatcp/fd.h \
	src/libluatcp/internal.h \
	src/libluatcp/options.c \
	src/libluatcp/poller.c \
	src/libluatcp/poller_backend.h \
	src/libluatcp/resolve.c \
	src/libluatcp/stream.c \
	src/libluatcp/tcp.c \
	src/libluatcp/version.c \
	src/libluatcp/wait.c
if POLLER_EPOLL
libluatcp_core_la_SOURCES += src/libluatcp/poller_epoll.c
endif
if POLLER_KQUEUE
libluatcp_core_la_SOURCES += src/libluatcp/poller_kqueue.c
endif
if POLLER_POLL
libluatcp_core_la_SOURCES += src/libluatcp/poller_poll.c
endif
if ENABLE_THREADS
libluatcp_core_la_SOURCES += src/libluatcp/resolve_thread.c
else
libluatcp_core_la_SOURCES += src/libluatcp/resolve_direct.c
endif

EXTRA_DIST += src/libluatcp/luatcp.map

if !EMBEDDED_CORE
lib_LTLIBRARIES += libluatcp.la
include_HEADERS += src/include/luatcp.h
pkgconfig_DATA += luatcp.pc
libluatcp_la_SOURCES =
libluatcp_la_LIBADD = libluatcp-core.la
libluatcp_la_LDFLAGS = -version-info $(LUATCP_LT_VERSION) -no-undefined \
	$(NODELETE_LDFLAGS) $(SYMBOLIC_LDFLAGS)
if HAVE_VERSION_SCRIPT
libluatcp_la_LDFLAGS += \
	-Wl,--version-script=$(srcdir)/src/libluatcp/luatcp.map
EXTRA_libluatcp_la_DEPENDENCIES = src/libluatcp/luatcp.map
else
libluatcp_la_LDFLAGS += -export-symbols-regex '^luatcp_[a-z]'
endif
endif
