/* SPDX-License-Identifier: MIT
 *
 * torture_lua.c: the module in a Lua of its own, with each allocation of Lua,
 * each of the library and each system call failing in turn.  The scenarios are
 * in scenarios.lua.  One that fails has to say what the fault is; then it is
 * run again in the same state, and works.  Nothing may be left in the end.
 */
#include "faults.h"
#include "plain.h"

#include "luatcp.h"

#include <lua.h>

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_luatcp_core(lua_State *L);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);

/* ---- Lua's allocator ---------------------------------------------------- */

static long lua_blocks;

static void *allocate(void *data, void *block, size_t before, size_t size) {
  void *moved;
  (void)data;
  if (size == 0) {
    lua_blocks -= block != NULL;
    __real_free(block);
    return NULL;
  }
  /* Lua counts on it that less is never refused */
  if ((block == NULL || size > before) && fault_strikes(FAULT_LUA))
    return NULL;
  moved = __real_realloc(block, size);
  lua_blocks += block == NULL && moved != NULL;
  return moved;
}

/* ---- The other end, for the scenarios ----------------------------------- */

/* What a scenario has opened is closed behind it, whatever became of it. */
static int opened[32];
static size_t opened_count;

static int remember(int fd) {
  if (opened_count == sizeof opened / sizeof opened[0])
    fault_flunk("too many descriptors");
  opened[opened_count++] = fd;
  return fd;
}

static void close_opened(int fd) {
  size_t i;
  for (i = 0; i < opened_count; i++)
    if (opened[i] == fd) {
      opened[i] = -1;
      plain_close(fd);
      return;
    }
}

static struct {
  int fd;
  char text[64];
} letters[32];
static long letter_count;

static void forget_world(void) {
  size_t i;
  fault_world_end();
  for (i = 0; i < opened_count; i++)
    if (opened[i] >= 0)
      plain_close(opened[i]);
  opened_count = 0;
  letter_count = 0;
}

/* listen() -> descriptor, port */
static int world_listen(lua_State *L) {
  bool paused = fault_pause();
  char service[8];
  lua_pushinteger(L, remember(plain_listen("127.0.0.1", service)));
  lua_pushinteger(L, atoi(service));
  fault_resume(paused);
  return 2;
}

/* accept(listener, port) -> descriptor of the connection from there */
static int world_accept(lua_State *L) {
  int listener = (int)luaL_checkinteger(L, 1);
  int port = (int)luaL_checkinteger(L, 2);
  bool paused = fault_pause();
  lua_pushinteger(L, remember(plain_accept_from(listener, port)));
  fault_resume(paused);
  return 1;
}

static void dial(long port) {
  char service[8];
  (void)snprintf(service, sizeof service, "%ld", port);
  (void)remember(plain_connect("127.0.0.1", service));
}

/* dial(port): somebody connects, when there is something to wait for */
static int world_dial(lua_State *L) {
  fault_later(dial, (long)luaL_checkinteger(L, 1));
  return 0;
}

static int world_send(lua_State *L) {
  size_t size;
  const char *data = luaL_checklstring(L, 2, &size);
  plain_send((int)luaL_checkinteger(L, 1), data, size);
  return 0;
}

static void deliver(long number) {
  plain_send(letters[number].fd, letters[number].text,
             strlen(letters[number].text));
}

/* later(descriptor, text): sent when there is something to wait for */
static int world_later(lua_State *L) {
  if (letter_count == sizeof letters / sizeof letters[0])
    fault_flunk("too many letters");
  letters[letter_count].fd = (int)luaL_checkinteger(L, 1);
  (void)snprintf(letters[letter_count].text, sizeof letters[0].text, "%s",
                 luaL_checkstring(L, 2));
  fault_later(deliver, letter_count++);
  return 0;
}

static char scrap[1 << 20];

static void swallow(long fd) {
  (void)plain_drain((int)fd, scrap, sizeof scrap);
}

/* drain(descriptor): reads when the other end waits to send */
static int world_drain(lua_State *L) {
  fault_later(swallow, (long)luaL_checkinteger(L, 1));
  return 0;
}

static void end(long fd) { close_opened((int)fd); }

static int world_close(lua_State *L) {
  close_opened((int)luaL_checkinteger(L, 1));
  return 0;
}

