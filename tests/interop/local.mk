# SPDX-License-Identifier: MIT
# tests/interop/local.mk: make check-interop, programs of others on the installed
# module.  Not part of make check: they need many packages.

INTEROP_TESTS = \
	tests/interop/check-copas.sh \
	tests/interop/check-event_loops.sh \
	tests/interop/check-ftp.sh \
	tests/interop/check-http.sh \
	tests/interop/check-luarocks.sh \
	tests/interop/check-luasec.sh \
	tests/interop/check-prosody.sh \
	tests/interop/check-redis.sh \
	tests/interop/check-smtp.sh \
	tests/interop/check-xml.sh
EXTRA_DIST += $(INTEROP_TESTS) \
	tests/interop/case.lua \
	tests/interop/common.sh \
	tests/interop/copas.lua \
	tests/interop/differences \
	tests/interop/event_loops.lua \
	tests/interop/ftp.lua \
	tests/interop/http.lua \
	tests/interop/luasec.lua \
	tests/interop/packages \
	tests/interop/prosody.lua \
	tests/interop/redis.lua \
	tests/interop/side-by-side \
	tests/interop/smtp.lua \
	tests/interop/xml.lua \
	tests/interop/xml_server.py

# Installs into a directory of its own first.
interop_stage = $(abs_builddir)/tests/interop/stage
check-interop: all
	$(AM_V_at)rm -rf $(interop_stage) && $(MKDIR_P) $(interop_stage)
	$(AM_V_at)$(MAKE) install DESTDIR=$(interop_stage) \
	  >$(interop_stage).log 2>&1 || { cat $(interop_stage).log; exit 1; }
	$(AM_V_at)STAGE='$(interop_stage)' LIBDIR='$(libdir)' \
	INSTALLED='$(installed_luas)' $(MAKE) check TESTS='$(INTEROP_TESTS)'

# The tests of the module on an installed LuaSocket too: where the two differ.
side-by-side: all
	$(AM_V_at)$(SHELL) $(srcdir)/tests/interop/side-by-side
.PHONY: check-interop side-by-side

mostlyclean-local: clean-interop
clean-interop:
	rm -rf tests/interop/stage tests/interop/stage.log
.PHONY: clean-interop
