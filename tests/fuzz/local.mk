# SPDX-License-Identifier: MIT
# tests/fuzz/local.mk: fuzzing targets.  make check gives each the inputs of its
# corpus; make fuzz lets libFuzzer invent more.

check_PROGRAMS += tests/fuzz/stream tests/fuzz/address
tests_fuzz_stream_SOURCES = tests/fuzz/stream.c tests/fuzz/replay.c \
	tests/fuzz/fuzz.h
tests_fuzz_stream_LDADD = libluatcp-core.la
tests_fuzz_address_SOURCES = tests/fuzz/address.c tests/fuzz/replay.c \
	tests/fuzz/fuzz.h
tests_fuzz_address_LDADD = libluatcp-core.la

TESTS += tests/fuzz/check-corpus.sh
if HAVE_INTERPRETER
TESTS += tests/fuzz/replay.lua
endif

EXTRA_DIST += \
	tests/fuzz/check-corpus.sh \
	tests/fuzz/corpus.c \
	tests/fuzz/corpus/address.hex \
	tests/fuzz/corpus/proxy.hex \
	tests/fuzz/corpus/receive.hex \
	tests/fuzz/corpus/send.hex \
	tests/fuzz/corpus/stream.hex \
	tests/fuzz/corpus/surface.hex \
	tests/fuzz/input.lua \
	tests/fuzz/lua.c \
	tests/fuzz/proxy.lua \
	tests/fuzz/receive.lua \
	tests/fuzz/replay.lua \
	tests/fuzz/run \
	tests/fuzz/send.lua \
	tests/fuzz/surface.lua

# What it takes is told in tests/fuzz/run.
fuzz: config.h lua/composed.c
	$(AM_V_at)srcdir='$(srcdir)' PKG_CONFIG='$(PKG_CONFIG)' CC='$(CC)' \
	CORE='$(libluatcp_core_la_SOURCES)' BINDING='$(binding_sources)' \
	FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_TARGETS='$(FUZZ_TARGETS)' \
	FUZZ_KEEP='$(FUZZ_KEEP)' $(SHELL) $(srcdir)/tests/fuzz/run

clean-fuzz: config.h lua/composed.c
	-rm -rf tests/fuzz/work tests/fuzz/found
.PHONY: fuzz clean-fuzz
