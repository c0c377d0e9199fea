/* SPDX-License-Identifier: MIT
 *
 * ltry.c: newtry, try and protect, exceptions for calls that return nil and
 * an error.  Knows no sockets.  Under Lua 5.1 nobody can yield across protect
 * of this file: lua/composed.lua has another one for there.
 */
#include "lbinding.h"

/* Its address is the registry's key for the metatable of what a try throws. */
static char thrown_key;

/* ---- What a try throws ----------------------------------------------- */

/* The cause is element 1.  For those whom it reaches without a protect. */
static int thrown_tostring(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_rawgeti(L, 1, 1);
  compat_tostring(L);
  return 1;
}

static void make_metatable(lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable"); /* programs cannot make another */
  lua_pushcfunction(L, thrown_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushlightuserdata(L, &thrown_key);
  lua_pushvalue(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

static void push_metatable(lua_State *L) {
  lua_pushlightuserdata(L, &thrown_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    make_metatable(L);
  }
}

/* Both functions that follow have the metatable as second upvalue. */
#define METATABLE lua_upvalueindex(2)

static void push_thrown(lua_State *L, int cause) {
  lua_createtable(L, 1, 0);
  lua_pushvalue(L, cause);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, METATABLE);
  lua_setmetatable(L, -2);
}

/* Whether the value on top is what a try has thrown. */
static int is_thrown(lua_State *L) {
  int same;
  if (!lua_istable(L, -1) || !lua_getmetatable(L, -1))
    return 0;
  same = lua_rawequal(L, -1, METATABLE);
  lua_pop(L, 1);
  return same;
}

/* ---- newtry ---------------------------------------------------------- */

#define THROWN 3 /* its stack index while the finalizer runs */

/* What the finalizer says or throws is of no interest. */
static int raise_thrown(lua_State *L, int status) {
  (void)status;
  lua_settop(L, THROWN);
  return lua_error(L);
}
COMPAT_CONTINUATION(raise_thrown)

static int try_call(lua_State *L) {
  if (lua_toboolean(L, 1))
    return lua_gettop(L);
  lua_settop(L, 2);
  push_thrown(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  if (lua_isnil(L, -1))
    return raise_thrown(L, LUA_OK);
  return raise_thrown(L, compat_pcall(L, 0, 0, raise_thrown_k));
}

static int function_newtry(lua_State *L) {
  lua_settop(L, 1);
  luaL_argcheck(L, lua_isnil(L, 1) || luatcpL_callable(L, 1), 1,
                "function expected");
  push_metatable(L);
  lua_pushcclosure(L, try_call, 2);
  return 1;
}

/* ---- protect --------------------------------------------------------- */

static int finish(lua_State *L, int status) {
  if (status == LUA_OK || status == LUA_YIELD)
    return lua_gettop(L);
  if (!is_thrown(L))
    return lua_error(L);
  lua_pushnil(L);
  lua_rawgeti(L, -2, 1);
  return 2;
}
COMPAT_CONTINUATION(finish)

static int protected_call(lua_State *L) {
  int arguments = lua_gettop(L);
  luaL_checkstack(L, 4, "too many arguments");
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  return finish(L, compat_pcall(L, arguments, LUA_MULTRET, finish_k));
}

static int function_protect(lua_State *L) {
  lua_settop(L, 1);
  luaL_argcheck(L, luatcpL_callable(L, 1), 1, "function expected");
  push_metatable(L);
  lua_pushcclosure(L, protected_call, 2);
  return 1;
}

void luatcpL_opentry(lua_State *L) {
  lua_pushcfunction(L, function_newtry);
  lua_setfield(L, -2, "newtry");
  lua_pushcfunction(L, function_protect);
  lua_setfield(L, -2, "protect");
  lua_pushnil(L);
  push_metatable(L);
  lua_pushcclosure(L, try_call, 2);
  lua_setfield(L, -2, "try");
}
