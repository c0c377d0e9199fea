/* SPDX-License-Identifier: MIT
 *
 * lobject.c: the userdata around a luatcp_socket, its three classes, the checks
 * of arguments and the pushing of failures that all methods share.  No method
 * that programs call by name.
 */
#include "lbinding.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *const class_names[LUATCPL_CLASSES] = {
    "tcp{master}", "tcp{client}", "tcp{server}"};

/* Its address is the registry's key for the table of the classes.  A string
 * would do until two releases of this module meet in one Lua state. */
static char classes_key;

/* ---- Checking -------------------------------------------------------- */

/* Whether a metatable is that of a state's class.  Comparing addresses is what
 * lua_rawequal does, and costs less. */
static int is_class(lua_State *L, const void *metatable, int state) {
  return metatable == lua_topointer(L, LUATCPL_CLASS(state));
}

/* The state whose class the value at an index has, or -1. */
static int class_of(lua_State *L, int index) {
  int state;
  const void *metatable;
  if (lua_touserdata(L, index) == NULL || !lua_getmetatable(L, index))
    return -1;
  metatable = lua_topointer(L, -1);
  lua_pop(L, 1);
  for (state = LUATCPL_CLASSES - 1; state >= 0; state--)
    if (is_class(L, metatable, state))
      break;
  return state;
}

_Noreturn void luatcpL_badargument(lua_State *L, int arg, const char *message) {
  luaL_argerror(L, arg, message);
  abort();
}

_Noreturn static void expected(lua_State *L, const char *what) {
  luatcpL_badargument(L, 1, lua_pushfstring(L, "%s expected", what));
}

/* Finalizers run in an order that programs do not choose, so they may meet
 * objects whose own finalizer has run. */
luatcp_socket *luatcpL_unbox(lua_State *L, luatcp_socket *const *box) {
  if (*box == NULL)
    luatcpL_badargument(L, 1, "object has been finalized");
  return *box;
}

void luatcpL_refuse(lua_State *L, int state) {
  if (class_of(L, 1) != state)
    expected(L, class_names[state]);
  luatcpL_unbox(L, (luatcp_socket **)lua_touserdata(L, 1));
}

luatcp_socket **luatcpL_tobox(lua_State *L, int index) {
  return class_of(L, index) < 0 ? NULL
                                : (luatcp_socket **)lua_touserdata(L, index);
}

luatcp_socket **luatcpL_checkbox(lua_State *L) {
  luatcp_socket **box = luatcpL_tobox(L, 1);
  if (box == NULL)
    expected(L, "tcp{any}");
  return box;
}

luatcp_socket **luatcpL_checkany(lua_State *L) {
  luatcp_socket **box = luatcpL_checkbox(L);
  luatcpL_unbox(L, box);
  return box;
}

/* Doubles hold no fractions from here on, and the cast below no more bits. */
#define WHOLE_BEYOND 9007199254740992.0

static int is_whole(lua_Number number) {
  return number >= WHOLE_BEYOND || number <= -WHOLE_BEYOND ||
         (lua_Number)(int64_t)number == number;
}

lua_Number luatcpL_checkwhole(lua_State *L, int arg, lua_Number low,
                              lua_Number high) {
  lua_Number number = luaL_checknumber(L, arg);
  if (!(number >= low && number <= high)) /* NaN too */
    luatcpL_badargument(L, arg, "number out of range");
  if (!is_whole(number))
    luatcpL_badargument(L, arg, "number has no integer representation");
  return number;
}

int luatcpL_checkchoice(lua_State *L, int arg, const char *const names[]) {
  size_t length;
  if (lua_isnoneornil(L, arg))
    return 0;
  if (strlen(luaL_checklstring(L, arg, &length)) != length)
    luatcpL_badargument(L, arg, "string contains zeros");
  /* LuaJIT would take the default for what is no string, if there were one */
  return luaL_checkoption(L, arg, NULL, names);
}

void luatcpL_checkdeadline(lua_State *L, int arg, luatcp_deadline *deadline) {
  lua_Number seconds = luaL_optnumber(L, arg, -1);
  luaL_argcheck(L, seconds == seconds, arg, "seconds expected, got NaN");
  luatcp_deadline_after(deadline, seconds);
}

int luatcpL_callable(lua_State *L, int index) {
  if (lua_isfunction(L, index))
    return 1;
  if (!luaL_getmetafield(L, index, "__call"))
    return 0;
  lua_pop(L, 1);
  return 1;
}

/* ---- Objects of others ----------------------------------------------- */

static int get_field(lua_State *L) {
  lua_gettable(L, 1);
  return 1;
}

/* Pushes a field of the value at an index, or nil where it cannot have any.
 * LuaJIT has values of which that is not known beforehand. */
