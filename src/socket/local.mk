# SPDX-License-Identifier: MIT
# src/socket/local.mk: the Lua module, once for each Lua that was chosen.
#
# lua/X.Y/luatcp/core.so is the module; socket/core.so is a link to it.  Inside
# the build tree both are found with LUA_CPATH=BUILD/lua/X.Y/?.so and
# LUA_PATH=BUILD/lua/X.Y/?.lua, see lua/local.mk.

binding_sources = \
	src/socket/lbinding.h \
	src/socket/lbuffer.c \
	src/socket/lcompose.c \
	src/socket/ldns.c \
	src/socket/lobject.c \
	src/socket/loption.c \
	src/socket/lpoller.c \
	src/socket/lselect.c \
	src/socket/lsocket.c \
	src/socket/lstream.c \
	src/socket/ltcp.c \
	src/socket/ltry.c \
	src/socket/luacompat.h
binding_cppflags = -I$(srcdir)/src/include -I$(srcdir)/src/socket
binding_ldflags = -module -avoid-version -shared \
	-export-symbols-regex '^luaopen_(luatcp|socket)_core$$'
# a module is never linked statically: half the compiling
binding_libtoolflags = --tag=disable-static

if EMBEDDED_CORE
binding_ldflags += $(NODELETE_LDFLAGS)
binding_libadd = libluatcp-core.la
else
binding_libadd = libluatcp.la
endif

# Filled below: the directories of the modules, the links to be made, and for
# make installcheck all that it has to look at.
installed_luas =
lua_exec_dirs =
socket_cmods =
socket_lmods =

# "exec" in the names: installed by install-exec, behind libluatcp.

if WITH_LUA55
lua55execdir = $(lua55cmoddir)/luatcp
lua55exec_LTLIBRARIES = lua/5.5/luatcp/core.la
lua_5_5_luatcp_core_la_SOURCES = $(binding_sources)
nodist_lua_5_5_luatcp_core_la_SOURCES = lua/composed.c
lua_5_5_luatcp_core_la_CPPFLAGS = $(binding_cppflags) $(LUA55_CFLAGS)
lua_5_5_luatcp_core_la_CFLAGS = $(AM_CFLAGS) $(MODULE_CFLAGS)
lua_5_5_luatcp_core_la_LDFLAGS = $(binding_ldflags)
lua_5_5_luatcp_core_la_LIBADD = $(binding_libadd) $(LUA_UNDEFS)
lua_5_5_luatcp_core_la_LIBTOOLFLAGS = $(binding_libtoolflags)
lua55lmod_DATA = lua/luatcp.lua
noinst_DATA += lua/5.5/staged
lua/5.5/staged: lua/5.5/luatcp/core.la
lua_exec_dirs += $(lua55execdir)
socket_cmods += $(DESTDIR)$(lua55cmoddir)/socket/core.so
socket_lmods += $(DESTDIR)$(lua55lmoddir)/socket.lua
installed_luas += 5.5:$(DESTDIR)$(lua55cmoddir):$(DESTDIR)$(lua55lmoddir)
endif

if WITH_LUA54
lua54execdir = $(lua54cmoddir)/luatcp
lua54exec_LTLIBRARIES = lua/5.4/luatcp/core.la
lua_5_4_luatcp_core_la_SOURCES = $(binding_sources)
nodist_lua_5_4_luatcp_core_la_SOURCES = lua/composed.c
lua_5_4_luatcp_core_la_CPPFLAGS = $(binding_cppflags) $(LUA54_CFLAGS)
lua_5_4_luatcp_core_la_CFLAGS = $(AM_CFLAGS) $(MODULE_CFLAGS)
lua_5_4_luatcp_core_la_LDFLAGS = $(binding_ldflags)
lua_5_4_luatcp_core_la_LIBADD = $(binding_libadd) $(LUA_UNDEFS)
lua_5_4_luatcp_core_la_LIBTOOLFLAGS = $(binding_libtoolflags)
lua54lmod_DATA = lua/luatcp.lua
noinst_DATA += lua/5.4/staged
lua/5.4/staged: lua/5.4/luatcp/core.la
lua_exec_dirs += $(lua54execdir)
socket_cmods += $(DESTDIR)$(lua54cmoddir)/socket/core.so
socket_lmods += $(DESTDIR)$(lua54lmoddir)/socket.lua
installed_luas += 5.4:$(DESTDIR)$(lua54cmoddir):$(DESTDIR)$(lua54lmoddir)
endif

