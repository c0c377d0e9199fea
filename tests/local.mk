# SPDX-License-Identifier: MIT
# tests/local.mk: what make check and make installcheck run.  Every test file
# is listed here; tests/abi/check-lists.sh fails for one that is not.

# ---- Check programs on the library ------------------------------------------

CHECK_TESTS = \
	tests/check/check_addr \
	tests/check/check_clock \
	tests/check/check_connect \
	tests/check/check_deadline \
	tests/check/check_error \
	tests/check/check_options \
	tests/check/check_poller \
	tests/check/check_resolve \
	tests/check/check_stream \
	tests/check/check_tcp \
	tests/check/check_wait

# ---- Lua scripts on the module ----------------------------------------------
#
# Each runs under all configured interpreters, one after another.

LUA_TESTS = \
	tests/lua/accept.lua \
	tests/lua/big_transfer.lua \
	tests/lua/beside_luasocket.lua \
	tests/lua/bind.lua \
	tests/lua/close.lua \
	tests/lua/close_attribute.lua \
	tests/lua/connect.lua \
	tests/lua/connect_nonblocking.lua \
	tests/lua/dirty.lua \
	tests/lua/dns.lua \
	tests/lua/drop_in_luasocket.lua \
	tests/lua/dual_stack.lua \
	tests/lua/errors.lua \
	tests/lua/fromfd_detach.lua \
	tests/lua/gc.lua \
	tests/lua/getfd_setfd.lua \
	tests/lua/hostile_flood.lua \
	tests/lua/hostile_half_close.lua \
	tests/lua/hostile_line.lua \
	tests/lua/hostile_pieces.lua \
	tests/lua/hostile_reader.lua \
	tests/lua/hostile_reset.lua \
	tests/lua/interrupt.lua \
	tests/lua/large_results.lua \
	tests/lua/listen.lua \
	tests/lua/luasec.lua \
	tests/lua/module_table.lua \
	tests/lua/names.lua \
	tests/lua/options.lua \
	tests/lua/poller.lua \
	tests/lua/poller_loop.lua \
	tests/lua/ports.lua \
	tests/lua/process.lua \
	tests/lua/proxy.lua \
	tests/lua/quiet_differences.lua \
	tests/lua/receive_all.lua \
	tests/lua/receive_any.lua \
	tests/lua/receive_count.lua \
	tests/lua/receive_line.lua \
	tests/lua/receive_maxsize.lua \
	tests/lua/receive_partial.lua \
	tests/lua/select.lua \
	tests/lua/select_foreign.lua \
	tests/lua/select_many.lua \
	tests/lua/send.lua \
	tests/lua/send_indices.lua \
	tests/lua/shutdown.lua \
	tests/lua/source_sink.lua \
	tests/lua/states.lua \
	tests/lua/statistics.lua \
	tests/lua/surface.lua \
	tests/lua/tcp_master.lua \
	tests/lua/timeout_block.lua \
	tests/lua/timeout_total.lua \
	tests/lua/timeouts.lua \
	tests/lua/try_protect.lua

# ---- Scripts on the build and on what gets installed -------------------------

ABI_TESTS = \
	tests/abi/check-abi.sh \
	tests/abi/check-calls.sh \
	tests/abi/check-cloexec.sh \
	tests/abi/check-exports.sh \
	tests/abi/check-header.sh \
	tests/abi/check-install.sh \
	tests/abi/check-interface.sh \
	tests/abi/check-layering.sh \
	tests/abi/check-lists.sh \
	tests/abi/check-luacheck.sh \
	tests/abi/check-probes.sh

# ---- The manual against what it describes -----------------------------------

DOC_TESTS = \
	tests/doc/check-c-examples.sh \
	tests/doc/check-html.sh \
	tests/doc/check-lua-examples.sh \
	tests/doc/check-man.sh
LUA_DOC_TESTS = tests/doc/reference.lua

# ---- Connects and lookups in a network of their own ---------------------------

NETWORK_TESTS = \
	tests/network/check-lua.sh \
	tests/network/check-network.sh
check_PROGRAMS += tests/network/network
tests_network_network_SOURCES = tests/network/network.c \
	tests/isolation/child.h tests/isolation/must.h tests/sanitizer.h
tests_network_network_LDADD = libluatcp-core.la

# ---- The program luatcp ---------------------------------------------------------

TOOL_TESTS = \
	tests/tool/check-tool.sh

# ---- The examples, and what the guide to scaling out promises -------------------

EXAMPLE_TESTS = \
	tests/examples/check-activation.sh \
	tests/examples/check-chat.sh \
	tests/examples/check-echo.sh \
	tests/examples/check-forwarder.sh \
	tests/examples/check-http.sh \
	tests/examples/check-lua-module.sh \
	tests/examples/check-several.sh \
	tests/scaleout/check-haproxy.sh
