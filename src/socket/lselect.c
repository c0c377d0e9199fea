/* SPDX-License-Identifier: MIT
 *
 * lselect.c: select, from two lists of objects to an array of wait items and
 * back.  Any object with getfd, and dirty if it likes, can be in a list.
 *
 * An item knows its object by list, position and address alone.  Methods of
 * foreign objects, finalizers and hooks may change lists and free sockets, so
 * sockets are looked up anew when such code has run, and objects are compared
 * when results are made.
 */
#include "lbinding.h"

#include <limits.h>

/* So many items need no memory but the C stack. */
#define SMALL 64

/* Stands in for the descriptor of an object that is ready without waiting. */
#define DIRTY (-2)

enum { RECEIVE, SEND, SIDES };

/* Stack indices: the lists are the first two arguments. */
enum { LIST = 1, MEMORY = 4, VALUE };

typedef struct selection {
  luatcp_wait_item *items; /* of the receive list, then of the send list */
  const void **identities; /* the addresses of their objects */
  size_t capacity;         /* of both */
  size_t ready;            /* how many items are, after the wait */
  size_t counts[SIDES];    /* elements of each list */
  const void *classes[LUATCPL_CLASSES]; /* addresses of the metatables */
  size_t dirty;                         /* how many objects are ready already */
  int stale; /* Lua code may have run since the start */
} selection;

typedef struct small_memory {
  luatcp_wait_item items[SMALL];
  const void *identities[SMALL];
} small_memory;

/* ---- Arguments and memory -------------------------------------------- */

/* Lists are read without metamethods; those that have an __index are copied
 * first, up to the first nil like the others. */
static void flatten(lua_State *L, int arg) {
  int i;
  if (!luaL_getmetafield(L, arg, "__index"))
    return;
  lua_pop(L, 1);
  lua_newtable(L);
  for (i = 1; i < INT_MAX; i++) {
    lua_pushinteger(L, i);
    lua_gettable(L, arg);
    if (lua_isnil(L, -1))
      break;
    lua_rawseti(L, -2, i);
  }
  lua_pop(L, 1);
  lua_replace(L, arg);
}

static void check_lists(lua_State *L) {
  int arg;
  for (arg = LIST; arg < LIST + SIDES; arg++)
    if (!lua_isnil(L, arg)) {
      luaL_checktype(L, arg, LUA_TTABLE);
    }
  for (arg = LIST; arg < LIST + SIDES; arg++)
    if (!lua_isnil(L, arg))
      flatten(L, arg);
}

/* Pushes a block of so many bytes or more: what an earlier call has kept, which
 * is then in use, or a new one. */
static void *push_block(lua_State *L, size_t size) {
  luatcpL_pushkept(L);
  lua_rawgeti(L, -1, LUATCPL_KEPT_SELECTION);
  if (!lua_isnil(L, -1) && compat_rawlen(L, -1) >= size) {
    lua_pushnil(L);
    lua_rawseti(L, -3, LUATCPL_KEPT_SELECTION);
  } else {
    lua_pop(L, 1);
    (void)compat_newuserdata(L, size);
  }
  lua_remove(L, -2);
  return lua_touserdata(L, -1);
}

/* For the next call; an error leaves the block to the collector. */
static void keep_block(lua_State *L) {
  if (lua_isnil(L, MEMORY))
    return;
  luatcpL_pushkept(L);
  lua_pushvalue(L, MEMORY);
  lua_rawseti(L, -2, LUATCPL_KEPT_SELECTION);
  lua_pop(L, 1);
}

static void reserve(lua_State *L, selection *all, size_t capacity) {
  size_t used = all->counts[RECEIVE] + all->counts[SEND];
  luatcp_wait_item *items;
  const void **identities;
  if (capacity > (size_t)INT_MAX / sizeof *items)
    luaL_error(L, "too many sockets");
  items = (luatcp_wait_item *)push_block(
      L, capacity * (sizeof *items + sizeof *identities));
  identities = (const void **)(items + capacity);
  if (used > 0) {
    memcpy(items, all->items, used * sizeof *items);
    memcpy(identities, all->identities, used * sizeof *identities);
  }
  lua_replace(L, MEMORY);
  all->items = items;
  all->identities = identities;
  all->capacity = capacity;
  all->stale = 1; /* memory may have been collected for it */
}

