/* SPDX-License-Identifier: MIT
 *
 * lcompose.c: the functions of lua/composed.lua, which is text in this module.
 * Programs that never use them don't pay for compiling it: until then they are
 * functions of C that have it compiled when they are called.
 */
#include "lbinding.h"

/* In the order in which the text returns them. */
enum { MODULE, SOURCES, SINKS, TABLES };
static const struct {
  int table;
  const char *name;
} composed[] = {{MODULE, "choose"},        {MODULE, "source"},
                {MODULE, "sink"},          {SOURCES, "by-length"},
                {SOURCES, "until-closed"}, {SINKS, "close-when-done"},
                {SINKS, "keep-open"}};

#define COMPOSED ((int)(sizeof composed / sizeof composed[0]))

/* The functions are kept in a table, under their numbers from 1 on; behind them
 * is what the text is called with.  The one at OWN is a table, from sources and
 * sinks of this module to their names. */
enum { OWN = TABLES + 1, ARGUMENTS = 8 };

/* How far the caller of source and sink is from an error inside: a function of
 * C is in between where there are such. */
#define LEVEL (COMPAT_YIELDABLE ? 4 : 3)

/* Has the functions made, into the table at an index. */
static void compile(lua_State *L, int table) {
  int i, base = lua_gettop(L);
  if (luaL_loadbuffer(L, luatcpL_composed, luatcpL_composed_size, "=luatcp") !=
      LUA_OK)
    lua_error(L);
  for (i = 1; i <= ARGUMENTS; i++)
    lua_rawgeti(L, table, COMPOSED + i);
  lua_call(L, ARGUMENTS, COMPOSED);
  for (i = COMPOSED; i >= 1; i--)
    lua_rawseti(L, table, i);
  lua_settop(L, base);
}

static int finish(lua_State *L, int status) {
  (void)status;
  return lua_gettop(L);
}
COMPAT_CONTINUATION(finish)

/* The upvalues: the table, and which function of it this one stands for. */
static int composed_call(lua_State *L) {
  int number = (int)lua_tointeger(L, lua_upvalueindex(2));
  int arguments = lua_gettop(L);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_rawgeti(L, lua_upvalueindex(1), number);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    compile(L, lua_upvalueindex(1));
    lua_rawgeti(L, lua_upvalueindex(1), number);
  }
  lua_insert(L, 1);
  compat_call(L, arguments, LUA_MULTRET, finish_k);
  return finish(L, LUA_OK);
}

/* Pushes the table, with nothing in it but the arguments.  The module and what
 * is behind it are on the stack. */
static void push_table(lua_State *L, int module) {
  static const char *const globals[] = {"error", "setmetatable", "type"};
  int i, table;
  lua_createtable(L, COMPOSED + ARGUMENTS, 0);
  table = lua_gettop(L);
  for (i = 0; i < TABLES; i++)
    lua_pushvalue(L, module + i);
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, LEVEL);
  for (i = 0; i < 3; i++)
    lua_getglobal(L, globals[i]);
  for (i = ARGUMENTS; i >= 1; i--)
    lua_rawseti(L, table, COMPOSED + i);
}

static void push_function(lua_State *L, int table, int number) {
  /* nobody can yield across a call in C there: the functions themselves */
  if (!COMPAT_YIELDABLE) {
    lua_rawgeti(L, table, number);
    return;
  }
  lua_pushvalue(L, table);
  lua_pushinteger(L, number);
  lua_pushcclosure(L, composed_call, 2);
}

/* Enters the function on top, where it makes sources or sinks, in the table at
 * an index. */
static void remember_own(lua_State *L, int own, int number) {
  if (composed[number].table == MODULE)
    return;
  lua_pushvalue(L, -1);
  lua_pushstring(L, composed[number].name);
  lua_rawset(L, own);
}

static void set_default(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  lua_setfield(L, table, "default");
}

void luatcpL_opencomposed(lua_State *L) {
  int i, module = lua_gettop(L), table;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_createtable(L, 0, 4);
  lua_createtable(L, 0, 4);
  push_table(L, module);
  table = lua_gettop(L);
  if (!COMPAT_YIELDABLE)
    compile(L, table);
  lua_rawgeti(L, table, COMPOSED + OWN);
  for (i = 0; i < COMPOSED; i++) {
    push_function(L, table, i + 1);
    remember_own(L, table + 1, i);
    lua_setfield(L, module + composed[i].table, composed[i].name);
  }
  set_default(L, module + SOURCES, "until-closed");
  set_default(L, module + SINKS, "keep-open");
  lua_pop(L, 2);
  lua_setfield(L, module, "sinkt");
  lua_setfield(L, module, "sourcet");
}