/* remember(descriptor): to be closed at the end, unless it is forgotten */
static int world_remember(lua_State *L) {
  (void)remember((int)luaL_checkinteger(L, 1));
  return 0;
}

static int world_forget(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  size_t i;
  for (i = 0; i < opened_count; i++)
    if (opened[i] == fd)
      opened[i] = -1;
  return 0;
}

static int world_close_later(lua_State *L) {
  fault_later(end, (long)luaL_checkinteger(L, 1));
  return 0;
}

static bool explains(const char *message);

/* far(): connects take a while */
static int world_far(lua_State *L) {
  (void)L;
  fault_far();
  return 0;
}

/* heard(message): a failure that the scenario has counted on, and that may be
 * the fault's; returns the message */
static int world_heard(lua_State *L) {
  if (explains(lua_tostring(L, 1)))
    (void)fault_excuses();
  lua_settop(L, 1);
  return 1;
}

/* excuse(): the fault may have another effect than a failure: true, once */
static int world_excuse(lua_State *L) {
  lua_pushboolean(L, fault_excuses());
  return 1;
}

static const luaL_Reg world[] = {{"listen", world_listen},
                                 {"far", world_far},
                                 {"heard", world_heard},
                                 {"excuse", world_excuse},
                                 {"accept", world_accept},
                                 {"dial", world_dial},
                                 {"send", world_send},
                                 {"later", world_later},
                                 {"drain", world_drain},
                                 {"close", world_close},
                                 {"remember", world_remember},
                                 {"forget", world_forget},
                                 {"close_later", world_close_later},
                                 {NULL, NULL}};

/* ---- One run ------------------------------------------------------------ */

static void must(lua_State *L, int status) {
  if (status != 0)
    fault_flunk("the test's own Lua: %s", lua_tostring(L, -1));
}

/* The first large buffer of a state makes a metatable; when memory runs out in
 * the middle of that, Lua 5.4 goes on with an incomplete one. */
static void warm_up(lua_State *L) {
#if LUA_VERSION_NUM >= 502
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  (void)luaL_prepbuffsize(&buffer, 100000);
  luaL_pushresult(&buffer);
  lua_pop(L, 1);
#else
  (void)L;
#endif
}

static lua_State *new_state(void) {
  lua_State *L = lua_newstate(allocate, NULL
#if LUA_VERSION_NUM >= 505
                              ,
                              0
#endif
  );
  if (L == NULL)
    fault_flunk("no state");
  luaL_openlibs(L);
  warm_up(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_luatcp_core);
  lua_setfield(L, -2, "socket.core");
  lua_pop(L, 1);
  lua_pushliteral(L, SOURCE "/lua/?.lua");
  lua_setfield(L, -2, "path");
  lua_pop(L, 1);
  lua_newtable(L);
  {
    const luaL_Reg *function;
    for (function = world; function->name != NULL; function++) {
      lua_pushcfunction(L, function->func);
      lua_setfield(L, -2, function->name);
    }
  }
  lua_setglobal(L, "world");
  must(L, luaL_loadfile(L, SOURCE "/tests/torture/scenarios.lua") ||
              lua_pcall(L, 0, 1, 0));
  return L;
}

/* Whether a message is what the fault has to come out as. */
static bool explains(const char *message) {
  const struct fault_plan *plan = fault_current();
  char wanted[LUATCP_MESSAGE_SIZE];
  if (!fault_has_hit() || message == NULL)
    return false;
  if (plan->call == FAULT_LUA)
    return strstr(message, "not enough memory") != NULL;
  if (plan->fault.status == LUATCP_LOOKUP_NO_NAME &&
      strstr(message, "host not found") != NULL)
    return true;
  luatcp_strerror(plan->fault.status, wanted, sizeof wanted);
  return plan->fault.status != LUATCP_OK && strstr(message, wanted) != NULL;
}

/* The scenarios' table is at index 1.  False: it failed with a message on top.
 */
static bool play(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1))
    fault_flunk("no such scenario");
  return lua_pcall(L, 0, 0, 0) == 0;
}

static void collect(lua_State *L) {
  (void)lua_gc(L, LUA_GCCOLLECT, 0);
  (void)lua_gc(L, LUA_GCCOLLECT, 0);
}