static void start(lua_State *L, selection *all, small_memory *memory) {
  size_t expected = 0;
  int i;
  /* cppcheck-suppress ctuuninitvar ; handed on to be filled, not read */
  all->items = memory->items;
  all->identities = memory->identities;
  all->capacity = SMALL;
  all->counts[RECEIVE] = all->counts[SEND] = 0;
  for (i = 0; i < LUATCPL_CLASSES; i++)
    all->classes[i] = lua_topointer(L, LUATCPL_CLASS(i));
  for (i = LIST; i < LIST + SIDES; i++)
    if (lua_istable(L, i))
      expected += compat_rawlen(L, i);
  if (expected > all->capacity)
    reserve(L, all, expected);
}

/* ---- From objects to items ------------------------------------------- */

/* The box of the value on top when it is an object of ours, else NULL.  May
 * leave a metatable on the stack: this is done for each of many objects. */
static inline luatcp_socket **own_box(lua_State *L, const selection *all) {
  luatcp_socket **box = (luatcp_socket **)lua_touserdata(L, -1);
  const void *class;
  if (box == NULL || !lua_getmetatable(L, -1))
    return NULL;
  class = lua_topointer(L, -1);
  if (class == all->classes[LUATCP_CLIENT] ||
      class == all->classes[LUATCP_SERVER] ||
      class == all->classes[LUATCP_MASTER])
    return box;
  return NULL;
}

static int foreign_descriptor(lua_State *L, selection *all, int side) {
  int descriptor;
  if (lua_type(L, VALUE) == LUA_TNUMBER) /* no key for a list's map */
    return -1;
  all->stale = 1;
  descriptor = luatcpL_calldescriptor(L, VALUE);
  if (descriptor < 0 || side == SEND)
    return descriptor;
  if (!luatcpL_calldirty(L, VALUE))
    return descriptor;
  all->dirty++;
  return DIRTY;
}

/* An item for VALUE, whose box it is when it is one of ours. */
static void add_item(lua_State *L, selection *all, int side,
                     luatcp_socket *const *box) {
  size_t at = all->counts[RECEIVE] + all->counts[SEND];
  luatcp_wait_item *item;
  if (at == all->capacity)
    reserve(L, all, 2 * at);
  item = &all->items[at];
  item->socket = box != NULL ? *box : NULL;
  item->descriptor = -1;
  item->events = side == RECEIVE ? LUATCP_READABLE : LUATCP_WRITABLE;
  item->ready = 0;
  all->identities[at] = box != NULL ? box : lua_topointer(L, VALUE);
  if (box == NULL)
    item->descriptor = foreign_descriptor(L, all, side);
  all->counts[side]++;
}

static void collect_list(lua_State *L, selection *all, int side) {
  int i;
  if (!lua_istable(L, LIST + side))
    return;
  for (i = 1; i < INT_MAX; i++) {
    luatcp_socket **box;
    lua_rawgeti(L, LIST + side, i);
    box = own_box(L, all);
    if (box == NULL) {
      lua_settop(L, VALUE);
      if (lua_isnil(L, VALUE))
        break;
    }
    add_item(L, all, side, box);
    lua_settop(L, MEMORY);
  }
  lua_settop(L, MEMORY);
}

/* Looks own objects up again: those that are no longer where they were are
 * not waited for. */
static void refresh_list(lua_State *L, selection *all, int side, size_t at) {
  size_t i;
  for (i = 0; i < all->counts[side]; i++) {
    luatcp_wait_item *item = &all->items[at + i];
    luatcp_socket **box;
    if (item->socket == NULL)
      continue;
    lua_rawgeti(L, LIST + side, (int)i + 1);
    box = own_box(L, all);
    item->socket = (const void *)box == all->identities[at + i] ? *box : NULL;
    lua_settop(L, MEMORY);
  }
}

