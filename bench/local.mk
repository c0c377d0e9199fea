# SPDX-License-Identifier: MIT
# bench/local.mk: make bench and make bench-full.  Nothing of it is built or run
# otherwise.

EXTRA_PROGRAMS = bench/counterpart bench/limit
bench_counterpart_SOURCES = bench/counterpart.c bench/pattern.h
bench_counterpart_LDADD =
bench_limit_SOURCES = bench/limit.c bench/pattern.h
bench_limit_LDADD =

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

CLEANFILES += bench/results.md bench/select.svg $(EXTRA_PROGRAMS)

# BENCHFLAGS: what bench/driver.lua takes.
bench: all $(EXTRA_PROGRAMS)
	$(AM_V_at)INTERPRETERS='$(LUATCP_INTERPRETERS)' \
	$(SHELL) $(srcdir)/bench/run \
	--build '$(abs_builddir)' $(BENCHFLAGS)

bench-full: all $(EXTRA_PROGRAMS)
	$(AM_V_at)INTERPRETERS='$(LUATCP_INTERPRETERS)' \
	$(SHELL) $(srcdir)/bench/run \
	--build '$(abs_builddir)' --full $(BENCHFLAGS)

.PHONY: bench bench-full
