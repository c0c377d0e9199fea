/* SPDX-License-Identifier: MIT
 *
 * lua.c: the fuzzing targets that are written in Lua, for libFuzzer, with the
 * module built into this program.  What the script raises is a finding, and so
 * is a descriptor that stays open.
 *
 * FUZZ_TARGET is the name of the script, FUZZ_PATH the package.path with which
 * it and the module's own files are found.  tests/fuzz/replay.lua does the same
 * in an interpreter.
 */
#include "fuzz.h"

#include <poll.h>
#include <string.h>

#include <lua.h>

#include <lauxlib.h>
#include <lualib.h>

int luaopen_luatcp_core(lua_State *L);
int luaopen_socket_core(lua_State *L);

/* ---- Descriptors ----------------------------------------------------- */

#define DESCRIPTORS 256

static bool open_before[DESCRIPTORS];

/* One poll(2) tells which are open. */
static void find_open(bool *open) {
  struct pollfd entries[DESCRIPTORS];
  int fd;
  for (fd = 0; fd < DESCRIPTORS; fd++) {
    entries[fd].fd = fd;
    entries[fd].events = entries[fd].revents = 0;
  }
  FUZZ_CLAIM(poll(entries, DESCRIPTORS, 0) >= 0);
  for (fd = 0; fd < DESCRIPTORS; fd++)
    open[fd] = (entries[fd].revents & POLLNVAL) == 0;
}

static bool same_descriptors(void) {
  bool open_now[DESCRIPTORS];
  find_open(open_now);
  return memcmp(open_now, open_before, sizeof open_now) == 0;
}

/* The thread of the resolver closes its own a moment later. */
static void claim_descriptors(void) {
  int i;
  for (i = 0; i < 300 && !same_descriptors(); i++)
    poll(NULL, 0, 10);
  FUZZ_CLAIM(same_descriptors());
}

/* ---- One run --------------------------------------------------------- */

static void prepare_package(lua_State *L) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_socket_core);
  lua_setfield(L, -2, "socket.core");
  lua_pushcfunction(L, luaopen_luatcp_core);
  lua_setfield(L, -2, "luatcp.core");
  lua_pop(L, 1);
  lua_pushstring(L, getenv("FUZZ_PATH"));
  lua_setfield(L, -2, "path");
  lua_pop(L, 1);
}

static int with_traceback(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

static void must(lua_State *L, int status) {
  if (status == LUA_OK)
    return;
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  abort();
}

/* The function of the target is at index 2. */
static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  FUZZ_CLAIM(L != NULL);
  luaL_openlibs(L);
  prepare_package(L);
  lua_pushcfunction(L, with_traceback);
  lua_getglobal(L, "require");
  lua_pushstring(L, getenv("FUZZ_TARGET"));
  must(L, lua_pcall(L, 1, 1, 1));
  return L;
}

/* A new state takes longer than most inputs. */
#define INPUTS_OF_A_STATE 50

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  static unsigned used;
  if (L == NULL)
    L = new_state();
  find_open(open_before);
  lua_pushvalue(L, 2);
  lua_pushlstring(L, (const char *)data, size);
  must(L, lua_pcall(L, 1, 0, 1));
  lua_gc(L, LUA_GCCOLLECT, 0);
  lua_gc(L, LUA_GCCOLLECT, 0);
  if (++used % INPUTS_OF_A_STATE == 0) {
    lua_close(L);
    L = NULL;
  }
  claim_descriptors();
  return 0;
}
