# SPDX-License-Identifier: MIT
# bench/local.mk: make bench and make bench-full.  Nothing of it is built or run
# otherwise.

EXTRA_PROGRAMS = bench/counterpart bench/limit
bench_counterpart_SOURCES = bench/counterpart.c bench/pattern.h
bench_counterpart_LDADD =
bench_limit_SOURCES = bench/limit.c bench/pattern.h
bench_limit_LDADD =
bench_programs = $(EXTRA_PROGRAMS)

# not a module to be installed: what one costs at least
if WITH_LUA54
EXTRA_LTLIBRARIES = bench/floor.la
bench_floor_la_SOURCES = bench/floor.c
bench_floor_la_CPPFLAGS = $(AM_CPPFLAGS) $(LUA54_CFLAGS)
bench_floor_la_CFLAGS = $(AM_CFLAGS) $(MODULE_CFLAGS)
bench_floor_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere \
	-export-symbols-regex '^luaopen_'
bench_floor_la_LIBADD = $(LUA_UNDEFS)
bench_floor_la_LIBTOOLFLAGS = $(binding_libtoolflags)
bench_programs += bench/floor.la
endif

EXTRA_DIST += \
	bench/driver.lua \
	bench/goals \
	bench/pattern.lua \
	bench/peer_cqueues.lua \
	bench/peer_luv.lua \
	bench/peer_socket.lua \
	bench/report.lua \
	bench/run \
	bench/workloads.lua

CLEANFILES += bench/results.md bench/select.svg $(bench_programs)

# BENCHFLAGS: what bench/driver.lua takes.
bench: all $(bench_programs)
	$(AM_V_at)INTERPRETERS='$(LUATCP_INTERPRETERS)' \
	$(SHELL) $(srcdir)/bench/run \
	--build '$(abs_builddir)' $(BENCHFLAGS)

bench-full: all $(bench_programs)
	$(AM_V_at)INTERPRETERS='$(LUATCP_INTERPRETERS)' \
	$(SHELL) $(srcdir)/bench/run \
	--build '$(abs_builddir)' --full $(BENCHFLAGS)

.PHONY: bench bench-full
