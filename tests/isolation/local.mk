# SPDX-License-Identifier: MIT
# tests/isolation/local.mk: what the library and the module leave alone, and
# what they live through: threads, fork, unloading, a second Lua.

ISOLATION_TESTS = tests/isolation/process
tests_isolation_process_SOURCES = tests/isolation/process.c \
	tests/isolation/child.h tests/isolation/must.h tests/sanitizer.h
tests_isolation_process_LDADD = libluatcp-core.la -lm

# Programs with a Lua in them load the module as programs do, from the build
# tree: the newest Lua whose library is there will do.
states_sources = tests/isolation/states.c tests/isolation/child.h \
	tests/isolation/must.h tests/sanitizer.h
states_cppflags = $(AM_CPPFLAGS) -DBUILD='"$(abs_builddir)"' \
	-DSOURCE='"$(abs_srcdir)"'
if HAVE_LIBLUA54
ISOLATION_TESTS += tests/isolation/states54
tests_isolation_states54_SOURCES = $(states_sources)
tests_isolation_states54_CPPFLAGS = $(states_cppflags) $(LUA54_CFLAGS)
tests_isolation_states54_LDADD = $(LUA54_LIBS)
tests_isolation_states54_LDFLAGS = -export-dynamic
endif
if HAVE_LIBLUA51
ISOLATION_TESTS += tests/isolation/states51
tests_isolation_states51_SOURCES = $(states_sources)
tests_isolation_states51_CPPFLAGS = $(states_cppflags) $(LUA51_CFLAGS)
tests_isolation_states51_LDADD = $(LUA51_LIBS)
tests_isolation_states51_LDFLAGS = -export-dynamic
if HAVE_TORTURE
if HAVE_LIBLUA54
ISOLATION_TESTS += tests/isolation/two_luas
tests_isolation_two_luas_SOURCES = tests/isolation/two_luas.c
tests_isolation_two_luas_CPPFLAGS = $(states_cppflags) \
	-DLIBS_54='"$(LUA54_LIBS)"' -DLIBS_51='"$(LUA51_LIBS)"'
tests_isolation_two_luas_LDADD = -ldl
endif
endif
endif

check_PROGRAMS += $(ISOLATION_TESTS)
TESTS += $(ISOLATION_TESTS)
EXTRA_DIST += tests/isolation/work.lua