if WITH_LUA53
lua53execdir = $(lua53cmoddir)/luatcp
lua53exec_LTLIBRARIES = lua/5.3/luatcp/core.la
lua_5_3_luatcp_core_la_SOURCES = $(binding_sources)
nodist_lua_5_3_luatcp_core_la_SOURCES = lua/composed.c
lua_5_3_luatcp_core_la_CPPFLAGS = $(binding_cppflags) $(LUA53_CFLAGS)
lua_5_3_luatcp_core_la_CFLAGS = $(AM_CFLAGS) $(MODULE_CFLAGS)
lua_5_3_luatcp_core_la_LDFLAGS = $(binding_ldflags)
lua_5_3_luatcp_core_la_LIBADD = $(binding_libadd) $(LUA_UNDEFS)
lua_5_3_luatcp_core_la_LIBTOOLFLAGS = $(binding_libtoolflags)
lua53lmod_DATA = lua/luatcp.lua
noinst_DATA += lua/5.3/staged
lua/5.3/staged: lua/5.3/luatcp/core.la
lua_exec_dirs += $(lua53execdir)
socket_cmods += $(DESTDIR)$(lua53cmoddir)/socket/core.so
socket_lmods += $(DESTDIR)$(lua53lmoddir)/socket.lua
installed_luas += 5.3:$(DESTDIR)$(lua53cmoddir):$(DESTDIR)$(lua53lmoddir)
endif

if WITH_LUA52
lua52execdir = $(lua52cmoddir)/luatcp
lua52exec_LTLIBRARIES = lua/5.2/luatcp/core.la
lua_5_2_luatcp_core_la_SOURCES = $(binding_sources)
nodist_lua_5_2_luatcp_core_la_SOURCES = lua/composed.c
lua_5_2_luatcp_core_la_CPPFLAGS = $(binding_cppflags) $(LUA52_CFLAGS)
lua_5_2_luatcp_core_la_CFLAGS = $(AM_CFLAGS) $(MODULE_CFLAGS)
lua_5_2_luatcp_core_la_LDFLAGS = $(binding_ldflags)
lua_5_2_luatcp_core_la_LIBADD = $(binding_libadd) $(LUA_UNDEFS)
lua_5_2_luatcp_core_la_LIBTOOLFLAGS = $(binding_libtoolflags)
lua52lmod_DATA = lua/luatcp.lua
noinst_DATA += lua/5.2/staged
lua/5.2/staged: lua/5.2/luatcp/core.la
lua_exec_dirs += $(lua52execdir)
socket_cmods += $(DESTDIR)$(lua52cmoddir)/socket/core.so
socket_lmods += $(DESTDIR)$(lua52lmoddir)/socket.lua
installed_luas += 5.2:$(DESTDIR)$(lua52cmoddir):$(DESTDIR)$(lua52lmoddir)
endif

if WITH_LUA51
lua51execdir = $(lua51cmoddir)/luatcp
lua51exec_LTLIBRARIES = lua/5.1/luatcp/core.la
lua_5_1_luatcp_core_la_SOURCES = $(binding_sources)
nodist_lua_5_1_luatcp_core_la_SOURCES = lua/composed.c
lua_5_1_luatcp_core_la_CPPFLAGS = $(binding_cppflags) $(LUA51_CFLAGS)
lua_5_1_luatcp_core_la_CFLAGS = $(AM_CFLAGS) $(MODULE_CFLAGS)
lua_5_1_luatcp_core_la_LDFLAGS = $(binding_ldflags)
lua_5_1_luatcp_core_la_LIBADD = $(binding_libadd) $(LUA_UNDEFS)
lua_5_1_luatcp_core_la_LIBTOOLFLAGS = $(binding_libtoolflags)
lua51lmod_DATA = lua/luatcp.lua
noinst_DATA += lua/5.1/staged
lua/5.1/staged: lua/5.1/luatcp/core.la
lua_exec_dirs += $(lua51execdir)
socket_cmods += $(DESTDIR)$(lua51cmoddir)/socket/core.so
socket_lmods += $(DESTDIR)$(lua51lmoddir)/socket.lua
installed_luas += 5.1:$(DESTDIR)$(lua51cmoddir):$(DESTDIR)$(lua51lmoddir)
endif

# ---- What make install does besides ------------------------------------------
#
# libtool's core.la is of no use to anybody once core.so is installed.  But
# without it libtool cannot uninstall core.so, so that is done here too.

if SOCKET_NAME
socket_name = $(SHELL) $(srcdir)/build-aux/socket-name.sh
else
socket_name = :
endif

install-exec-local:
	$(AM_V_at)$(socket_name) check ../luatcp/core.so $(socket_cmods)
install-data-local:
	$(AM_V_at)$(socket_name) check luatcp.lua $(socket_lmods)
install-exec-hook:
	$(AM_V_at)for d in $(lua_exec_dirs); do \
	  rm -f "$(DESTDIR)$$d/core.la" || exit 1; \
	done
	$(AM_V_at)$(socket_name) install ../luatcp/core.so $(socket_cmods)
install-data-hook:
	$(AM_V_at)$(socket_name) install luatcp.lua $(socket_lmods)
uninstall-hook:
	$(AM_V_at)$(socket_name) uninstall ../luatcp/core.so $(socket_cmods)
	$(AM_V_at)$(socket_name) uninstall luatcp.lua $(socket_lmods)
	$(AM_V_at)for d in $(lua_exec_dirs); do \
	  rm -f "$(DESTDIR)$$d/core.so" || exit 1; \
	  rmdir "$(DESTDIR)$$d" 2>/dev/null || :; \
	done
	$(AM_V_at)for d in $(lua_submodule_dirs); do \
	  rmdir "$(DESTDIR)$$d" 2>/dev/null || :; \
	done