static void run(const void *data) {
  const char *name = data;
  bool paused = fault_pause();
  int before = fault_descriptors();
  lua_State *L = new_state();
  fault_resume(paused);
  if (!play(L, name)) {
    fault_disarm();
    if (!explains(lua_tostring(L, -1)))
      fault_flunk("it fails with: %s", lua_tostring(L, -1));
    (void)fault_excuses();
    forget_world();
    lua_settop(L, 1);
    collect(L);
    if (fault_descriptors() != before)
      fault_flunk("%d descriptors are open after the failure, before it was %d",
                  fault_descriptors(), before);
    if (!play(L, name))
      fault_flunk("without the fault it fails with: %s", lua_tostring(L, -1));
  }
  fault_disarm();
  forget_world();
  lua_close(L);
  if (lua_blocks != 0)
    fault_flunk("Lua has %ld blocks of memory left", lua_blocks);
}

#define SCENARIO(name)                                                         \
  { name, run, name }

static const struct scenario scenarios[] = {
    SCENARIO("load"),         SCENARIO("create"),
    SCENARIO("options"),      SCENARIO("accept"),
    SCENARIO("connect"),      SCENARIO("connect_at_once"),
    SCENARIO("connect_far"),  SCENARIO("lines"),
    SCENARIO("nothing_lost"), SCENARIO("counts"),
    SCENARIO("all"),          SCENARIO("any"),
    SCENARIO("large"),        SCENARIO("limits"),
    SCENARIO("send"),         SCENARIO("select"),
    SCENARIO("select_many"),  SCENARIO("poller"),
    SCENARIO("dns"),          SCENARIO("fromfd"),
    SCENARIO("bind"),         SCENARIO("sinks"),
    SCENARIO("protect"),
};

/* clang-format off */
#define NEXT "the next address is tried"
#define SIGNAL "the module goes on after a signal"
static const struct fault_untold untold[] = {
#if LUA_VERSION_NUM >= 502
  {FAULT_LUA, FAULT_ONCE, ENOMEM, NULL, "Lua collects, and asks again"},
#else
  {FAULT_LUA, FAULT_ONCE, ENOMEM, "all", "the module collects, and asks again"},
  {FAULT_LUA, FAULT_ONCE, ENOMEM, "any", "the module collects, and asks again"},
  {FAULT_LUA, FAULT_ONCE, ENOMEM, "large", "as above"},
#endif
  {FAULT_accept4, FAULT_ANY, EINTR, NULL, SIGNAL},
  {FAULT_connect, FAULT_LAST | FAULT_WAITS, EINTR, NULL, SIGNAL},
  {FAULT_epoll_wait, FAULT_ANY, EINTR, NULL, SIGNAL},
  {FAULT_nanosleep, FAULT_ANY, EINTR, NULL, SIGNAL},
  {FAULT_poll, FAULT_WAITS, EINTR, NULL, SIGNAL},
  {FAULT_recv, FAULT_ANY, EINTR, NULL, SIGNAL},
  {FAULT_recv, FAULT_WAITS, FAULT_SHORT, NULL, SIGNAL},
  {FAULT_recv, FAULT_WAITS, FAULT_HALF, NULL, SIGNAL},
  {FAULT_send, FAULT_ANY, EINTR, NULL, SIGNAL},
  {FAULT_send, FAULT_WAITS, FAULT_SHORT, NULL, SIGNAL},
  {FAULT_send, FAULT_WAITS, FAULT_HALF, NULL, SIGNAL},
  {FAULT_socket, FAULT_ANY, FAULT_ANY, "connect", NEXT},
  {FAULT_socket, FAULT_ANY, FAULT_ANY, "connect_at_once", NEXT},
  {FAULT_socket, FAULT_ANY, FAULT_ANY, "connect_far", NEXT},
  {FAULT_fcntl, FAULT_MODE, FAULT_ANY, "fromfd", "no call counts on it"},
  {FAULT_poll, FAULT_WAITS, FAULT_ANY, "dns", "the wait goes on"},
  {FAULT_MEMORY, 4, ENOMEM, "lines", "the last one stays in the large buffer"},
};
/* clang-format on */

int main(void) {
  fault_declare(untold, sizeof untold / sizeof untold[0]);
  return fault_run("the module under " LUA_VERSION, scenarios,
                   sizeof scenarios / sizeof scenarios[0], fault_step(41)) == 0
             ? EXIT_SUCCESS
             : EXIT_FAILURE;
}
