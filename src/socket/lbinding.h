/* SPDX-License-Identifier: MIT
 *
 * lbinding.h: what the l files share, under the name of the file that has it.
 * The binding sees the core through luatcp.h alone.
 */
#ifndef LBINDING_H
#define LBINDING_H

#include "luacompat.h"
#include "luatcp.h"

#include <errno.h>

/* Methods and the functions that make or take objects carry the metatables of
 * the three classes as upvalues: they are compared by identity, so that no
 * script can pass something else off as an object of ours. */
#define LUATCPL_CLASSES 3
#define LUATCPL_CLASS(state) lua_upvalueindex(1 + (state))

/* ---- lobject.c ------------------------------------------------------- */

/* The box of argument 1, which is self, or a Lua error: an object of the class
 * of a state, or of any class.  The box has a socket in it until Lua code runs
 * again: a script may call finalizers, so look into it anew after that. */
static inline luatcp_socket **luatcpL_checkclass(lua_State *L, int state);
luatcp_socket **luatcpL_checkany(lua_State *L);

/* luatcpL_checkclass for methods that are called often: leaves a value on the
 * stack, which takes a call to remove. */
static inline luatcp_socket **luatcpL_checkself(lua_State *L, int state);

/* luaL_argerror, which Lua does not declare as one that never returns. */
_Noreturn void luatcpL_badargument(lua_State *L, int arg, const char *message);

/* Raises: why argument 1 is no object of the class, or has been finalized. */
void luatcpL_refuse(lua_State *L, int state);

/* The box of the value at an index when it is one of our objects, else NULL. */
luatcp_socket **luatcpL_tobox(lua_State *L, int index);

/* The same for functions that have to do with objects that have been
 * finalized too: their box is empty. */
luatcp_socket **luatcpL_checkbox(lua_State *L);

/* What is in a box after Lua code has run, or a Lua error. */
luatcp_socket *luatcpL_unbox(lua_State *L, luatcp_socket *const *box);

/* Pushes a new object of a state's class.  NULL: memory is short, and the
 * object is an empty one. */
luatcp_socket *luatcpL_new(lua_State *L, int state);

/* Frees at once what the object on top holds, whose making has failed. */
void luatcpL_discard(lua_State *L);

/* Makes the class of the object at an index that of its socket's state. */
void luatcpL_setclass(lua_State *L, int index, const luatcp_socket *socket);

/* Pushes the metatables of the three classes; the first call in a Lua state
 * makes them. */
void luatcpL_pushclasses(lua_State *L);

/* Enters tables with the methods of the classes in the registry under the names
 * of the classes, where that is free. */
void luatcpL_publishclasses(lua_State *L);

/* Adds functions to the table on top; they get the LUATCPL_CLASSES values
 * below the table as upvalues. */
void luatcpL_setfunctions(lua_State *L, const luaL_Reg *functions);

/* What the calls return: 1; or nil, a message, and the number of a system
 * error; or either according to status.  luatcpL_failwith puts the value on
 * top (a partial result, an index) behind the message. */
int luatcpL_succeed(lua_State *L);
int luatcpL_fail(lua_State *L, int status);
int luatcpL_failwith(lua_State *L, int status);
int luatcpL_result(lua_State *L, int status);

/* Pushes the message of an error. */
void luatcpL_pushmessage(lua_State *L, int status);

/* The number in an argument when it is whole and between the limits, else a
 * Lua error.  Infinity counts as whole, for limits that include it. */
lua_Number luatcpL_checkwhole(lua_State *L, int arg, lua_Number low,
                              lua_Number high);

/* Which of some names an argument is, the first one where there is none. */
int luatcpL_checkchoice(lua_State *L, int arg, const char *const names[]);

/* A deadline from an optional number of seconds; nil and negative: none. */
void luatcpL_checkdeadline(lua_State *L, int arg, luatcp_deadline *deadline);

/* Whether the value at an index can be called. */
int luatcpL_callable(lua_State *L, int index);

/* Calls a method of the value at an absolute index, which may be an object of
 * others: getfd, -1 where that gives no descriptor; dirty, false where there is
 * none. */
int luatcpL_calldescriptor(lua_State *L, int index);
int luatcpL_calldirty(lua_State *L, int index);

/* Lets Lua run the debug hook that a signal handler may have set; returns 1. */
int luatcpL_runhook(lua_State *L);

