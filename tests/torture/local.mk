# SPDX-License-Identifier: MIT
# tests/torture/local.mk: the library and the module with each allocation and
# each system call failing in turn.  make check takes a sample of the points,
# make check-torture all of them.

# what stands between the library and the system: see faults.c
wrap_flags = \
	-Wl,--wrap=accept4 \
	-Wl,--wrap=bind \
	-Wl,--wrap=calloc \
	-Wl,--wrap=clock_gettime \
	-Wl,--wrap=close \
	-Wl,--wrap=connect \
	-Wl,--wrap=dup3 \
	-Wl,--wrap=epoll_create1 \
	-Wl,--wrap=epoll_ctl \
	-Wl,--wrap=epoll_wait \
	-Wl,--wrap=eventfd \
	-Wl,--wrap=fcntl \
	-Wl,--wrap=free \
	-Wl,--wrap=freeaddrinfo \
	-Wl,--wrap=getaddrinfo \
	-Wl,--wrap=gethostname \
	-Wl,--wrap=getnameinfo \
	-Wl,--wrap=getpeername \
	-Wl,--wrap=getsockname \
	-Wl,--wrap=getsockopt \
	-Wl,--wrap=listen \
	-Wl,--wrap=malloc \
	-Wl,--wrap=nanosleep \
	-Wl,--wrap=newlocale \
	-Wl,--wrap=poll \
	-Wl,--wrap=pthread_create \
	-Wl,--wrap=realloc \
	-Wl,--wrap=recv \
	-Wl,--wrap=send \
	-Wl,--wrap=setsockopt \
	-Wl,--wrap=shutdown \
	-Wl,--wrap=socket \
	-Wl,--wrap=write

torture_sources = \
	tests/torture/faults.c \
	tests/torture/faults.h \
	tests/torture/plain.c \
	tests/torture/plain.h

torture_lua_sources = tests/torture/torture_lua.c $(torture_sources)
torture_lua_cppflags = $(AM_CPPFLAGS) -DSOURCE='"$(abs_srcdir)"'
EXTRA_DIST += tests/torture/scenarios.lua

if HAVE_TORTURE
TORTURE_TESTS = tests/torture/torture
# each with the module's own objects, so that those are wrapped as well
if HAVE_LIBLUA55
TORTURE_TESTS += tests/torture/lua55
tests_torture_lua55_SOURCES = $(torture_lua_sources)
tests_torture_lua55_CPPFLAGS = $(torture_lua_cppflags) $(LUA55_CFLAGS)
tests_torture_lua55_LDADD = $(lua_5_5_luatcp_core_la_OBJECTS) \
	libluatcp-core.la $(LUA55_LIBS)
tests_torture_lua55_LDFLAGS = $(wrap_flags)
endif

if HAVE_LIBLUA54
TORTURE_TESTS += tests/torture/lua54
tests_torture_lua54_SOURCES = $(torture_lua_sources)
tests_torture_lua54_CPPFLAGS = $(torture_lua_cppflags) $(LUA54_CFLAGS)
tests_torture_lua54_LDADD = $(lua_5_4_luatcp_core_la_OBJECTS) \
	libluatcp-core.la $(LUA54_LIBS)
tests_torture_lua54_LDFLAGS = $(wrap_flags)
endif

if HAVE_LIBLUA53
TORTURE_TESTS += tests/torture/lua53
tests_torture_lua53_SOURCES = $(torture_lua_sources)
tests_torture_lua53_CPPFLAGS = $(torture_lua_cppflags) $(LUA53_CFLAGS)
tests_torture_lua53_LDADD = $(lua_5_3_luatcp_core_la_OBJECTS) \
	libluatcp-core.la $(LUA53_LIBS)
tests_torture_lua53_LDFLAGS = $(wrap_flags)
endif

if HAVE_LIBLUA52
TORTURE_TESTS += tests/torture/lua52
tests_torture_lua52_SOURCES = $(torture_lua_sources)
tests_torture_lua52_CPPFLAGS = $(torture_lua_cppflags) $(LUA52_CFLAGS)
tests_torture_lua52_LDADD = $(lua_5_2_luatcp_core_la_OBJECTS) \
	libluatcp-core.la $(LUA52_LIBS)
tests_torture_lua52_LDFLAGS = $(wrap_flags)
endif

if HAVE_LIBLUA51
TORTURE_TESTS += tests/torture/lua51
tests_torture_lua51_SOURCES = $(torture_lua_sources)
tests_torture_lua51_CPPFLAGS = $(torture_lua_cppflags) $(LUA51_CFLAGS)
tests_torture_lua51_LDADD = $(lua_5_1_luatcp_core_la_OBJECTS) \
	libluatcp-core.la $(LUA51_LIBS)
tests_torture_lua51_LDFLAGS = $(wrap_flags)
endif

check_PROGRAMS += $(TORTURE_TESTS)
tests_torture_torture_SOURCES = tests/torture/torture.c $(torture_sources)
tests_torture_torture_CPPFLAGS = $(AM_CPPFLAGS)
if POLLER_KQUEUE
tests_torture_torture_CPPFLAGS += -DPOLLER_KQUEUE
endif
tests_torture_torture_LDADD = libluatcp-core.la
tests_torture_torture_LDFLAGS = $(wrap_flags)
TESTS += $(TORTURE_TESTS)

check-torture: $(TORTURE_TESTS)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(TORTURE_TESTS)' TORTURE_STEP=1
else
check-torture:
	@echo 'The linker does not know --wrap: nothing can be made to fail.'; exit 1
endif
.PHONY: check-torture
