/* SPDX-License-Identifier: MIT
 *
 * lbuffer.c: memory in which results grow that are no views of a socket's own
 * buffer: on the C stack first, then the Lua state's allocator's.
 *
 * Allocators have no store of memory for the largest results: they get it fresh
 * from the system each time, and the page faults of that are most of what such
 * results cost.  So a Lua state keeps one large piece between calls, for as
 * long as the collector leaves it there.
 */
#include "lbinding.h"

#include <stdlib.h>

/* glibc's allocator, for one, reuses pieces up to 32 MiB.  Beyond the other
 * limit a program may miss the memory. */
#define KEPT_MIN ((size_t)32 << 20)
#define KEPT_MAX ((size_t)256 << 20)

struct luatcpL_memory {
  char *data;
  size_t size;
};

/* Its address is the registry's key for the table. */
static char kept_key;

/* realloc by the state's allocator, whose limits hold here too.  NULL leaves
 * everything as it is. */
static char *resize(lua_State *L, struct luatcpL_memory *memory, size_t size) {
  void *context;
  lua_Alloc allocate = lua_getallocf(L, &context);
  char *data = (char *)allocate(context, memory->data, memory->size, size);
  if (data != NULL || size == 0) {
    memory->data = data;
    memory->size = size;
  }
  return data;
}

static void release(lua_State *L, struct luatcpL_memory *memory) {
  if (memory->data != NULL)
    (void)resize(L, memory, 0);
}

static int finalize(lua_State *L) {
  struct luatcpL_memory *memory = (struct luatcpL_memory *)lua_touserdata(L, 1);
  if (memory != NULL && lua_getmetatable(L, 1) &&
      lua_rawequal(L, -1, lua_upvalueindex(1)))
    release(L, memory);
  return 0;
}

/* Its metatable is that of the pieces too. */
void luatcpL_pushkept(lua_State *L) {
  lua_pushlightuserdata(L, &kept_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (!lua_isnil(L, -1))
    return;
  lua_pop(L, 1);
  lua_pushlightuserdata(L, &kept_key);
  lua_createtable(L, LUATCPL_KEPT, 0);
  lua_createtable(L, 0, 2);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, finalize, 1);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
  lua_pushlightuserdata(L, &kept_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
}

/* Pushes the piece that is kept, which is then in use, or a new one. */
static struct luatcpL_memory *push_memory(lua_State *L) {
  struct luatcpL_memory *memory;
  lua_rawgeti(L, -1, LUATCPL_KEPT_RESULT);
  memory = (struct luatcpL_memory *)lua_touserdata(L, -1);
  if (memory != NULL) {
    lua_pushnil(L);
    lua_rawseti(L, -3, LUATCPL_KEPT_RESULT);
    return memory;
  }
  lua_pop(L, 1);
  memory = (struct luatcpL_memory *)lua_newuserdata(L, sizeof *memory);
  memory->data = NULL;
  memory->size = 0;
  lua_getmetatable(L, -2);
  lua_setmetatable(L, -2);
  return memory;
}

/* Pushes two values when the C stack does not do any more. */
static void leave_stack(luatcpL_buffer *buffer) {
  lua_State *L = buffer->L;
  luaL_checkstack(L, 6, NULL);
  luatcpL_pushkept(L);
  buffer->kept = lua_gettop(L);
  buffer->memory = push_memory(L);
}

static char *enlarge(lua_State *L, struct luatcpL_memory *memory, size_t size) {
  char *data = resize(L, memory, size);
  if (data != NULL)
    return data;
  lua_gc(L, LUA_GCCOLLECT, 0);
  data = resize(L, memory, size);
  if (data != NULL)
    return data;
  luaL_error(L, "not enough memory");
  abort(); /* which Lua does not declare as never reached */
}

static void grow(luatcpL_buffer *buffer, size_t size) {
  int was_on_stack = buffer->memory == NULL;
  char *data;
  if (was_on_stack)
    leave_stack(buffer);
  data = buffer->memory->data;
  if (data == NULL || buffer->memory->size < size)
    data = enlarge(buffer->L, buffer->memory, size);
  if (was_on_stack)
    memcpy(data, buffer->first, buffer->length);
  buffer->data = data;
  buffer->size = buffer->memory->size;
}

void luatcpL_startbuffer(lua_State *L, luatcpL_buffer *buffer, size_t size) {
  buffer->L = L;
  buffer->memory = NULL;
  buffer->data = buffer->first;
  buffer->size = sizeof buffer->first;
  buffer->length = 0;
  if (size > buffer->size)
    grow(buffer, size);
}

char *luatcpL_bufferroom(luatcpL_buffer *buffer, size_t most, size_t *size) {
  size_t room;
  if (buffer->length == buffer->size) {
    size_t more = buffer->size < most ? buffer->size : most;
    if (buffer->size > (size_t)PTRDIFF_MAX - more)
      luaL_error(buffer->L, "not enough memory");
    grow(buffer, buffer->size + more);
  }
  room = buffer->size - buffer->length;
  *size = room < most ? room : most;
  return buffer->data + buffer->length;
}

void luatcpL_pushbuffer(luatcpL_buffer *buffer) {
  lua_State *L = buffer->L;
  struct luatcpL_memory *memory = buffer->memory;
  lua_pushlstring(L, buffer->data, buffer->length);
  if (memory == NULL)
    return;
  if (memory->size < KEPT_MIN || memory->size > KEPT_MAX) {
    release(L, memory);
    return;
  }
  lua_pushvalue(L, buffer->kept + 1);
  lua_rawseti(L, buffer->kept, LUATCPL_KEPT_RESULT);
}
