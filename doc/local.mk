# SPDX-License-Identifier: MIT
# doc/local.mk: what is to be read.

dist_doc_DATA = \
	NEWS \
	README \
	doc/SECURITY \
	doc/c-programs.md \
	doc/dual-stack.md \
	doc/lua-c-modules.md \
	doc/luasocket.md \
	doc/performance.md \
	doc/scale-out.md \
	doc/timeouts.md \
	doc/tls.md \
	doc/waiting.md

EXTRA_DIST += doc/HACKING doc/PACKAGING

# Small programs to start from; README shows two of them.
examplesdir = $(docdir)/examples
dist_examples_DATA = \
	doc/examples/activated_server.lua \
	doc/examples/benchmark_client.lua \
	doc/examples/chat.lua \
	doc/examples/dual_stack.lua \
	doc/examples/echo_client.c \
	doc/examples/echo_poller.lua \
	doc/examples/echo_server.c \
	doc/examples/echo_server.lua \
	doc/examples/forwarder.lua \
	doc/examples/http_client.lua \
	doc/examples/lua_module.c \
	doc/examples/reuseport_server.lua
systemdexamplesdir = $(examplesdir)/systemd
dist_systemdexamples_DATA = \
	doc/examples/systemd/echo.service \
	doc/examples/systemd/echo.socket
haproxyexamplesdir = $(examplesdir)/haproxy
dist_haproxyexamples_DATA = \
	doc/examples/haproxy/backend.lua \
	doc/examples/haproxy/haproxy.cfg

# ---- Manual pages -------------------------------------------------------------

c_pages = \
	doc/man/luatcp.3 \
	doc/man/luatcp_bind.3 \
	doc/man/luatcp_connect.3 \
	doc/man/luatcp_deadline_start.3 \
	doc/man/luatcp_get_descriptor.3 \
	doc/man/luatcp_get_statistics.3 \
	doc/man/luatcp_local_name.3 \
	doc/man/luatcp_lookup.3 \
	doc/man/luatcp_new.3 \
	doc/man/luatcp_poller_new.3 \
	doc/man/luatcp_recv.3 \
	doc/man/luatcp_send.3 \
	doc/man/luatcp_set_option.3 \
	doc/man/luatcp_strerror.3 \
	doc/man/luatcp_version.3 \
	doc/man/luatcp_view.3 \
	doc/man/luatcp_wait.3
lua_pages = doc/man/luatcp.3lua

# The other functions of a page: files that lead to it.
c_aliases = \
	doc/aliases/luatcp_accept.3 \
	doc/aliases/luatcp_addresses_canonical_name.3 \
	doc/aliases/luatcp_addresses_count.3 \
	doc/aliases/luatcp_addresses_free.3 \
	doc/aliases/luatcp_addresses_get.3 \
	doc/aliases/luatcp_adopt.3 \
	doc/aliases/luatcp_buffered.3 \
	doc/aliases/luatcp_close.3 \
	doc/aliases/luatcp_deadline_after.3 \
	doc/aliases/luatcp_detach.3 \
	doc/aliases/luatcp_error_name.3 \
	doc/aliases/luatcp_error_number.3 \
	doc/aliases/luatcp_free.3 \
	doc/aliases/luatcp_get_family.3 \
	doc/aliases/luatcp_get_option.3 \
	doc/aliases/luatcp_get_option_string.3 \
	doc/aliases/luatcp_get_timeout.3 \
	doc/aliases/luatcp_has_feature.3 \
	doc/aliases/luatcp_host_name.3 \
	doc/aliases/luatcp_is_closed.3 \
	doc/aliases/luatcp_listen.3 \
	doc/aliases/luatcp_monotonic_time.3 \
	doc/aliases/luatcp_open.3 \
	doc/aliases/luatcp_option_kind.3 \
	doc/aliases/luatcp_peer_name.3 \
	doc/aliases/luatcp_poller_add.3 \
	doc/aliases/luatcp_poller_free.3 \
	doc/aliases/luatcp_poller_modify.3 \
	doc/aliases/luatcp_poller_remove.3 \
	doc/aliases/luatcp_poller_wait.3 \
	doc/aliases/luatcp_recv_count.3 \
	doc/aliases/luatcp_recv_line.3 \
	doc/aliases/luatcp_recv_test.3 \
	doc/aliases/luatcp_recv_until_closed.3 \
	doc/aliases/luatcp_release.3 \
	doc/aliases/luatcp_reverse_lookup.3 \
	doc/aliases/luatcp_set_descriptor.3 \
	doc/aliases/luatcp_set_family.3 \
	doc/aliases/luatcp_set_option_string.3 \
	doc/aliases/luatcp_set_statistics.3 \
	doc/aliases/luatcp_set_timeout.3 \
	doc/aliases/luatcp_shutdown.3 \
	doc/aliases/luatcp_sleep.3 \
	doc/aliases/luatcp_state.3 \
	doc/aliases/luatcp_time.3 \
	doc/aliases/luatcp_view_line.3