static void push_field(lua_State *L, int index, const char *name) {
  int type = lua_type(L, index);
  if (type == LUA_TTABLE) {
    lua_getfield(L, index, name);
  } else if (!luaL_getmetafield(L, index, "__index")) {
    lua_pushnil(L);
  } else if (type <= LUA_TTHREAD) {
    lua_pop(L, 1);
    lua_getfield(L, index, name);
  } else {
    lua_pop(L, 1);
    lua_pushcfunction(L, get_field);
    lua_pushvalue(L, index);
    lua_pushstring(L, name);
    if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
      lua_pop(L, 1);
      lua_pushnil(L);
    }
  }
}

/* Calls a method and pushes its result, nil where there is none. */
static void call_method(lua_State *L, int index, const char *name) {
  push_field(L, index, name);
  if (!luatcpL_callable(L, -1)) {
    lua_pop(L, 1);
    lua_pushnil(L);
    return;
  }
  lua_pushvalue(L, index);
  lua_call(L, 1, 1);
}

int luatcpL_calldescriptor(lua_State *L, int index) {
  lua_Number number;
  call_method(L, index, "getfd");
  number = lua_isnumber(L, -1) ? lua_tonumber(L, -1) : -1;
  lua_pop(L, 1);
  if (!(number >= 0 && number <= INT_MAX) || (lua_Number)(int)number != number)
    return -1;
  return (int)number;
}

int luatcpL_calldirty(lua_State *L, int index) {
  int dirty;
  call_method(L, index, "dirty");
  dirty = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return dirty;
}

/* ---- Making and freeing ---------------------------------------------- */

luatcp_socket *luatcpL_new(lua_State *L, int state) {
  /* empty, with its finalizer, before there is anything to lose */
  luatcp_socket **box = (luatcp_socket **)compat_newuserdata(L, sizeof *box);
  *box = NULL;
  lua_pushvalue(L, LUATCPL_CLASS(state));
  lua_setmetatable(L, -2);
  return *box = luatcp_new();
}

static void empty(luatcp_socket **box) {
  luatcp_socket *socket = *box;
  *box = NULL;
  luatcp_free(socket);
}

void luatcpL_discard(lua_State *L) {
  empty((luatcp_socket **)lua_touserdata(L, -1));
}

void luatcpL_setclass(lua_State *L, int index, const luatcp_socket *socket) {
  /* an absolute or negative index: the metatable on top shifts the latter */
  int object = index > 0 ? index : index - 1;
  lua_pushvalue(L, LUATCPL_CLASS(luatcp_state(socket)));
  lua_setmetatable(L, object);
}

/* ---- Metamethods ----------------------------------------------------- */

static int object_gc(lua_State *L) {
  empty(luatcpL_checkbox(L));
  return 0;
}

/* Also for variables of attribute <close>. */
static int object_close(lua_State *L) {
  luatcp_socket **box = luatcpL_checkbox(L);
  if (*box != NULL)
    luatcp_close(*box);
  return 0;
}

static int object_tostring(lua_State *L) {
  int state = luatcpL_checkbox(L) != NULL ? class_of(L, 1) : -1;
  const char *name = state < 0 ? "" : class_names[state];
  lua_pushfstring(L, "%s: %p", name, lua_topointer(L, 1));
  return 1;
}

static const luaL_Reg metamethods[] = {{"__gc", object_gc},
                                       {"__close", object_close},
                                       {"__tostring", object_tostring},
                                       {NULL, NULL}};

/* ---- Classes --------------------------------------------------------- */

void luatcpL_setfunctions(lua_State *L, const luaL_Reg *functions) {
  int classes = lua_gettop(L) - LUATCPL_CLASSES;
  for (; functions->name != NULL; functions++) {
    int i;
    for (i = 0; i < LUATCPL_CLASSES; i++)
      lua_pushvalue(L, classes + i);
    lua_pushcclosure(L, functions->func, LUATCPL_CLASSES);
    lua_setfield(L, -2, functions->name);
  }
}

/* About how many there are, so that tables need not grow. */
#define METHODS 32

/* A metatable programs can see into: wrappers copy the methods in __index. */
static void push_new_class(lua_State *L, const char *name) {
  lua_createtable(L, 0, 8);
  lua_createtable(L, 0, METHODS);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "class");
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
}

/* Adds functions to three tables, the same to each.  Their upvalues are the
 * classes, as everywhere. */
