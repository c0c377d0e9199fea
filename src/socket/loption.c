/* SPDX-License-Identifier: MIT
 *
 * loption.c: Lua values to option values and back, one conversion for each
 * kind.  Which options there are, the core knows.
 */
#include "lbinding.h"

#include <limits.h>
#include <string.h>

/* Room for the name of a network interface and more. */
#define STRING_SIZE 256

static int check_option(lua_State *L, const char **option) {
  size_t length;
  int kind;
  *option = luaL_checklstring(L, 2, &length);
  kind = strlen(*option) == length ? luatcp_option_kind(*option) : -1;
  if (kind < 0)
    luatcpL_badargument(L, 2,
                        lua_pushfstring(L, "unsupported option '%s'", *option));
  return kind;
}

/* ---- Setting --------------------------------------------------------- */

static int check_linger_on(lua_State *L) {
  int on;
  lua_getfield(L, 3, "on");
  if (!lua_isboolean(L, -1))
    luatcpL_badargument(L, 3, "boolean 'on' field expected");
  on = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return on;
}

/* A number also where it does not matter, but there it may be absent. */
static int check_linger_timeout(lua_State *L, int on) {
  lua_Number seconds;
  lua_getfield(L, 3, "timeout");
  if (lua_isnil(L, -1) && !on)
    return 0;
  if (!lua_isnumber(L, -1))
    luatcpL_badargument(L, 3, "number 'timeout' field expected");
  seconds = lua_tonumber(L, -1);
  if (!(seconds >= 0 && seconds <= INT_MAX) ||
      (lua_Number)(int)seconds != seconds)
    luatcpL_badargument(L, 3, "'timeout' field out of range");
  lua_pop(L, 1);
  return (int)seconds;
}

static int64_t check_linger(lua_State *L) {
  int on, seconds;
  luaL_checktype(L, 3, LUA_TTABLE);
  on = check_linger_on(L);
  seconds = check_linger_timeout(L, on);
  return on ? seconds : -1;
}

static int64_t check_value(lua_State *L, int kind) {
  switch (kind) {
  case LUATCP_OPTION_BOOLEAN:
    luaL_checktype(L, 3, LUA_TBOOLEAN);
    return lua_toboolean(L, 3);
  case LUATCP_OPTION_LINGER:
    return check_linger(L);
  case LUATCP_OPTION_NUMBER:
    return (int64_t)luatcpL_checkwhole(L, 3, 0, INT_MAX);
  default:
    return luaL_argerror(L, 2, "option can only be read");
  }
}

static int method_setoption(lua_State *L) {
  luatcp_socket **box = luatcpL_checkany(L);
  const char *option;
  int kind = check_option(L, &option);
  if (kind == LUATCP_OPTION_STRING) {
    size_t length;
    const char *text = luaL_checklstring(L, 3, &length);
    return luatcpL_result(L,
                          luatcp_set_option_string(*box, option, text, length));
  } else {
    int64_t value = check_value(L, kind);
    luatcpL_unbox(L, box); /* the table may have had a metamethod */
    return luatcpL_result(L, luatcp_set_option(*box, option, value));
  }
}

/* ---- Getting --------------------------------------------------------- */

static void push_linger(lua_State *L, int64_t seconds) {
  lua_createtable(L, 0, 2);
  lua_pushboolean(L, seconds >= 0);
  lua_setfield(L, -2, "on");
  compat_pushinteger(L, seconds >= 0 ? seconds : 0);
  lua_setfield(L, -2, "timeout");
}

/* The message of the connection's last failure and its number, or nil. */
static int give_error(lua_State *L, int error) {
  int number = luatcp_error_number(error);
  if (error == LUATCP_OK) {
    lua_pushnil(L);
    return 1;
  }
  luatcpL_pushmessage(L, error);
  if (number == 0)
    return 1;
  lua_pushinteger(L, number);
  return 2;
}

static int give_value(lua_State *L, int kind, int64_t value) {
  switch (kind) {
  case LUATCP_OPTION_BOOLEAN:
    lua_pushboolean(L, value != 0);
    return 1;
  case LUATCP_OPTION_LINGER:
    push_linger(L, value);
    return 1;
  case LUATCP_OPTION_ERROR:
    return give_error(L, (int)value);
  default:
    compat_pushinteger(L, value);
    return 1;
  }
}

static int get_string(lua_State *L, luatcp_socket *const *box,
                      const char *option) {
  char text[STRING_SIZE];
  size_t length;
  int status =
      luatcp_get_option_string(*box, option, text, sizeof text, &length);
  if (status != LUATCP_OK)
    return luatcpL_fail(L, status);
  lua_pushlstring(L, text, length);
  return 1;
}

static int method_getoption(lua_State *L) {
  luatcp_socket **box = luatcpL_checkany(L);
  const char *option;
  int64_t value;
  int status, kind = check_option(L, &option);
  if (kind == LUATCP_OPTION_STRING)
    return get_string(L, box, option);
  status = luatcp_get_option(*box, option, &value);
  if (status != LUATCP_OK)
    return luatcpL_fail(L, status);
  return give_value(L, kind, value);
}

const luaL_Reg luatcpL_option_methods[] = {{"getoption", method_getoption},
                                           {"setoption", method_setoption},
                                           {NULL, NULL}};
