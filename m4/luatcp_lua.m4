# SPDX-License-Identifier: MIT
# luatcp_lua.m4: which Luas to build modules for, and where those go.
#
# Each version is one slot: 5.1, 5.2, 5.3, 5.4, 5.5.  LuaJIT loads modules of
# 5.1 from the directories of 5.1, so it has no slot of its own: "jit" fills
# that of 5.1 with LuaJIT's headers, for systems without the original ones.
#
# A module does not link liblua: the program that loads it has it.

# LUATCP_LUA_SLOT(SHORT, VERSION, LUA_VERSION_NUM, PKG-CONFIG NAMES)
# Declares the variables of a slot, and the shell function that looks for it:
# luatcp_find_SHORT sets LUA<SHORT>_CFLAGS and succeeds, or fails.
AC_DEFUN([LUATCP_LUA_SLOT],
[AC_ARG_VAR([LUA$1], [interpreter of Lua $2, for tests])
AC_ARG_VAR([LUA$1_CFLAGS], [compiler flags for Lua $2's headers])
AC_ARG_VAR([lua$1cmoddir], [where Lua $2 looks for C modules @<:@LIBDIR/lua/$2@:>@])
AC_ARG_VAR([lua$1lmoddir], [where Lua $2 looks for Lua modules @<:@DATADIR/lua/$2@:>@])
AS_IF([test -z "$lua$1cmoddir"], [lua$1cmoddir='${libdir}/lua/$2'])
AS_IF([test -z "$lua$1lmoddir"], [lua$1lmoddir='${datadir}/lua/$2'])
luatcp_with_$1=no
])

# LUATCP_LUA_COMPILES(FLAGS, LUA_VERSION_NUM, HEADER, ACTION-IF-TRUE)
# Compiles: pkg-config's word alone let headers of the wrong machine through.
AC_DEFUN([LUATCP_LUA_COMPILES],
[luatcp_save_CPPFLAGS=$CPPFLAGS
CPPFLAGS="$CPPFLAGS $1"
AC_COMPILE_IFELSE([AC_LANG_SOURCE([[#include <lua.h>
#include <lauxlib.h>
#include <$3>
#if LUA_VERSION_NUM != $2
#error another version
#endif
lua_Number luatcp_try;]])], [$4])
CPPFLAGS=$luatcp_save_CPPFLAGS])

# LUATCP_LUA_HEADERS(SLOT, NAME, LUA_VERSION_NUM, HEADER, PKG-CONFIG MODULES)
# Looks for the headers, in this order: the flags that the user gave, the
# pkg-config modules, the compiler's own directories.  Sets luatcp_found, and
# LUA<SLOT>_CFLAGS.
AC_DEFUN([LUATCP_LUA_HEADERS],
[AC_MSG_CHECKING([for the headers of $2])
luatcp_found=no
AS_IF([test -n "$LUA$1_CFLAGS"],
  [LUATCP_LUA_COMPILES([$LUA$1_CFLAGS], [$3], [$4], [luatcp_found=yes])],
  [for luatcp_module in $5; do
     AS_IF([test -n "$PKG_CONFIG" &&
            luatcp_flags=`$PKG_CONFIG --cflags "$luatcp_module" 2>/dev/null`],
       [LUATCP_LUA_COMPILES([$luatcp_flags], [$3], [$4],
          [luatcp_found=yes
           LUA$1_CFLAGS=$luatcp_flags])])
     AS_IF([test $luatcp_found = yes], [break])
   done
   AS_IF([test $luatcp_found = no],
     [LUATCP_LUA_COMPILES([], [$3], [$4], [luatcp_found=yes])])])
AC_MSG_RESULT([$luatcp_found])
])

# LUATCP_LUA_TRY(SHORT, VERSION, LUA_VERSION_NUM)
AC_DEFUN([LUATCP_LUA_TRY],
[LUATCP_LUA_HEADERS([$1], [Lua $2], [$3], [lualib.h],
  [lua$2 lua-$2 lua$1 lua])
AS_IF([test $luatcp_found = yes], [luatcp_with_$1=yes])])

# LUATCP_LUA_INTERPRETER(SHORT, NAME, _VERSION, CANDIDATES)
# Finds the program of a slot for the tests and appends NAME:PROGRAM to
# LUATCP_INTERPRETERS.  When cross compiling only the user can know it; that is
# also when the programs made happen to run here, as those for i386 do on x86_64.
AC_DEFUN([LUATCP_LUA_INTERPRETER],
[AC_MSG_CHECKING([for an interpreter of $2])
AS_IF([test -z "$LUA$1" && test "$cross_compiling" != yes &&
       test "$build" = "$host"],
  [for luatcp_program in $4; do
     AS_IF([test "`$luatcp_program -e 'io.write@{:@$3@:}@' 2>/dev/null`" = yes],
       [LUA$1=`command -v $luatcp_program`
        break])
   done])
AC_MSG_RESULT([${LUA$1:-none}])
AS_IF([test -n "$LUA$1"],
  [LUATCP_INTERPRETERS="$LUATCP_INTERPRETERS${LUATCP_INTERPRETERS:+ }$2:$LUA$1"])
])

# LUATCP_LUA
# The option --with-lua.  Sets the conditionals WITH_LUA51 to WITH_LUA55, the
# shell variable luatcp_lua_chosen ("5.4 5.1", empty for none), and the output
# variables LUA51_CFLAGS and so on, lua51cmoddir and so on, and
# LUATCP_INTERPRETERS for tests/lua-run.
AC_DEFUN([LUATCP_LUA],
[AC_ARG_WITH([lua],
  [AS_HELP_STRING([--with-lua=LIST],
    [build modules for these: 5.1 to 5.5, jit @{:@LuaJIT's own headers in
     place of 5.1's@:}@, separated by commas; all that are there: all; none:
     no @<:@5.4, else the newest there is@:>@])],
  [], [with_lua=yes])
LUATCP_LUA_SLOT([51], [5.1])
LUATCP_LUA_SLOT([52], [5.2])
LUATCP_LUA_SLOT([53], [5.3])
LUATCP_LUA_SLOT([54], [5.4])
LUATCP_LUA_SLOT([55], [5.5])
AC_ARG_VAR([LUAJIT], [interpreter of LuaJIT, for tests])
AC_SUBST([LUATCP_INTERPRETERS])
LUATCP_INTERPRETERS=

luatcp_need=all luatcp_first=no luatcp_found=no
AS_CASE([$with_lua],
  [no], [luatcp_list=],
  [yes], [luatcp_list="5.4 5.5 5.3 5.2 5.1 jit" luatcp_need=one luatcp_first=yes],
  [all], [luatcp_list="5.5 5.4 5.3 5.2 5.1 jit" luatcp_need=one],
  [luatcp_list=`AS_ECHO(["$with_lua"]) | tr ',' ' '`])

luatcp_asked_51=no
for luatcp_item in $luatcp_list; do
  AS_IF([test $luatcp_first$luatcp_found = yesyes], [break])
  AS_CASE([$luatcp_item],
    [5.5], [LUATCP_LUA_TRY([55], [5.5], [505])],
    [5.4], [LUATCP_LUA_TRY([54], [5.4], [504])],
    [5.3], [LUATCP_LUA_TRY([53], [5.3], [503])],
    [5.2], [LUATCP_LUA_TRY([52], [5.2], [502])],
    [5.1|jit],
      [AS_IF([test $luatcp_need = all && test $luatcp_asked_51 = yes],
         [AC_MSG_ERROR([--with-lua=$with_lua: LuaJIT loads the modules of Lua 5.1 from the same directory, so ask for 5.1 or for jit, not for both])])
       luatcp_asked_51=yes
       AS_IF([test $luatcp_with_51 = yes], [],
         [test $luatcp_item = 5.1], [LUATCP_LUA_TRY([51], [5.1], [501])],
         [LUATCP_LUA_HEADERS([51], [LuaJIT], [501], [luajit.h], [luajit])
          AS_IF([test $luatcp_found = yes], [luatcp_with_51=jit])])],
    [AC_MSG_ERROR([--with-lua=$with_lua: "$luatcp_item" is none of 5.1 5.2 5.3 5.4 5.5 jit])])
  AS_IF([test $luatcp_need$luatcp_found = allno],
    [AS_CASE([$luatcp_item],
       [jit], [luatcp_packages="libluajit-5.1-dev on Debian, luajit-devel on Fedora"],
       [5.1], [luatcp_packages="liblua5.1-0-dev on Debian, compat-lua-devel on Fedora"],
       [luatcp_packages="liblua$luatcp_item-dev on Debian, lua-devel on Fedora"])
     AC_MSG_ERROR([no headers of Lua $luatcp_item: install them ($luatcp_packages), or choose with --with-lua])])
done

LUATCP_LUA_CHOSEN([55], [5.5])
LUATCP_LUA_CHOSEN([54], [5.4])
LUATCP_LUA_CHOSEN([53], [5.3])
LUATCP_LUA_CHOSEN([52], [5.2])
LUATCP_LUA_CHOSEN([51], [5.1])
AS_IF([test $luatcp_need = one && test -z "$luatcp_lua_chosen"],
  [AC_MSG_ERROR([no headers of any Lua: install them (liblua5.4-dev on Debian, lua-devel on Fedora), name their place with LUA54_CFLAGS, or build without a module: --with-lua=no])])
LUATCP_LUA_LIBRARY([55], [5.5])
LUATCP_LUA_LIBRARY([54], [5.4])
LUATCP_LUA_LIBRARY([53], [5.3])
LUATCP_LUA_LIBRARY([52], [5.2])
LUATCP_LUA_LIBRARY([51], [5.1])
AS_IF([test $luatcp_with_51 != no],
  [LUATCP_LUA_INTERPRETER([JIT], [jit], [jit and "yes" or "no"], [luajit])])
])

# LUATCP_LUA_LIBRARY(SHORT, VERSION)
# Looks for the library of a slot, which only tests link: HAVE_LIBLUA<SHORT>.
AC_DEFUN([LUATCP_LUA_LIBRARY],
[AC_ARG_VAR([LUA$1_LIBS], [linker flags for Lua $2's library, for tests])
luatcp_found=no
AS_IF([test $luatcp_with_$1 = yes],
  [AC_MSG_CHECKING([for the library of Lua $2])
   AS_IF([test -z "$LUA$1_LIBS" && test -n "$PKG_CONFIG"],
     [for luatcp_module in lua$2 lua-$2 lua$1 lua; do
        # "lua" may be another version
        AS_CASE([`$PKG_CONFIG --modversion "$luatcp_module" 2>/dev/null`],
          [$2|$2.*],
          [LUA$1_LIBS=`$PKG_CONFIG --libs "$luatcp_module" 2>/dev/null` && break])
      done])
   luatcp_save_LIBS=$LIBS luatcp_save_CPPFLAGS=$CPPFLAGS
   LIBS="$LUA$1_LIBS $LIBS" CPPFLAGS="$CPPFLAGS $LUA$1_CFLAGS"
   AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <lauxlib.h>
#include <lualib.h>]],
     [[lua_State *L = luaL_newstate(); luaL_openlibs(L); lua_close(L);]])],
     [luatcp_found=yes])
   LIBS=$luatcp_save_LIBS CPPFLAGS=$luatcp_save_CPPFLAGS
   AC_MSG_RESULT([$luatcp_found])])
AM_CONDITIONAL([HAVE_LIBLUA$1], [test $luatcp_found = yes])
])

# LUATCP_LUA_CHOSEN(SHORT, VERSION)
AC_DEFUN([LUATCP_LUA_CHOSEN],
[AM_CONDITIONAL([WITH_LUA$1], [test $luatcp_with_$1 != no])
AS_IF([test $luatcp_with_$1 != no],
  [AS_IF([test $luatcp_with_$1 = jit],
     [luatcp_lua_chosen="$luatcp_lua_chosen${luatcp_lua_chosen:+ }5.1 (LuaJIT)"],
     [luatcp_lua_chosen="$luatcp_lua_chosen${luatcp_lua_chosen:+ }$2"
      LUATCP_LUA_INTERPRETER([$1], [$2],
        [not jit and _VERSION == "Lua $2" and "yes" or "no"],
        [lua$2 lua-$2 lua$1 lua])])])
])