static void set_in_all(lua_State *L, int classes, int tables,
                       const luaL_Reg *functions) {
  for (; functions->name != NULL; functions++) {
    int i;
    for (i = 0; i < LUATCPL_CLASSES; i++)
      lua_pushvalue(L, classes + i);
    lua_pushcclosure(L, functions->func, LUATCPL_CLASSES);
    lua_pushstring(L, functions->name);
    for (i = 0; i < LUATCPL_CLASSES; i++) {
      lua_pushvalue(L, -1);
      lua_pushvalue(L, -3);
      lua_rawset(L, tables + i);
    }
    lua_pop(L, 2);
  }
}

/* Every class has all methods: the wrong ones say what they expect. */
static void fill_classes(lua_State *L, int classes) {
  int i, methods = lua_gettop(L) + 1;
  set_in_all(L, classes, classes, metamethods);
  for (i = 0; i < LUATCPL_CLASSES; i++)
    lua_getfield(L, classes + i, "__index");
  set_in_all(L, classes, methods, luatcpL_tcp_methods);
  set_in_all(L, classes, methods, luatcpL_option_methods);
  set_in_all(L, classes, methods, luatcpL_stream_methods);
  lua_settop(L, methods - 1);
}

/* Keeps the classes at an index under classes_key. */
static void keep_classes(lua_State *L, int classes) {
  int i;
  lua_pushlightuserdata(L, &classes_key);
  lua_createtable(L, LUATCPL_CLASSES, 0);
  for (i = 0; i < LUATCPL_CLASSES; i++) {
    lua_pushvalue(L, classes + i);
    lua_rawseti(L, -2, 1 + i);
  }
  lua_rawset(L, LUA_REGISTRYINDEX);
}

static void make_classes(lua_State *L) {
  int i, classes = lua_gettop(L) + 1;
  for (i = 0; i < LUATCPL_CLASSES; i++)
    push_new_class(L, class_names[i]);
  fill_classes(L, classes);
  keep_classes(L, classes);
}

void luatcpL_pushclasses(lua_State *L) {
  int i, table;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_pushlightuserdata(L, &classes_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    make_classes(L);
    return;
  }
  table = lua_gettop(L);
  for (i = 0; i < LUATCPL_CLASSES; i++)
    lua_rawgeti(L, table, 1 + i);
  lua_remove(L, table);
}

/* Not the metatables themselves: LuaSocket, when it is loaded later, fills in
 * what it finds under these names, and would take our objects for its own. */
void luatcpL_publishclasses(lua_State *L) {
  int i, classes = lua_gettop(L) + 1;
  luatcpL_pushclasses(L);
  for (i = 0; i < LUATCPL_CLASSES; i++) {
    lua_getfield(L, LUA_REGISTRYINDEX, class_names[i]);
    if (lua_isnil(L, -1)) {
      lua_createtable(L, 0, 1);
      lua_getfield(L, classes + i, "__index");
      lua_setfield(L, -2, "__index");
      lua_setfield(L, LUA_REGISTRYINDEX, class_names[i]);
    }
    lua_pop(L, 1);
  }
  lua_settop(L, classes - 1);
}

/* ---- Results --------------------------------------------------------- */

int luatcpL_succeed(lua_State *L) {
  lua_pushinteger(L, 1);
  return 1;
}

static void push_system_message(lua_State *L, int status) {
  char message[LUATCP_MESSAGE_SIZE];
  lua_pushstring(L, luatcp_strerror(status, message, sizeof message));
}

/* The library's own messages are literals, which Lua finds by their address. */
void luatcpL_pushmessage(lua_State *L, int status) {
  switch (status) {
#define MESSAGE_CASE(symbol, number, message)                                  \
  case symbol:                                                                 \
    lua_pushliteral(L, message);                                               \
    break;
    LUATCP_ERRORS(MESSAGE_CASE)
#undef MESSAGE_CASE
  default:
    push_system_message(L, status);
  }
}

/* The value behind those that LuaSocket returns; how many were pushed. */
static int push_error_number(lua_State *L, int status) {
  int number = luatcp_error_number(status);
  if (number == 0)
    return 0;
  lua_pushinteger(L, number);
  return 1;
}

int luatcpL_fail(lua_State *L, int status) {
  lua_pushnil(L);
  luatcpL_pushmessage(L, status);
  return 2 + push_error_number(L, status);
}

int luatcpL_failwith(lua_State *L, int status) {
  lua_pushnil(L);
  luatcpL_pushmessage(L, status);
  lua_pushvalue(L, -3);
  return 3 + push_error_number(L, status);
}

int luatcpL_result(lua_State *L, int status) {
  return status == LUATCP_OK ? luatcpL_succeed(L) : luatcpL_fail(L, status);
}

int luatcpL_runhook(lua_State *L) {
  /* a Lua function, as some hooks count instructions; it has one */
  if (luaL_loadbuffer(L, "", 0, "=signal") != LUA_OK)
    return lua_error(L);
  lua_call(L, 0, 0);
  return 1;
}
