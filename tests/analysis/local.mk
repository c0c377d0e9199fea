# SPDX-License-Identifier: MIT
# tests/analysis/local.mk: analysers and coverage; nothing of it in make check.

EXTRA_DIST += tests/analysis/analyze.sh tests/analysis/coverage.sh \
	tests/analysis/memcheck.supp

check-analyzer:
	srcdir='$(srcdir)' $(SHELL) $(srcdir)/tests/analysis/analyze.sh \
	  $(ANALYZERS)

coverage:
	srcdir='$(srcdir)' $(SHELL) $(srcdir)/tests/analysis/coverage.sh

# The library's programs; children of torture would be too many.  Then scripts
# that between them call all of the binding, under one Lua.
VALGRIND = valgrind -q --error-exitcode=99 --leak-check=full \
	--show-leak-kinds=definite --errors-for-leak-kinds=definite \
	--track-origins=yes --suppressions=$(srcdir)/tests/analysis/memcheck.supp
MEMCHECK_TESTS = $(CHECK_TESTS)
MEMCHECK_LUA_TESTS = \
	tests/lua/accept.lua \
	tests/lua/bind.lua \
	tests/lua/connect.lua \
	tests/lua/dns.lua \
	tests/lua/fromfd_detach.lua \
	tests/lua/gc.lua \
	tests/lua/getfd_setfd.lua \
	tests/lua/options.lua \
	tests/lua/poller.lua \
	tests/lua/proxy.lua \
	tests/lua/receive_all.lua \
	tests/lua/receive_any.lua \
	tests/lua/receive_count.lua \
	tests/lua/receive_line.lua \
	tests/lua/receive_maxsize.lua \
	tests/lua/receive_partial.lua \
	tests/lua/select.lua \
	tests/lua/send_indices.lua \
	tests/lua/source_sink.lua \
	tests/lua/statistics.lua \
	tests/lua/try_protect.lua \
	tests/fuzz/replay.lua
# Lua 5.4, or the first that there is
memcheck_lua = case ' $(LUATCP_INTERPRETERS)' in *' 5.4:'*) echo 5.4 ;; \
	*) set -- $(LUATCP_INTERPRETERS); echo "$${1%%:*}" ;; esac
check-valgrind:
	$(AM_V_at)test -z '$(MEMCHECK_TESTS)' || \
	LUATCP_MEMCHECK=yes CK_FORK=no CK_TIMEOUT_MULTIPLIER=20 $(MAKE) $(AM_MAKEFLAGS) check \
	  TESTS='$(MEMCHECK_TESTS)' TEST_RUNNER='$(TEST_RUNNER) $(VALGRIND)'
	$(AM_V_at)test -z '$(LUATCP_INTERPRETERS)' || test -z '$(MEMCHECK_LUA_TESTS)' || \
	LUATCP_ONLY=`$(memcheck_lua)` LUATCP_WRAPPER='$(VALGRIND)' LUATCP_LIMIT=200 \
	  $(MAKE) $(AM_MAKEFLAGS) check TESTS='$(MEMCHECK_LUA_TESTS)'
.PHONY: check-analyzer check-valgrind coverage
