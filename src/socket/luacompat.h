/* SPDX-License-Identifier: MIT
 *
 * luacompat.h: every difference between Lua 5.1, 5.2, 5.3, 5.4, 5.5 and LuaJIT
 * that the binding meets, and nothing else.  Knows no sockets.  A module built
 * with the headers of Lua 5.1 also runs under LuaJIT, so what LuaJIT adds to
 * 5.1 is not used.
 */
#ifndef LUACOMPAT_H
#define LUACOMPAT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <lua.h>

#include <lauxlib.h>

#ifndef LUA_OK
#define LUA_OK 0
#endif

/* ---- Small things ---------------------------------------------------- */

/* Whole numbers are integers where Lua has such; elsewhere lua_Integer may be
 * too narrow for a count of bytes, and a double is not. */
static inline void compat_pushinteger(lua_State *L, int64_t number) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger(L, (lua_Integer)number);
#else
  lua_pushnumber(L, (lua_Number)number);
#endif
}

/* Whether the value at an index is a whole number that Lua has as integer or
 * can make one; false also where nothing but a double is safe to look at. */
static inline int compat_towhole(lua_State *L, int index, int64_t *number) {
#if LUA_VERSION_NUM >= 503
  int whole;
  *number = lua_tointegerx(L, index, &whole);
  return whole;
#else
  (void)L;
  (void)index;
  (void)number;
  return 0;
#endif
}

static inline size_t compat_rawlen(lua_State *L, int index) {
#if LUA_VERSION_NUM >= 502
  return (size_t)lua_rawlen(L, index);
#else
  return lua_objlen(L, index);
#endif
}

static inline void *compat_newuserdata(lua_State *L, size_t size) {
#if LUA_VERSION_NUM >= 504
  return lua_newuserdatauv(L, size, 0);
#else
  return lua_newuserdata(L, size);
#endif
}

/* A userdata with a table of its own, which compat_pushtable gives. */
static inline void *compat_newuserdatatable(lua_State *L, size_t size) {
#if LUA_VERSION_NUM >= 504
  void *data = lua_newuserdatauv(L, size, 1);
  lua_newtable(L);
  lua_setiuservalue(L, -2, 1);
#elif LUA_VERSION_NUM >= 502
  void *data = lua_newuserdata(L, size);
  lua_newtable(L);
  lua_setuservalue(L, -2);
#else
  void *data = lua_newuserdata(L, size);
  lua_newtable(L);
  lua_setfenv(L, -2);
#endif
  return data;
}

static inline void compat_pushtable(lua_State *L, int index) {
#if LUA_VERSION_NUM >= 504
  lua_getiuservalue(L, index, 1);
#elif LUA_VERSION_NUM >= 502
  lua_getuservalue(L, index);
#else
  lua_getfenv(L, index);
#endif
}

static inline void compat_checkversion(lua_State *L) {
#if LUA_VERSION_NUM >= 502
  luaL_checkversion(L);
#else
  (void)L;
#endif
}

/* Pushes what tostring(value) gives for the value on top. */
static inline void compat_tostring(lua_State *L) {
#if LUA_VERSION_NUM >= 502
  luaL_tolstring(L, -1, NULL);
#else
  if (luaL_callmeta(L, -1, "__tostring"))
    return;
  if (lua_isstring(L, -1))
    lua_pushvalue(L, -1);
  else if (lua_isboolean(L, -1))
    lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false");
  else if (lua_isnil(L, -1))
    lua_pushliteral(L, "nil");
  else
    lua_pushfstring(L, "%s: %p", luaL_typename(L, -1), lua_topointer(L, -1));
#endif
}

/* ---- Strings from memory that Lua code could free -------------------- */

/* Pushes bytes that the finalizer of some other object could free.  Until 5.3
 * lua_pushlstring may run the collector, hence finalizers, before it copies;
 * there the bytes go to the C stack first, so COMPAT_VIEW_MAX is the most that
 * one call takes. */
#if LUA_VERSION_NUM >= 504
#define COMPAT_VIEW_MAX SIZE_MAX
static inline void compat_pushview(lua_State *L, const char *data,
                                   size_t length) {
  lua_pushlstring(L, data, length);
}
#else
#define COMPAT_VIEW_MAX ((size_t)16384)
static inline void compat_pushview(lua_State *L, const char *data,
                                   size_t length) {
  char copy[16384];
  if (length > 0)
    memcpy(copy, data, length);
  lua_pushlstring(L, copy, length);
}
#endif

/* ---- Calls across which Lua code may yield --------------------------- */

/* COMPAT_CONTINUATION(finish) makes static int finish(lua_State *, int status)
 * fit for compat_pcall and compat_call, which call it in place of returning
 * when the callee has yielded.  Status is then LUA_YIELD for success.  Lua 5.1
 * has no such thing: COMPAT_YIELDABLE is 0, and nobody yields across the call.
 */
#if LUA_VERSION_NUM >= 503

#define COMPAT_YIELDABLE 1
typedef lua_KFunction compat_Continuation;
#define COMPAT_CONTINUATION(finish)                                            \
  static int finish##_k(lua_State *L, int status, lua_KContext context) {      \
    (void)context;                                                             \
    return finish(L, status);                                                  \
  }

#elif LUA_VERSION_NUM == 502

#define COMPAT_YIELDABLE 1
typedef lua_CFunction compat_Continuation;
#define COMPAT_CONTINUATION(finish)                                            \
  static int finish##_k(lua_State *L) { return finish(L, lua_getctx(L, NULL)); }

#else

#define COMPAT_YIELDABLE 0
typedef int (*compat_Continuation)(lua_State *L, int status);
#define COMPAT_CONTINUATION(finish)                                            \
  static int finish##_k(lua_State *L, int status) { return finish(L, status); }

#endif

static inline int compat_pcall(lua_State *L, int arguments, int results,
                               compat_Continuation continuation) {
#if COMPAT_YIELDABLE
  return lua_pcallk(L, arguments, results, 0, 0, continuation);
#else
  (void)continuation;
  return lua_pcall(L, arguments, results, 0);
#endif
}

static inline void compat_call(lua_State *L, int arguments, int results,
                               compat_Continuation continuation) {
#if COMPAT_YIELDABLE
  lua_callk(L, arguments, results, 0, continuation);
#else
  (void)continuation;
  lua_call(L, arguments, results);
#endif
}

#endif