lua_aliases = doc/aliases/socket.3lua

$(c_aliases): $(c_pages)
	$(AM_V_GEN)$(MKDIR_P) doc/aliases && name=`basename $@ .3` && \
	page=`cd $(srcdir)/doc/man && \
	  grep -l "^[.]Nm $$name\\( ,\\)*$$" luatcp*.3` && \
	echo ".so man3/$$page" > $@
$(lua_aliases):
	$(AM_V_GEN)$(MKDIR_P) doc/aliases && echo ".so man3/luatcp.3lua" > $@
CLEANFILES += $(c_aliases) $(lua_aliases)

# Pages of C come with the library, those of Lua with the module.
man_MANS =
if !EMBEDDED_CORE
man_MANS += $(c_pages) $(c_aliases)
endif
if WITH_LUA
man_MANS += $(lua_pages)
if SOCKET_NAME
man_MANS += $(lua_aliases)
endif
endif
EXTRA_DIST += $(c_pages) $(lua_pages) doc/man/html.sh

# ---- The same as HTML -----------------------------------------------------------
#
# Releases have it, so that a build needs no mandoc; in a checkout without mandoc
# there is none.

c_html = \
	doc/html/luatcp.1.html \
	doc/html/luatcp.3.html \
	doc/html/luatcp_bind.3.html \
	doc/html/luatcp_connect.3.html \
	doc/html/luatcp_deadline_start.3.html \
	doc/html/luatcp_get_descriptor.3.html \
	doc/html/luatcp_get_statistics.3.html \
	doc/html/luatcp_local_name.3.html \
	doc/html/luatcp_lookup.3.html \
	doc/html/luatcp_new.3.html \
	doc/html/luatcp_poller_new.3.html \
	doc/html/luatcp_recv.3.html \
	doc/html/luatcp_send.3.html \
	doc/html/luatcp_set_option.3.html \
	doc/html/luatcp_strerror.3.html \
	doc/html/luatcp_version.3.html \
	doc/html/luatcp_view.3.html \
	doc/html/luatcp_wait.3.html
lua_html = doc/html/luatcp.3lua.html

html_DATA =
if HAVE_HTML
html_DATA += doc/man/manual.css
if !EMBEDDED_CORE
html_DATA += $(c_html)
endif
if WITH_LUA
html_DATA += $(lua_html)
endif
endif
EXTRA_DIST += $(c_html) $(lua_html) doc/man/manual.css

# Where mandoc is missing, what a release has brought stays as it is.
$(c_html) $(lua_html): $(c_pages) $(lua_pages) doc/man/luatcp.1 doc/man/html.sh
	$(AM_V_GEN)$(MKDIR_P) doc/html && \
	if test -n '$(MANDOC)'; then \
	  MANDOC='$(MANDOC)' $(SHELL) $(srcdir)/doc/man/html.sh \
	    $(srcdir)/doc/man/`basename $@ .html` $(PACKAGE_VERSION) > $@.new && \
	  mv $@.new $@; \
	elif test -f $(srcdir)/$@; then \
	  echo 'mandoc is missing: $@ stays as it is'; \
	else \
	  echo 'mandoc is missing, which makes $@' >&2; exit 1; \
	fi
MAINTAINERCLEANFILES += $(c_html) $(lua_html)

# ---- For editors ------------------------------------------------------------------

editordir = $(pkgdatadir)/library
editor_definitions = \
	doc/editor/library/luatcp.lua \
	doc/editor/library/socket.lua
editorproxydir = $(pkgdatadir)/library/luatcp
editor_proxy_definitions = doc/editor/library/luatcp/proxy.lua
editor_DATA =
editorproxy_DATA =
if WITH_LUA
editor_DATA += $(editor_definitions)
editorproxy_DATA += $(editor_proxy_definitions)
endif
EXTRA_DIST += $(editor_definitions) $(editor_proxy_definitions)
