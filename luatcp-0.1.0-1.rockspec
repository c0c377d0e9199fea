-- SPDX-License-Identifier: MIT
-- The rock: the module under its own name, with the library inside (a rock can't
-- bring a shared library that others could link).
--
--   luarocks make                              here, or in an unpacked release
--
-- A rock to hand on, made where the release's .tar.gz is; LuaRocks wants the path
-- of it to be absolute:
--   sed "s,file://,&$PWD/," RELEASE/luatcp-0.1.0-1.rockspec >luatcp-0.1.0-1.rockspec
--   luarocks pack luatcp-0.1.0-1.rockspec
--   luarocks install luatcp-0.1.0-1.src.rock
--
-- The name of the file, version and source change with each release;
-- packaging/check-packages looks at all three.
rockspec_format = "1.0"
package = "luatcp"
version = "0.1.0-1"
source = {
  url = "file://luatcp-0.1.0.tar.gz",
  dir = "luatcp-0.1.0",
}
description = {
  summary = "TCP sockets with deadlines",
  detailed = [[
Sockets for TCP over IPv4 and IPv6 with the interface of LuaSocket's TCP
objects.  Time limits hold, also while a name is looked up; connects find the
address that answers; select has no limit on descriptors.  Found with
require "luatcp", beside LuaSocket or without it.]],
  license = "MIT",
}
supported_platforms = { "unix" }
dependencies = { "lua >= 5.1, < 5.6" }
-- One directory for each Lua, and configure's own way to name the directories:
-- libtool wants to know at build time where a module will be.
build = {
  type = "command",
  build_command = [[
v=$("$(LUA)" -e 'io.write((_VERSION:gsub("Lua ", "")))') &&
s=$(echo $v | tr -d .) &&
{ test -x configure || ./autogen.sh; } &&
rm -rf build-rock && mkdir build-rock && cd build-rock &&
../configure --enable-embedded-core --disable-socket-name --with-lua=$v \
  --prefix="$(PREFIX)" --bindir="$(BINDIR)" --docdir="$(PREFIX)/doc" \
  --mandir="$(PREFIX)/doc/man" \
  lua${s}cmoddir="$(LIBDIR)" lua${s}lmoddir="$(LUADIR)" \
  LUA$s="$(LUA)" LUA${s}_CFLAGS="-I$(LUA_INCDIR)" \
  CC="$(CC)" CFLAGS="$(CFLAGS)" &&
"$(MAKE)"]],
  install_command = [["$(MAKE)" -C build-rock install]],
  copy_directories = {},
}
