/* SPDX-License-Identifier: MIT
 *
 * states.c: several Lua states in one process: in threads at the same time, one
 * after another with the module unloaded in between, and in a forked child.
 */
#include "../sanitizer.h"
#ifndef THREAD_SANITIZER
#include "child.h"
#endif
#include "must.h"
#include <lua.h>

#include <lauxlib.h>
#include <lualib.h>

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 6

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  MUST(L != NULL);
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_pushfstring(L, "%s/lua/%d.%d/?.lua", BUILD, LUA_VERSION_NUM / 100,
                  LUA_VERSION_NUM % 100);
  lua_setfield(L, -2, "path");
  lua_pushfstring(L, "%s/lua/%d.%d/?.so", BUILD, LUA_VERSION_NUM / 100,
                  LUA_VERSION_NUM % 100);
  lua_setfield(L, -2, "cpath");
  lua_settop(L, 0);
  return L;
}

/* Closing the state unloads the module: this is where it ends. */
static void run_state(int rounds) {
  lua_State *L = new_state();
  if (luaL_loadfile(L, SOURCE "/tests/isolation/work.lua") != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    exit(1);
  }
  lua_pushinteger(L, rounds);
  if (lua_pcall(L, 1, 0, 0) != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    exit(1);
  }
  lua_close(L);
}

static int count_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  int count = 0;
  if (directory == NULL)
    return -1;
  while (readdir(directory) != NULL)
    count++;
  (void)closedir(directory);
  return count;
}

/* Pages of memory in use. */
static long resident(void) {
  long size, pages = -1;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL)
    return -1;
  if (fscanf(file, "%ld %ld", &size, &pages) != 2)
    pages = -1;
  (void)fclose(file);
  return pages;
}

static void *run_thread(void *argument) {
  int i;
  (void)argument;
  for (i = 0; i < 5; i++)
    run_state(4);
  return NULL;
}

static void several_at_once(void) {
  pthread_t threads[THREADS];
  int i;
  for (i = 0; i < THREADS; i++)
    MUST(pthread_create(&threads[i], NULL, run_thread, NULL) == 0);
  for (i = 0; i < THREADS; i++)
    MUST(pthread_join(threads[i], NULL) == 0);
}

static void open_and_close(int turns) {
  while (turns-- > 0)
    run_state(1);
}

/* A growth of one page every other turn would be seen. */
static void one_after_another(void) {
  int before, after, tries = 500;
  long grown, pages;
  open_and_close(100);
  before = count_descriptors();
  pages = resident();
  open_and_close(300);
  while ((after = count_descriptors()) != before && tries-- > 0)
    (void)usleep(10000);
  MUST(after == before);
  grown = resident() - pages;
  printf("after 300 more states %ld pages more are in use\n", grown);
  /* sanitizers keep what was freed */
#if !defined(__SANITIZE_ADDRESS__) && !defined(THREAD_SANITIZER)
  if (getenv("LUATCP_WRAPPED") == NULL)
    MUST(grown < 150);
#endif
}

#ifndef THREAD_SANITIZER /* it lets no child of threads have threads */

/* The child closes a state that is the parent's too, and makes another. */
static void forked(void) {
  lua_State *L = new_state();
  int status;
  pid_t child;
  MUST(luaL_dostring(L, "socket = require 'socket'\n"
                        "server = assert(socket.bind('127.0.0.1', 0))\n"
                        "client = assert(socket.connect('127.0.0.1', "
                        "(select(2, server:getsockname()))))\n"
                        "peer = assert(server:accept())\n"
                        "poller = assert(socket.poller())\n"
                        "assert(poller:add(client, 'r'))\n"
                        "other = socket.tcp() other:settimeout(0)\n"
                        "other:connect('localhost', 9)\n") == 0);
  child = fork_child();
  if (child == 0) {
    lua_close(L);
    run_state(2);
    exit(0);
  }
  MUST(waitpid(child, &status, 0) == child);
  MUST(status == 0);
  if (luaL_dostring(L, "assert(peer:send 'x')\n"
                       "for o in poller:wait(30) do seen = o end\n"
                       "assert(seen == client, 'the poller is deaf')\n") != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    exit(1);
  }
  lua_close(L);
}

#endif

/* A static liblua has only those functions that this program uses itself. */
static int module_loads(void) {
  lua_State *L = new_state();
  int loads = luaL_dostring(L, "require 'socket'") == 0;
  if (!loads && strstr(lua_tostring(L, -1), "undefined symbol") == NULL) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    exit(1);
  }
  lua_close(L);
  return loads;
}

int main(void) {
  (void)alarm(300);
  if (!module_loads()) {
    puts("skipped: this program has not all functions of Lua");
    return 77;
  }
  several_at_once();
  one_after_another();
#ifndef THREAD_SANITIZER
  forked();
#endif
  puts("states in threads, one after another, and in a forked child work");
  return 0;
}
