# SPDX-License-Identifier: MIT
# tests/analysis/local.mk: analysers and coverage; nothing of it in make check.

EXTRA_DIST += tests/analysis/analyze.sh tests/analysis/coverage.sh

check-analyzer:
	srcdir='$(srcdir)' $(SHELL) $(srcdir)/tests/analysis/analyze.sh \
	  $(ANALYZERS)

coverage:
	srcdir='$(srcdir)' $(SHELL) $(srcdir)/tests/analysis/coverage.sh

# the library's programs; children of torture would be too many
VALGRIND = valgrind -q --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite --track-origins=yes
check-valgrind:
	CK_FORK=no $(MAKE) $(AM_MAKEFLAGS) check TESTS='$(CHECK_TESTS)' \
	  TEST_RUNNER='$(TEST_RUNNER) $(VALGRIND)'
.PHONY: check-analyzer check-valgrind coverage
