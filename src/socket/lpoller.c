/* SPDX-License-Identifier: MIT
 *
 * lpoller.c: socket.poller(): a standing set of objects, ours and those of
 * others that have a method getfd.  Which are ready, the core knows; here they
 * are kept alive and found again, and others are asked for buffered input.
 *
 * Each member has a number, which the core carries.  The poller's table has
 * [object] = number, [2 * number - 1] = object, [2 * number] = value.
 */
#include "lbinding.h"

#include <limits.h>
#include <stdlib.h>

/* The most that one wait gives. */
#define EVENTS 256

/* Upvalues behind the classes. */
#define METATABLE lua_upvalueindex(LUATCPL_CLASSES + 1)
#define ITERATOR lua_upvalueindex(LUATCPL_CLASSES + 2)
#define UPVALUES (LUATCPL_CLASSES + 2)

typedef struct member {
  luatcp_socket *const *box; /* of an object that is ours, else NULL */
  int descriptor;            /* of an object that is not */
  int events;
  int next_free; /* number of another free member; 0: none */
  char suspect;  /* may have buffered input: to be asked before waiting */
  char armed;    /* the core has yet to report it, if it is a one shot */
} member;

/* What suspect may be besides 0: to be asked, and has just said yes. */
enum { SUSPECT = 1, DIRTY = 2 };

typedef struct poller {
  luatcp_poller *core; /* NULL: closed */
  member *members;     /* number 1 is the first */
  int count;           /* of members, free ones included */
  int free;            /* first free one; 0: none */
  int suspects;
  int dirty_next;     /* how many dirty members to pass over, for fairness */
  int core_next;      /* the core has the next turn where there is one */
  size_t ready, next; /* events that the last wait gave; the next to be seen */
  luatcp_event events[EVENTS];
} poller;

/* ---- Checking -------------------------------------------------------- */

/* Argument 1, which is self; leaves a value on the stack. */
static poller *check_self(lua_State *L) {
  poller *self = (poller *)lua_touserdata(L, 1);
  if (self == NULL || !lua_getmetatable(L, 1) ||
      lua_topointer(L, -1) != lua_topointer(L, METATABLE))
    luatcpL_badargument(L, 1, "poller expected");
  return self;
}

static poller *to_poller(lua_State *L) {
  poller *self = check_self(L);
  lua_pop(L, 1);
  return self;
}

static void require_open(lua_State *L, const poller *self) {
  if (self->core == NULL)
    luatcpL_badargument(L, 1, "poller is closed");
}

static poller *check_poller(lua_State *L) {
  poller *self = to_poller(L);
  require_open(L, self);
  return self;
}

/* "r", "w", "rw" or "", with "1" for a one shot. */
static int check_events(lua_State *L, int arg) {
  const char *text = luaL_checkstring(L, arg);
  int events = 0;
  for (; *text != '\0'; text++)
    switch (*text) {
    case 'r':
      events |= LUATCP_READABLE;
      break;
    case 'w':
      events |= LUATCP_WRITABLE;
      break;
    case '1':
      events |= LUATCP_ONE_SHOT;
      break;
    default:
      return luaL_argerror(L, arg, "invalid events");
    }
  return events;
}

/* ---- Members --------------------------------------------------------- */

static member *member_of(const poller *self, int number) {
  return &self->members[number - 1];
}

static void *to_data(int number) { return (void *)(intptr_t)number; }

static int to_number(const void *data) { return (int)(intptr_t)data; }

static int grow(poller *self) {
  int i, count = self->count == 0 ? 16 : self->count * 2;
  member *members;
  if (count > (1 << 24))
    return -ENOMEM;
  members = (member *)realloc(self->members, (size_t)count * sizeof *members);
  if (members == NULL)
    return -ENOMEM;
  self->members = members;
  for (i = count; i > self->count; i--) {
    member_of(self, i)->next_free = self->free;
    member_of(self, i)->suspect = 0;
    member_of(self, i)->armed = 0;
    self->free = i;
  }
  self->count = count;
  return LUATCP_OK;
}

static void set_suspect(poller *self, member *one, int suspect) {
  self->suspects += (suspect != 0) - (one->suspect != 0);
  one->suspect = (char)suspect;
}