/* The condition of every loop around a call that waits: true after a signal,
 * when the call has to go on, with the same deadline.  Lua code may have run
 * in between; luatcpL_again sees to it that the box is still full. */
static inline int luatcpL_interrupted(lua_State *L, int status) {
  return status == -EINTR && luatcpL_runhook(L);
}

static inline int luatcpL_again(lua_State *L, int status,
                                luatcp_socket *const *box) {
  return luatcpL_interrupted(L, status) && luatcpL_unbox(L, box) != NULL;
}

/* Comparing addresses is what lua_rawequal does, and costs less. */
static inline luatcp_socket **luatcpL_checkself(lua_State *L, int state) {
  luatcp_socket **box = (luatcp_socket **)lua_touserdata(L, 1);
  if (box == NULL || !lua_getmetatable(L, 1) ||
      lua_topointer(L, -1) != lua_topointer(L, LUATCPL_CLASS(state)) ||
      *box == NULL)
    luatcpL_refuse(L, state);
  return box;
}

static inline luatcp_socket **luatcpL_checkclass(lua_State *L, int state) {
  luatcp_socket **box = luatcpL_checkself(L, state);
  lua_pop(L, 1);
  return box;
}

/* ---- ltcp.c ---------------------------------------------------------- */

/* Where to connect or bind to, read by luatcpL_checkendpoint. */
typedef struct luatcpL_endpoint {
  const char *host;
  const char *service;
  char digits[8]; /* where service points when the port was a number */
} luatcpL_endpoint;

/* Reads host and port from two arguments.  Wrong types raise; what no host or
 * port can be is returned as an error. */
int luatcpL_checkendpoint(lua_State *L, int arg, luatcpL_endpoint *endpoint);
int luatcpL_checkhost(lua_State *L, int arg, luatcpL_endpoint *endpoint);
int luatcpL_checkservice(lua_State *L, int arg, luatcpL_endpoint *endpoint);

extern const luaL_Reg luatcpL_tcp_methods[];
extern const luaL_Reg luatcpL_tcp_functions[];

/* ---- lbuffer.c ------------------------------------------------------- */

/* Pushes a table with weak values, the same for all of a Lua state: memory that
 * is kept between calls, for as long as the collector leaves it there.  Setting
 * one of these values needs no memory. */
void luatcpL_pushkept(lua_State *L);

enum { LUATCPL_KEPT_RESULT = 1, LUATCPL_KEPT_SELECTION, LUATCPL_KEPT = 2 };

/* A result of unknown or large size under way.  Callers add to length, and
 * leave the rest and the stack above it alone. */
typedef struct luatcpL_buffer {
  lua_State *L;
  char *data;
  size_t length, size;
  struct luatcpL_memory *memory; /* NULL: data is first */
  int kept;                      /* else: stack index; memory is above it */
  char first[1024];
} luatcpL_buffer;

/* Starts one with room for some bytes at least. */
void luatcpL_startbuffer(lua_State *L, luatcpL_buffer *buffer, size_t size);

/* Room for the next bytes, at least 1 and no more than most, which is not 0.
 * Twice the memory is asked for when all is full. */
char *luatcpL_bufferroom(luatcpL_buffer *buffer, size_t most, size_t *size);

/* Pushes the bytes as a string.  The buffer has ended. */
void luatcpL_pushbuffer(luatcpL_buffer *buffer);

/* ---- loption.c, lstream.c, lselect.c --------------------------------- */

extern const luaL_Reg luatcpL_option_methods[];
extern const luaL_Reg luatcpL_stream_methods[];
extern const luaL_Reg luatcpL_select_functions[];

/* ---- lpoller.c ------------------------------------------------------- */

/* Adds function poller to the module table on top, which has the classes below
 * it. */
void luatcpL_openpoller(lua_State *L);

/* ---- ldns.c, ltry.c -------------------------------------------------- */

/* Both add to the module table on top: dns; newtry, try and protect. */
void luatcpL_opendns(lua_State *L);
void luatcpL_opentry(lua_State *L);

/* ---- lcompose.c, and lua/composed.lua in C --------------------------- */

/* Adds to the module table on top, which has all else: choose, source, sink
 * and the tables of sources and sinks. */
void luatcpL_opencomposed(lua_State *L);

extern const char luatcpL_composed[];
extern const size_t luatcpL_composed_size;

#endif
