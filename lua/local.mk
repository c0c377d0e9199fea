# SPDX-License-Identifier: MIT
# lua/local.mk: the half of the module that is written in Lua.

dist_noinst_DATA = lua/socket.lua

# Installed under the name that is luatcp's own; socket.lua is a link to it.
lua/luatcp.lua: lua/socket.lua
	$(AM_V_GEN)$(MKDIR_P) lua && cp $(srcdir)/lua/socket.lua $@
CLEANFILES += lua/luatcp.lua

# lua/X.Y in the build tree gets the files and links that an installation has.
staged_files = \
	lua/5.1/staged lua/5.2/staged lua/5.3/staged lua/5.4/staged lua/5.5/staged
$(staged_files): lua/luatcp.lua
	$(AM_V_GEN)d=`dirname $@` && $(MKDIR_P) $$d/socket && \
	rm -f $$d/luatcp/core.so $$d/socket/core.so $$d/luatcp.lua $$d/socket.lua && \
	$(LN_S) .libs/core.so $$d/luatcp/core.so && \
	$(LN_S) ../luatcp/core.so $$d/socket/core.so && \
	$(LN_S) ../luatcp.lua $$d/luatcp.lua && \
	$(LN_S) luatcp.lua $$d/socket.lua && \
	echo staged > $@

clean-local:
	-rm -rf lua/5.1 lua/5.2 lua/5.3 lua/5.4 lua/5.5