TESTS += $(EXAMPLE_TESTS)
EXTRA_DIST += $(EXAMPLE_TESTS) \
	tests/examples/ask_lines.lua \
	tests/examples/ask_names.lua \
	tests/examples/common.sh \
	tests/examples/http_server.lua \
	tests/examples/hung_up.lua \
	tests/examples/long_line.lua \
	tests/examples/people.lua \
	tests/examples/thousand.lua \
	tests/examples/three_lines.lua \
	tests/examples/through.lua \
	tests/scaleout/load.lua
check_PROGRAMS += tests/examples/activate
tests_examples_activate_SOURCES = tests/examples/activate.c
tests_examples_activate_LDADD = libluatcp-core.la

# ---- How they are run ---------------------------------------------------------

if HAVE_CHECK
check_LTLIBRARIES += tests/check/libpeer.la
tests_check_libpeer_la_SOURCES = tests/check/peer.c tests/check/peer.h
check_PROGRAMS += $(CHECK_TESTS)
TESTS += $(CHECK_TESTS)
# for the Check programs; all else says itself what it links
LDADD = tests/check/libpeer.la libluatcp-core.la $(CHECK_LIBS)
else
no_check = echo 'Check is missing: the tests in C are not run.'
endif

if HAVE_INTERPRETER
TESTS += $(LUA_TESTS) $(LUA_DOC_TESTS)
else
no_lua = echo 'No Lua interpreter: the tests in Lua are not run.'
endif

check-local:
	@$(no_check)
	@$(no_lua)

TESTS += $(ABI_TESTS) $(DOC_TESTS) $(NETWORK_TESTS) $(TOOL_TESTS)
EXTRA_DIST += $(LUA_TESTS) $(ABI_TESTS) $(NETWORK_TESTS) $(TOOL_TESTS) \
	$(DOC_TESTS) $(LUA_DOC_TESTS) \
	tests/doc/counterpart.lua \
	tests/doc/extract.awk \
	tests/doc/prelude.h \
	tests/doc/run_examples.lua \
	tests/network/names.lua \
	tests/network/world.sh \
	tests/abi/baseline.sh \
	tests/abi/common.sh \
	tests/abi/installcheck.sh \
	tests/abi/interface.c \
	tests/abi/libluatcp.so.0.x86_64.abi \
	tests/lua/harness.lua \
	tests/lua/hostile_peer.lua

TEST_EXTENSIONS = .lua .sh
# --mode=execute: a libtool program may be a script around the real one
LOG_COMPILER = $(LIBTOOL) $(AM_LIBTOOLFLAGS) --mode=execute $(TEST_RUNNER)
LUA_LOG_COMPILER = $(SHELL) tests/lua-run
SH_LOG_COMPILER = $(SHELL)
AM_TESTS_ENVIRONMENT = \
	srcdir='$(srcdir)'; export srcdir; \
	MAKE='$(MAKE)'; export MAKE; \
	TEST_RUNNER='$(TEST_RUNNER)'; export TEST_RUNNER; \
	CC='$(CC)'; export CC; \
	CPPFLAGS='$(CPPFLAGS)'; export CPPFLAGS; \
	CFLAGS='$(CFLAGS)'; export CFLAGS; \
	LDFLAGS='$(LDFLAGS)'; export LDFLAGS; \
	NM='$(NM)'; export NM; \
	MANDOC='$(MANDOC)'; export MANDOC; \
	PKG_CONFIG='$(PKG_CONFIG)'; export PKG_CONFIG; \
	INTERPRETERS='$(LUATCP_INTERPRETERS)'; export INTERPRETERS;

# Installing relinks the modules: for a moment they are not there.  So that one
# runs when all others that were asked for have finished.
tests/abi/check-install.log: $(TEST_LOGS:/check-install.log=/common.sh)

# Loads the installed module in the installed interpreters, and compiles and
# runs a C program against the installed library.
if SOCKET_NAME
installed_names = luatcp socket
else
installed_names = luatcp
endif
if EMBEDDED_CORE
installed_library =
else
installed_library = libdir='$(libdir)' includedir='$(includedir)' \
	pkgconfigdir='$(pkgconfigdir)'
endif
installcheck-local:
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) \
	TEST_RUNNER='$(TEST_RUNNER)' DESTDIR='$(DESTDIR)' \
	INSTALLED='$(installed_luas)' NAMES='$(installed_names)' \
	$(installed_library) $(SHELL) $(srcdir)/tests/abi/installcheck.sh

# Writes down the interface of this build, for the checks of later ones: rules in
# doc/HACKING, "A release".
abi-baseline: $(lib_LTLIBRARIES)
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) HOST_CPU='$(host_cpu)' \
	$(SHELL) $(srcdir)/tests/abi/baseline.sh
.PHONY: abi-baseline

# ---- Other machines, other ways to build ---------------------------------------

EXTRA_DIST += \
	tests/matrix/run \
	tests/matrix/kqueue/kqueue.c \
	tests/matrix/kqueue/sys/event.h

# MATRIX="--room arm64 armhf": in a chroot of its own, these alone
check-matrix:
	$(SHELL) $(srcdir)/tests/matrix/run $(MATRIX)
.PHONY: check-matrix
