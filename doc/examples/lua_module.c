/* A Lua module on libluatcp: a client for protocols of one line each way.
 *
 *   local lineclient = require "lineclient"
 *   local client = assert(lineclient.connect("localhost", 7777, 5))
 *   print(client:ask("hello"))     -- the answer, or nil, message, number
 *   client:close()
 *
 * The 5 is a limit in seconds for connect and for each question.
 * doc/lua-c-modules.md explains what is done here in which order, and why. */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <luatcp.h>
#include <stdio.h>

#define TYPE "lineclient"

int luaopen_lineclient(lua_State *L);

typedef struct line_client {
  luatcp_socket *socket; /* NULL once it is closed */
  double seconds;
} line_client;

static int failed(lua_State *L, int status) {
  char why[LUATCP_MESSAGE_SIZE];
  lua_pushnil(L);
  lua_pushstring(L, luatcp_strerror(status, why, sizeof why));
  if (luatcp_error_number(status) == 0) /* no error of the system */
    return 2;
  lua_pushinteger(L, luatcp_error_number(status));
  return 3;
}

static int do_nothing(lua_State *L) {
  (void)L;
  return 0;
}

/* Whether to go on after a call: a signal has ended it, its hook has run (and
 * has not raised), and the client is still open. */
static int go_on(lua_State *L, int status, const line_client *client) {
  if (status != -EINTR)
    return 0;
  lua_pushcfunction(L, do_nothing);
  lua_call(L, 0, 0);
  return client->socket != NULL;
}

static line_client *check_client(lua_State *L) {
  line_client *client = luaL_checkudata(L, 1, TYPE);
  luaL_argcheck(L, client->socket != NULL, 1, "closed");
  return client;
}

static int client_close(lua_State *L) {
  line_client *client = luaL_checkudata(L, 1, TYPE);
  luatcp_free(client->socket);
  client->socket = NULL;
  return 0;
}

static int module_connect(lua_State *L) {
  const char *host = luaL_checkstring(L, 1), *port = luaL_checkstring(L, 2);
  double seconds = luaL_optnumber(L, 3, -1);
  line_client *client = lua_newuserdata(L, sizeof *client);
  luatcp_deadline limit;
  int status;
  client->seconds = seconds;
  client->socket = NULL;
  luaL_getmetatable(L, TYPE);
  lua_setmetatable(L, -2);
  client->socket = luatcp_new();
  if (client->socket == NULL)
    return failed(L, -ENOMEM);
  luatcp_deadline_after(&limit, seconds);
  do
    status = luatcp_connect(client->socket, &limit, host, port);
  while (go_on(L, status, client));
  return status == LUATCP_OK ? 1 : failed(L, status);
}

static int client_ask(lua_State *L) {
  line_client *client = check_client(L);
  size_t size, sent = 0, count, length;
  const char *question = luaL_checklstring(L, 2, &size), *answer;
  luatcp_deadline limit;
  int status;
  lua_pushfstring(L, "%s\n", question); /* a string ends at its first NUL */
  question = lua_tolstring(L, -1, &size);
  luatcp_deadline_after(&limit, client->seconds);
  do {
    status = luatcp_send(client->socket, &limit, question + sent, size - sent,
                         &count);
    sent += count;
  } while (go_on(L, status, client));
  if (status != LUATCP_OK)
    return failed(L, status);
  do
    status = luatcp_view_line(client->socket, &limit, LUATCP_LINE_TEXT, &answer,
                              &length);
  while (go_on(L, status, client));
  if (status == LUATCP_MORE) {
    lua_pushnil(L);
    lua_pushliteral(L, "answer too long");
    return 2;
  }
  if (status != LUATCP_OK)
    return failed(L, status);
  lua_pushlstring(L, answer, length);
  luatcp_release(client->socket);
  return 1;
}

static void add(lua_State *L, const char *name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
}

int luaopen_lineclient(lua_State *L) {
  if (luaL_newmetatable(L, TYPE)) {
    add(L, "__gc", client_close);
    add(L, "ask", client_ask);
    add(L, "close", client_close);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_newtable(L);
  add(L, "connect", module_connect);
  return 1;
}
