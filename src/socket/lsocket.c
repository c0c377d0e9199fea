/* SPDX-License-Identifier: MIT
 *
 * lsocket.c: the module: its two names, its constants, and the functions that
 * need no object.  Assembles what the other l files have.
 */
#include "lbinding.h"

#include <limits.h>

#if defined(__GNUC__)
#define EXPORTED __attribute__((visibility("default")))
#else
#define EXPORTED
#endif

/* The same module, as file luatcp/core.so and as socket/core.so. */
EXPORTED int luaopen_luatcp_core(lua_State *L);
EXPORTED int luaopen_socket_core(lua_State *L);

/* ---- Clocks ---------------------------------------------------------- */

static int function_gettime(lua_State *L) {
  lua_pushnumber(L, luatcp_time());
  return 1;
}

static int function_monotime(lua_State *L) {
  lua_pushnumber(L, luatcp_monotonic_time());
  return 1;
}

static int function_sleep(lua_State *L) {
  luatcp_deadline deadline;
  lua_Number seconds = luaL_checknumber(L, 1);
  int status;
  luaL_argcheck(L, seconds == seconds, 1, "seconds expected, got NaN");
  if (seconds <= 0)
    return 0;
  luatcp_deadline_after(&deadline, seconds);
  do
    status = luatcp_sleep(&deadline);
  while (luatcpL_interrupted(L, status));
  return 0;
}

/* ---- Errors ---------------------------------------------------------- */

/* Takes the numbers that failures come with, which are errno's. */
static int function_strerror(lua_State *L) {
  int number = (int)luatcpL_checkwhole(L, 1, LUATCP_ERROR_LAST, INT_MAX);
  luatcpL_pushmessage(L, number > 0 ? -number : number);
  return 1;
}

/* No system known has an errno of use to sockets beyond this. */
#define ERRNO_LAST 160

/* About how many have names, so that the table need not grow. */
#define ERRNO_NAMES 41

static void push_errno(lua_State *L) {
  int number;
  lua_createtable(L, 0, ERRNO_NAMES);
  for (number = 1; number <= ERRNO_LAST; number++) {
    const char *name = luatcp_error_name(-number);
    if (name[0] == '\0')
      continue;
    lua_pushinteger(L, number);
    lua_setfield(L, -2, name);
  }
}

/* ---- Small things ---------------------------------------------------- */

/* Counts beyond the number of values that there can be. */
#define SKIP_MAX 9007199254740992.0

static int function_skip(lua_State *L) {
  int values = lua_gettop(L) - 1;
  lua_Number count = luatcpL_checkwhole(L, 1, 0, SKIP_MAX);
  return count >= values ? 0 : values - (int)count;
}

/* Programs call it before they leave; there is nothing to be done. */
static int function_unload(lua_State *L) {
  (void)L;
  return 0;
}

static const luaL_Reg functions[] = {{"gettime", function_gettime},
                                     {"monotime", function_monotime},
                                     {"sleep", function_sleep},
                                     {"skip", function_skip},
                                     {"strerror", function_strerror},
                                     {"__unload", function_unload},
                                     {NULL, NULL}};

/* ---- The module ------------------------------------------------------ */

static void set_functions(lua_State *L) {
  const luaL_Reg *function;
  for (function = functions; function->name != NULL; function++) {
    lua_pushcfunction(L, function->func);
    lua_setfield(L, -2, function->name);
  }
}

/* For old programs that size their select lists by it; here nothing ends. */
#define SET_SIZE 1024

/* Of the pieces in which sources read; programs may change the field. */
#define BLOCK_SIZE 2048

static void set_constants(lua_State *L) {
  lua_pushfstring(L, "luatcp %s", luatcp_version());
  lua_setfield(L, -2, "_VERSION");
  lua_pushinteger(L, SET_SIZE);
  lua_setfield(L, -2, "_SETSIZE");
  lua_pushinteger(L, -1);
  lua_setfield(L, -2, "_SOCKETINVALID");
  lua_pushinteger(L, BLOCK_SIZE);
  lua_setfield(L, -2, "BLOCKSIZE");
  push_errno(L);
  lua_setfield(L, -2, "errno");
}

/* About how many fields the module has: up to this, its table takes half as
 * much memory as beyond. */
#define FIELDS 32

int luaopen_luatcp_core(lua_State *L) {
  compat_checkversion(L);
  luatcpL_publishclasses(L);
  luatcpL_pushclasses(L);
  lua_createtable(L, 0, FIELDS);
  luatcpL_setfunctions(L, luatcpL_tcp_functions);
  luatcpL_setfunctions(L, luatcpL_select_functions);
  luatcpL_openpoller(L);
  set_functions(L);
  set_constants(L);
  luatcpL_opentry(L);
  luatcpL_opendns(L);
  luatcpL_opencomposed(L);
  return 1;
}

int luaopen_socket_core(lua_State *L) { return luaopen_luatcp_core(L); }
