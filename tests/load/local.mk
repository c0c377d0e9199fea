# SPDX-License-Identifier: MIT
# tests/load/local.mk: many connections at once.  make check has 1,000 of them.

EXTRA_DIST += tests/load/check-load.sh tests/load/load.lua

if HAVE_INTERPRETER
TESTS += tests/load/check-load.sh
endif

# 10,000 at once; and connections that come and go for some minutes.  Under each
# interpreter: LUATCP_ONLY=5.4 leaves the others out.
load_environment = srcdir='$(srcdir)' LUATCP_LIMIT=1200

check-load: all
	$(AM_V_at)$(load_environment) LOAD_CONNECTIONS=$${LOAD_CONNECTIONS:-10000} \
	LOAD_AMOUNT=$${LOAD_MESSAGES:-10} $(SHELL) $(srcdir)/tests/load/check-load.sh

check-soak: all
	$(AM_V_at)seconds='$(SOAK_SECONDS)'; $(load_environment) LOAD_MODE=soak \
	LOAD_CONNECTIONS=$${LOAD_CONNECTIONS:-500} LOAD_AMOUNT=$${seconds:-300} \
	$(SHELL) $(srcdir)/tests/load/check-load.sh

.PHONY: check-load check-soak