static void collect(lua_State *L, selection *all) {
  all->counts[RECEIVE] = all->counts[SEND] = 0;
  all->dirty = 0;
  all->stale = 0;
  collect_list(L, all, RECEIVE);
  collect_list(L, all, SEND);
  if (!all->stale)
    return;
  refresh_list(L, all, RECEIVE, 0);
  refresh_list(L, all, SEND, all->counts[RECEIVE]);
}

/* ---- Waiting --------------------------------------------------------- */

static int wait_once(selection *all, luatcp_deadline *deadline) {
  luatcp_deadline now;
  if (all->dirty > 0) {
    luatcp_deadline_after(&now, 0);
    deadline = &now;
  }
  return luatcp_wait(deadline, all->items,
                     all->counts[RECEIVE] + all->counts[SEND], &all->ready);
}

static int collect_and_wait(lua_State *L, selection *all,
                            luatcp_deadline *deadline) {
  int status;
  do {
    collect(L, all);
    status = wait_once(all, deadline);
  } while (luatcpL_interrupted(L, status));
  all->ready += all->dirty;
  if (status == LUATCP_TIMEOUT && all->dirty > 0)
    return LUATCP_OK;
  return status;
}

/* ---- From items to results ------------------------------------------- */

static int is_ready(const luatcp_wait_item *item) {
  return item->ready != 0 || item->descriptor == DIRTY;
}

/* Appends the value on top to the result below it, a list and a map from
 * object to position, unless it is in there.  Pops the value; returns how long
 * the list is now. */
static int append(lua_State *L, int length) {
  if (length > 0) {
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    if (!lua_isnil(L, -1)) {
      lua_pop(L, 2);
      return length;
    }
    lua_pop(L, 1);
  }
  length++;
  lua_pushvalue(L, -1);
  lua_rawseti(L, -3, length);
  lua_pushinteger(L, length);
  lua_rawset(L, -3);
  return length;
}

/* Pushes the result for a list whose items begin at an index.  Room is made
 * for all that are ready and have not been given yet. */
static void push_ready(lua_State *L, selection *all, int side, size_t at) {
  size_t i;
  int length = 0;
  int room =
      (int)(all->ready < all->counts[side] ? all->ready : all->counts[side]);
  /* both keys of a single object fit into one part of its table */
  lua_createtable(L, room > 1 ? room : 0, room > 1 ? room : 2 * room);
  for (i = 0; all->ready > 0 && i < all->counts[side]; i++) {
    if (!is_ready(&all->items[at + i]))
      continue;
    all->ready--;
    lua_rawgeti(L, LIST + side, (int)i + 1);
    if (!lua_isnil(L, -1) && lua_topointer(L, -1) == all->identities[at + i])
      length = append(L, length);
    else
      lua_pop(L, 1); /* Lua code has put another one in its place */
  }
}

static int function_select(lua_State *L) {
  luatcp_deadline deadline;
  small_memory memory;
  selection all;
  int status;
  lua_settop(L, MEMORY);
  luatcpL_checkdeadline(L, 3, &deadline);
  check_lists(L);
  start(L, &all, &memory);
  status = collect_and_wait(L, &all, &deadline);
  if (status != LUATCP_OK && status != LUATCP_TIMEOUT) {
    luatcpL_pushmessage(L, status);
    return luaL_error(L, "select failed: %s", lua_tostring(L, -1));
  }
  push_ready(L, &all, RECEIVE, 0);
  push_ready(L, &all, SEND, all.counts[RECEIVE]);
  keep_block(L);
  if (status == LUATCP_OK)
    return 2;
  lua_pushliteral(L, "timeout");
  return 3;
}

const luaL_Reg luatcpL_select_functions[] = {{"select", function_select},
                                             {NULL, NULL}};
