# SPDX-License-Identifier: MIT
# lua/local.mk: the part of the module that is written in Lua.

dist_noinst_DATA = lua/composed.lua lua/proxy.lua lua/socket.lua

# A part of core.so, as an array of characters.
lua/composed.c: lua/composed.lua
	$(AM_V_GEN)$(MKDIR_P) lua && { \
	echo '#include "lbinding.h"' && \
	echo 'const char luatcpL_composed[] = {' && \
	od -An -v -tx1 $(srcdir)/lua/composed.lua | \
	sed 's/[0-9a-f][0-9a-f]/0x&,/g' && echo '};' && \
	echo 'const size_t luatcpL_composed_size = sizeof luatcpL_composed;'; \
	} > $@.tmp && mv $@.tmp $@
CLEANFILES += lua/composed.c

# Installed under the name that is luatcp's own; socket.lua is a link to it.
lua/luatcp.lua: lua/socket.lua
	$(AM_V_GEN)$(MKDIR_P) lua && cp $(srcdir)/lua/socket.lua $@
CLEANFILES += lua/luatcp.lua

# lua/X.Y in the build tree gets the files and links that an installation has.
staged_files = \
	lua/5.1/staged lua/5.2/staged lua/5.3/staged lua/5.4/staged lua/5.5/staged
$(staged_files): lua/luatcp.lua lua/proxy.lua
	$(AM_V_GEN)d=`dirname $@` && $(MKDIR_P) $$d/socket && \
	rm -f $$d/luatcp/core.so $$d/socket/core.so $$d/luatcp.lua $$d/socket.lua && \
	$(LN_S) .libs/core.so $$d/luatcp/core.so && \
	$(LN_S) ../luatcp/core.so $$d/socket/core.so && \
	$(LN_S) ../luatcp.lua $$d/luatcp.lua && \
	$(LN_S) luatcp.lua $$d/socket.lua && \
	rm -f $$d/luatcp/proxy.lua && \
	cp $(srcdir)/lua/proxy.lua $$d/luatcp/proxy.lua && \
	echo staged > $@

# What is a module of its own: require "luatcp.proxy".
lua_submodules = lua/proxy.lua
lua_submodule_dirs =
if WITH_LUA55
lua55subdir = $(lua55lmoddir)/luatcp
lua55sub_DATA = $(lua_submodules)
lua_submodule_dirs += $(lua55subdir)
endif
if WITH_LUA54
lua54subdir = $(lua54lmoddir)/luatcp
lua54sub_DATA = $(lua_submodules)
lua_submodule_dirs += $(lua54subdir)
endif
if WITH_LUA53
lua53subdir = $(lua53lmoddir)/luatcp
lua53sub_DATA = $(lua_submodules)
lua_submodule_dirs += $(lua53subdir)
endif
if WITH_LUA52
lua52subdir = $(lua52lmoddir)/luatcp
lua52sub_DATA = $(lua_submodules)
lua_submodule_dirs += $(lua52subdir)
endif
if WITH_LUA51
lua51subdir = $(lua51lmoddir)/luatcp
lua51sub_DATA = $(lua_submodules)
lua_submodule_dirs += $(lua51subdir)
endif

clean-local:
	-rm -rf lua/5.1 lua/5.2 lua/5.3 lua/5.4 lua/5.5
