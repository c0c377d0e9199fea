/* SPDX-License-Identifier: MIT
 *
 * two_luas.c: Lua 5.1 and Lua 5.4 in one process, each with its module and its
 * libluatcp.  Their functions have the same names, so each goes into a
 * namespace of its own (dlmopen); where there is no such thing, this is
 * skipped.
 */
#include "config.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED 77

#if !defined(LM_ID_NEWLM) || defined(__SANITIZE_ADDRESS__) ||                  \
    defined(__SANITIZE_THREAD__)

int main(void) {
  puts("skipped: namespaces of the dynamic linker are missing, or a sanitizer "
       "has to be there once");
  return SKIPPED;
}

#else

typedef void lua_State;

struct lua {
  lua_State *(*newstate)(void);
  void (*openlibs)(lua_State *L);
  int (*loadstring)(lua_State *L, const char *code);
  int (*pcall)(lua_State *L, int arguments, int results, int handler);
  int (*pcallk)(lua_State *L, int arguments, int results, int handler,
                void *context, void *continuation);
  const char *(*tolstring)(lua_State *L, int index, size_t *length);
  void (*close)(lua_State *L);
  lua_State *L;
};

/* A function, by way of the object pointer that dlsym gives. */
#define FIND(library, member, name)                                            \
  do {                                                                         \
    void *found = dlsym((library), (name));                                    \
    memcpy(&(member), &found, sizeof found);                                   \
  } while (0)

static int load(struct lua *lua, const char *libs) {
  char name[64];
  void *library;
  size_t length = strcspn(libs, " ");
  if (strncmp(libs, "-llua", 5) != 0 || length > 30) {
    printf("skipped: Lua is not linked by name: %s\n", libs);
    return SKIPPED;
  }
  (void)snprintf(name, sizeof name, "lib%.*s.so.0", (int)length - 2, libs + 2);
  library = dlmopen(LM_ID_NEWLM, name, RTLD_NOW);
  if (library == NULL) {
    printf("skipped: %s\n", dlerror());
    return SKIPPED;
  }
  memset(lua, 0, sizeof *lua);
  FIND(library, lua->newstate, "luaL_newstate");
  FIND(library, lua->openlibs, "luaL_openlibs");
  FIND(library, lua->loadstring, "luaL_loadstring");
  FIND(library, lua->pcall, "lua_pcall");
  FIND(library, lua->pcallk, "lua_pcallk");
  FIND(library, lua->tolstring, "lua_tolstring");
  FIND(library, lua->close, "lua_close");
  if (lua->newstate == NULL || (lua->L = lua->newstate()) == NULL) {
    puts("no state");
    return 1;
  }
  lua->openlibs(lua->L);
  return 0;
}

static int run(struct lua *lua, const char *code) {
  int status = lua->loadstring(lua->L, code);
  if (status == 0)
    status = lua->pcall != NULL ? lua->pcall(lua->L, 0, 0, 0)
                                : lua->pcallk(lua->L, 0, 0, 0, NULL, NULL);
  if (status != 0)
    printf("%s\n", lua->tolstring(lua->L, -1, NULL));
  return status;
}

#define PREPARE(version)                                                       \
  "package.path = '" BUILD "/lua/" version "/?.lua'\n"                         \
  "package.cpath = '" BUILD "/lua/" version "/?.so'\n"                         \
  "assert(_VERSION == 'Lua " version "')\n"                                    \
  "socket = require 'socket'\n"
#define WORK "assert(loadfile('" SOURCE "/tests/isolation/work.lua'))(3)\n"

int main(void) {
  struct lua old, new;
  int i, status = load(&old, LIBS_51);
  if (status == 0)
    status = load(&new, LIBS_54);
  if (status != 0)
    return status;
  status = run(&old, PREPARE("5.1")) != 0 || run(&new, PREPARE("5.4")) != 0;
  for (i = 0; i < 5 && status == 0; i++)
    status = run(&old, WORK) != 0 || run(&new, WORK) != 0;
  if (status == 0) {
    old.close(old.L);
    status = run(&new, WORK) != 0;
    new.close(new.L);
  }
  if (status == 0)
    puts("two Luas, each with its module");
  return status;
}

#endif