static void release(poller *self, int number) {
  member *one = member_of(self, number);
  set_suspect(self, one, 0);
  one->next_free = self->free;
  self->free = number;
}

/* The number of the object at index 2, or 0.  The table is on top. */
static int find(lua_State *L) {
  int number;
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);
  number = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return number;
}

static void set_value(lua_State *L, int table, int number, int value) {
  if (lua_isnone(L, value))
    lua_pushnil(L);
  else
    lua_pushvalue(L, value);
  lua_rawseti(L, table, 2 * number);
}

/* Takes an element out of the table on top.  One that is not there is not set:
 * that could need memory. */
static void erase_element(lua_State *L, int index) {
  lua_rawgeti(L, -1, index);
  if (!lua_isnil(L, -1)) {
    lua_pushnil(L);
    lua_rawseti(L, -3, index);
  }
  lua_pop(L, 1);
}

/* Takes a member's object and value out of the table on top.  The object may
 * have another number by now. */
static void erase(lua_State *L, int number) {
  lua_rawgeti(L, -1, 2 * number - 1);
  if (!lua_isnil(L, -1)) {
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    if (lua_tointeger(L, -1) == number) {
      lua_pushvalue(L, -2);
      lua_pushnil(L);
      lua_rawset(L, -5);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  erase_element(L, 2 * number - 1);
  erase_element(L, 2 * number);
}

/* The same, and out of what is still to be seen of the last wait. */
static void forget(lua_State *L, poller *self, int number) {
  size_t i;
  erase(L, number);
  for (i = self->next; i < self->ready; i++)
    if (to_number(self->events[i].data) == number)
      self->events[i].data = NULL;
}

/* ---- Objects of others ----------------------------------------------- */

/* What the core is to watch: *box is NULL for an object that is not ours. */
static int check_object(lua_State *L, luatcp_socket ***box) {
  int descriptor = -1;
  *box = luatcpL_tobox(L, 2);
  if (*box != NULL)
    luatcpL_unbox(L, *box);
  else {
    descriptor = luatcpL_calldescriptor(L, 2);
    luaL_argcheck(L, descriptor >= 0, 2, "object with a descriptor expected");
  }
  return descriptor;
}

/* Adds an event, or joins it to what there is about the member.  Whether there
 * was room. */
static int note_ready(poller *self, int number, size_t capacity) {
  size_t i;
  for (i = 0; i < self->ready; i++)
    if (to_number(self->events[i].data) == number) {
      self->events[i].events |= LUATCP_READABLE;
      return 1;
    }
  if (self->ready == capacity)
    return 0;
  self->events[self->ready].data = to_data(number);
  self->events[self->ready].events = LUATCP_READABLE;
  self->ready++;
  return 1;
}

static int is_dirty(lua_State *L, int number) {
  int dirty;
  compat_pushtable(L, 1);
  lua_rawgeti(L, -1, 2 * number - 1);
  dirty = luatcpL_calldirty(L, lua_gettop(L));
  lua_pop(L, 2);
  return dirty;
}

/* Asks those that may have input which the kernel can't see.  Their methods are
 * Lua code, which may do anything with the poller: wait, too. */
static void ask_suspects(lua_State *L, poller *self) {
  int number;
  for (number = 1; self->suspects > 0 && number <= self->count; number++) {
    int dirty;
    if (!member_of(self, number)->suspect)
      continue;
    dirty = is_dirty(L, number);
    require_open(L, self); /* it was Lua code */
    if (!member_of(self, number)->suspect)
      continue;
    set_suspect(self, member_of(self, number), dirty ? DIRTY : 0);
  }
}

/* Whether a member has said so, and that is asked for. */
static int is_wanted(const poller *self, int number) {
  return member_of(self, number)->suspect == DIRTY &&
         member_of(self, number)->events & LUATCP_READABLE;
}

static size_t count_dirty(const poller *self) {
  size_t dirty = 0;
  int number;
  for (number = 1; self->suspects > 0 && number <= self->count; number++)
    dirty += is_wanted(self, number) != 0;
  return dirty;
}

/* Adds those that are dirty to what is ready; who finds no room is the first
 * next time. */
static void note_dirty(poller *self, size_t capacity) {
  int i;
  for (i = 0; i < self->count; i++) {
    int number = (self->dirty_next + i) % self->count + 1;
    if (is_wanted(self, number) && !note_ready(self, number, capacity)) {
      self->dirty_next = number - 1;
      return;
    }
  }
}

/* ---- One shots ------------------------------------------------------- */

/* Tells the core what it is to wait for. */
static void tell_core(const poller *self, int number, int events) {
  const member *one = member_of(self, number);
  if (one->box == NULL || *one->box != NULL)
    (void)!luatcp_poller_modify(self->core, one->box != NULL ? *one->box : NULL,
                                one->descriptor, events, to_data(number));
}

/* A member is given to the program: a one shot is silent from here on, others
 * may have more. */
static void note_given(poller *self, int number) {
  member *one = member_of(self, number);
  if ((one->events & LUATCP_ONE_SHOT) == 0) {
    if (one->box == NULL)
      set_suspect(self, one, SUSPECT);
    return;
  }
  set_suspect(self, one, 0);
  if (!one->armed)
    return;
  one->armed = 0;
  tell_core(self, number, LUATCP_ONE_SHOT);
}

/* The loop over the last wait's events was left: one shots that it has not
 * given are armed again, the others are reported again anyway. */
static void put_back(poller *self) {
  for (; self->next < self->ready; self->next++) {
    int number = to_number(self->events[self->next].data);
    if (number != 0 && member_of(self, number)->events & LUATCP_ONE_SHOT &&
        !member_of(self, number)->armed) {
      member_of(self, number)->armed = 1;
      tell_core(self, number, member_of(self, number)->events);
    }
  }
}

/* ---- Methods: add, modify, remove ------------------------------------ */

static int add_member(lua_State *L, poller *self, luatcp_socket *const *box,
                      int descriptor, int events) {
  int status, number, old;
  if (self->free == 0 && grow(self) != LUATCP_OK)
    return luatcpL_fail(L, -ENOMEM);
  number = self->free;
  compat_pushtable(L, 1);
  /* what may run out of memory comes first; the rows have been there since */
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, 2 * number - 1);
  set_value(L, lua_gettop(L), number, 4);
  old = find(L);
  lua_pushvalue(L, 2);
  lua_pushinteger(L, number);
  lua_rawset(L, -3);
  status = box != NULL && *box == NULL
               ? LUATCP_CLOSED
               : luatcp_poller_add(self->core, box != NULL ? *box : NULL,
                                   descriptor, events, to_data(number));
  if (status == LUATCP_OK) {
    member *one = member_of(self, number);
    self->free = one->next_free;
    one->box = box;
    one->descriptor = descriptor;
    one->events = events;
    one->armed = 1;
    set_suspect(self, one, box == NULL ? SUSPECT : 0);
    return luatcpL_succeed(L);
  }
  forget(L, self, number);
  if (old != 0) {
    lua_pushvalue(L, 2);
    lua_pushinteger(L, old);
    lua_rawset(L, -3);
  }
  return luatcpL_fail(L, status);
}

static int method_add(lua_State *L) {
  luatcp_socket **box;
  poller *self = check_poller(L);
  int events = check_events(L, 3);
  int descriptor = check_object(L, &box);
  lua_settop(L, 4);
  require_open(L, self);
  return add_member(L, self, box, descriptor, events);
}

static int method_modify(lua_State *L) {
  luatcp_socket **box;
  poller *self = check_poller(L);
  int events = check_events(L, 3);
  int status, number, given = !lua_isnone(L, 4);
  compat_pushtable(L, 1);
  number = find(L);
  if (number == 0)
    return luatcpL_fail(L, LUATCP_NOT_WATCHED);
  box = luatcpL_tobox(L, 2);
  if (box != NULL)
    luatcpL_unbox(L, box);
  status = luatcp_poller_modify(self->core, box != NULL ? *box : NULL,
                                member_of(self, number)->descriptor, events,
                                to_data(number));
  /* also when it fails, as the core does */
  member_of(self, number)->events = events;
  member_of(self, number)->armed = 1;
  set_suspect(self, member_of(self, number), box == NULL ? SUSPECT : 0);
  if (status != LUATCP_OK)
    return luatcpL_fail(L, status);
  if (given)
    set_value(L, lua_gettop(L), number, 4);
  return luatcpL_succeed(L);
}

static int method_remove(lua_State *L) {
  poller *self = check_poller(L);
  luatcp_socket **box = luatcpL_tobox(L, 2);
  int number, status = LUATCP_NOT_WATCHED;
  luaL_checkany(L, 2);
  compat_pushtable(L, 1);
  number = find(L);
  if (number == 0)
    return luatcpL_fail(L, status);
  if (box == NULL || *box != NULL)
    status = luatcp_poller_remove(self->core, box != NULL ? *box : NULL,
                                  member_of(self, number)->descriptor);
  forget(L, self, number);
  /* else it was closed, and the core has yet to say so under this number */
  if (status == LUATCP_OK)
    release(self, number);
  return luatcpL_result(L, status);
}

/* ---- Methods: wait --------------------------------------------------- */

static int check_capacity(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? EVENTS
                                 : (int)luatcpL_checkwhole(L, arg, 1, INT_MAX);
}

/* How many events the core may give, so that there is room for what is dirty.
 */
static size_t room_for_core(poller *self, size_t dirty, size_t capacity) {
  if (dirty > 0 && capacity == 1) {
    self->core_next = !self->core_next;
    return (size_t)self->core_next;
  }
  return capacity - (dirty < capacity / 2 ? dirty : capacity / 2);
}

static int wait_for_events(poller *self, luatcp_deadline *deadline,
                           size_t capacity) {
  luatcp_deadline now;
  size_t i, dirty = count_dirty(self);
  size_t room = room_for_core(self, dirty, capacity);
  int status = LUATCP_OK;
  if (dirty > 0) {
    luatcp_deadline_after(&now, 0);
    deadline = &now;
  }
  if (room > 0)
    status = luatcp_poller_wait(self->core, deadline, self->events, room,
                                &self->ready);
  for (i = 0; i < self->ready; i++)
    member_of(self, to_number(self->events[i].data))->armed = 0;
  if (dirty == 0)
    return status;
  note_dirty(self, capacity);
  return LUATCP_OK;
}

static void let_go(lua_State *L, poller *self, int number) {
  compat_pushtable(L, 1);
  forget(L, self, number);
  lua_pop(L, 1);
  release(self, number);
}

/* Lets those go that the last wait says were closed.  Whether it gave something
 * besides. */
static int let_closed_go(lua_State *L, poller *self) {
  size_t i;
  int others = 0;
  for (i = 0; i < self->ready; i++) {
    luatcp_event *event = &self->events[i];
    int number = to_number(event->data);
    if (event->events != 0) {
      others = 1;
      continue;
    }
    event->data = NULL;
    let_go(L, self, number);
  }
  return others;
}

/* Gives the iterator over what is ready, for a generic for. */
static int method_wait(lua_State *L) {
  luatcp_deadline deadline;
  poller *self = check_poller(L);
  int status, capacity = check_capacity(L, 3);
  luatcpL_checkdeadline(L, 2, &deadline);
  if (capacity > EVENTS)
    capacity = EVENTS;
  do {
    require_open(L, self); /* Lua code may have run */
    if (self->suspects > 0)
      ask_suspects(L, self);
    put_back(self);
    self->ready = self->next = 0;
    status = wait_for_events(self, &deadline, (size_t)capacity);
    /* when only closed ones were reported, for what is left of the time */
  } while ((status == LUATCP_OK && !let_closed_go(L, self)) ||
           luatcpL_interrupted(L, status));
  if (status != LUATCP_OK && status != LUATCP_TIMEOUT) {
    luatcpL_pushmessage(L, status);
    return luaL_error(L, "poller failed: %s", lua_tostring(L, -1));
  }
  lua_pushvalue(L, ITERATOR);
  lua_pushvalue(L, 1);
  return 2;
}

static void push_events(lua_State *L, int events) {
  switch (events) {
  case LUATCP_READABLE:
    lua_pushliteral(L, "r");
    break;
  case LUATCP_WRITABLE:
    lua_pushliteral(L, "w");
    break;
  default:
    lua_pushliteral(L, "rw");
  }
}

/* One that was closed since the wait. */
static int is_closed(const member *one) {
  return one->box != NULL && (*one->box == NULL || luatcp_is_closed(*one->box));
}

/* The next object that is ready, with its events and its value, as far as the
 * program still wants to know. */
static int next_event(lua_State *L) {
  poller *self = check_self(L);
  while (self->core != NULL && self->next < self->ready) {
    const luatcp_event *event = &self->events[self->next++];
    int events, number = to_number(event->data);
    if (number == 0)
      continue;
    events = event->events & member_of(self, number)->events;
    if (events == 0 || is_closed(member_of(self, number)))
      continue;
    note_given(self, number);
    compat_pushtable(L, 1);
    lua_rawgeti(L, -1, 2 * number - 1);
    push_events(L, events);
    lua_rawgeti(L, -3, 2 * number);
    return 3;
  }
  return 0;
}

/* ---- Life ------------------------------------------------------------ */

/* A closed poller keeps nothing alive.  By number, since a table of Lua 5.1 or
 * 5.2 that could not grow may have elements that lua_next comes back to for
 * ever. */
static void empty_table(lua_State *L, int count) {
  int number;
  compat_pushtable(L, 1);
  for (number = 1; number <= count; number++)
    erase(L, number);
  lua_pop(L, 1);
}

static int method_close(lua_State *L) {
  poller *self = to_poller(L);
  luatcp_poller *core = self->core;
  member *members = self->members;
  int count = self->count;
  self->core = NULL;
  self->members = NULL;
  self->count = self->free = self->suspects = 0;
  self->dirty_next = self->core_next = 0;
  self->ready = self->next = 0;
  luatcp_poller_free(core);
  free(members);
  if (core != NULL)
    empty_table(L, count);
  return luatcpL_succeed(L);
}

static int method_tostring(lua_State *L) {
  lua_pushfstring(L, "poller: %p", lua_topointer(L, 1));
  return 1;
}

static const luaL_Reg methods[] = {
    {"add", method_add},   {"modify", method_modify}, {"remove", method_remove},
    {"wait", method_wait}, {"close", method_close},   {NULL, NULL}};

static const luaL_Reg metamethods[] = {{"__gc", method_close},
                                       {"__close", method_close},
                                       {"__tostring", method_tostring},
                                       {NULL, NULL}};

/* Adds functions to the table on top, whose upvalues are at base. */
static void set_functions(lua_State *L, int base, const luaL_Reg *functions) {
  for (; functions->name != NULL; functions++) {
    int i;
    for (i = 0; i < UPVALUES; i++)
      lua_pushvalue(L, base + i);
    lua_pushcclosure(L, functions->func, UPVALUES);
    lua_setfield(L, -2, functions->name);
  }
}

/* Fills the metatable and the iterator in, which few programs need. */
static void make_class(lua_State *L) {
  int i, base = lua_gettop(L) + 1;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  for (i = 0; i < LUATCPL_CLASSES; i++)
    lua_pushvalue(L, LUATCPL_CLASS(i));
  lua_newtable(L); /* the metatable */
  for (i = 0; i < LUATCPL_CLASSES + 1; i++)
    lua_pushvalue(L, base + i);
  lua_pushcclosure(L, next_event, LUATCPL_CLASSES + 1);
  lua_pushvalue(L, base + LUATCPL_CLASSES);
  set_functions(L, base, metamethods);
  lua_newtable(L);
  set_functions(L, base, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_replace(L, ITERATOR);
  lua_replace(L, METATABLE);
  lua_settop(L, base - 1);
}

static int function_poller(lua_State *L) {
  poller *self;
  int status;
  if (lua_isnil(L, METATABLE))
    make_class(L);
  /* closed, with its finalizer, before there is anything to lose */
  self = (poller *)compat_newuserdatatable(L, sizeof *self);
  self->core = NULL;
  self->members = NULL;
  self->count = self->free = self->suspects = 0;
  self->dirty_next = self->core_next = 0;
  self->ready = self->next = 0;
  lua_pushvalue(L, METATABLE);
  lua_setmetatable(L, -2);
  status = luatcp_poller_new(&self->core);
  return status == LUATCP_OK ? 1 : luatcpL_fail(L, status);
}

void luatcpL_openpoller(lua_State *L) {
  int i, module = lua_gettop(L);
  for (i = LUATCPL_CLASSES; i > 0; i--)
    lua_pushvalue(L, module - i);
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushcclosure(L, function_poller, UPVALUES);
  lua_setfield(L, module, "poller");
}
