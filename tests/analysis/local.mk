# SPDX-License-Identifier: MIT
# tests/analysis/local.mk: analysers and coverage; nothing of it in make check.

EXTRA_DIST += tests/analysis/analyze.sh tests/analysis/coverage.sh \
	tests/analysis/memcheck.supp

check-analyzer:
	srcdir='$(srcdir)' $(SHELL) $(srcdir)/tests/analysis/analyze.sh \
	  $(ANALYZERS)

coverage:
	srcdir='$(srcdir)' $(SHELL) $(srcdir)/tests/analysis/coverage.sh

# the library's programs; children of torture would be too many
VALGRIND = valgrind -q --error-exitcode=99 --leak-check=full \
	--show-leak-kinds=definite --errors-for-leak-kinds=definite \
	--track-origins=yes --suppressions=$(srcdir)/tests/analysis/memcheck.supp
MEMCHECK_TESTS = $(CHECK_TESTS)
check-valgrind:
	LUATCP_MEMCHECK=yes CK_FORK=no CK_TIMEOUT_MULTIPLIER=20 $(MAKE) $(AM_MAKEFLAGS) check \
	  TESTS='$(MEMCHECK_TESTS)' TEST_RUNNER='$(TEST_RUNNER) $(VALGRIND)'
.PHONY: check-analyzer check-valgrind coverage
