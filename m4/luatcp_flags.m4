# SPDX-License-Identifier: MIT
# luatcp_flags.m4: compiler and linker flags, each tried before it is used.

# LUATCP_TRY_CFLAGS(VARIABLE, FLAGS)
# Adds those of the flags that the compiler knows to the output variable.
# -Werror, since clang only warns about flags that it does not know.
AC_DEFUN([LUATCP_TRY_CFLAGS],
[AC_SUBST([$1])
luatcp_save_CFLAGS=$CFLAGS
for luatcp_flag in m4_normalize([$2]); do
  AS_VAR_PUSHDEF([luatcp_known], [luatcp_cv_cflag_$luatcp_flag])
  AC_CACHE_CHECK([whether $CC knows $luatcp_flag], [luatcp_known],
    [CFLAGS="$luatcp_save_CFLAGS -Werror $luatcp_flag"
     AC_COMPILE_IFELSE([AC_LANG_SOURCE([[int luatcp_try;]])],
       [AS_VAR_SET([luatcp_known], [yes])], [AS_VAR_SET([luatcp_known], [no])])])
  AS_VAR_IF([luatcp_known], [yes], [$1="$$1 $luatcp_flag"])
  AS_VAR_POPDEF([luatcp_known])
done
CFLAGS=$luatcp_save_CFLAGS
])

# LUATCP_TRY_LDFLAG(DESCRIPTION, CACHE-VARIABLE, FLAG)
AC_DEFUN([LUATCP_TRY_LDFLAG],
[AC_CACHE_CHECK([$1], [$2],
  [luatcp_save_LDFLAGS=$LDFLAGS
   LDFLAGS="$LDFLAGS $3"
   AC_LINK_IFELSE([AC_LANG_PROGRAM], [$2=yes], [$2=no])
   LDFLAGS=$luatcp_save_LDFLAGS])])

# LUATCP_CHECK_LINKER
# Sets luatcp_cv_version_script, and the output variables
#   NODELETE_LDFLAGS  keeps a library in memory once it is loaded.  Lua unloads
#                     modules when a state is closed, while a lookup may still
#                     run on a thread in our code.
#   SYMBOLIC_LDFLAGS  calls inside a library go straight to its own functions.
#   LUA_UNDEFS        takes back -Wl,-z,defs, which some distributions put in
#                     LDFLAGS: a module gets Lua's functions from the program
#                     that loads it.
# and luatcp_cv_wrap, whether tests can put functions of theirs between the
# library and the system.
AC_DEFUN([LUATCP_CHECK_LINKER],
[AC_SUBST([NODELETE_LDFLAGS])
AC_SUBST([SYMBOLIC_LDFLAGS])
AC_SUBST([LUA_UNDEFS])
cat >conftest.map <<_ACEOF
CONFTEST_1 { global: *; };
_ACEOF
LUATCP_TRY_LDFLAG([whether the linker takes version scripts],
  [luatcp_cv_version_script], [-shared -Wl,--version-script=conftest.map])
rm -f conftest.map
LUATCP_TRY_LDFLAG([whether the linker knows -z nodelete],
  [luatcp_cv_z_nodelete], [-Wl,-z,nodelete])
AS_IF([test $luatcp_cv_z_nodelete = yes],
  [NODELETE_LDFLAGS="-Wl,-z,nodelete"])
LUATCP_TRY_LDFLAG([whether the linker knows -Bsymbolic-functions],
  [luatcp_cv_bsymbolic_functions], [-shared -Wl,-Bsymbolic-functions])
AS_IF([test $luatcp_cv_bsymbolic_functions = yes],
  [SYMBOLIC_LDFLAGS="-Wl,-Bsymbolic-functions"])
LUATCP_TRY_LDFLAG([whether the linker knows -z undefs],
  [luatcp_cv_z_undefs], [-Wl,-z,undefs])
AS_IF([test $luatcp_cv_z_undefs = yes], [LUA_UNDEFS="-Wl,-z,undefs"])
LUATCP_TRY_LDFLAG([whether the linker knows --wrap],
  [luatcp_cv_wrap], [-Wl,--wrap=luatcp_try])
])
