/* SPDX-License-Identifier: MIT
 *
 * floor.c: what a Lua module costs at least.  It has as much of LuaSocket's
 * interface as peer_socket.lua needs, and neither checks nor limits of time nor
 * partial results; nobody could use it for anything else.  What is faster than
 * this does not go through Lua.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Small pieces are taken out of reads of this size. */
#define ROOM ((size_t)65536)

/* A count from here on is received into the memory of its string. */
#define LARGE ((size_t)65536)

typedef struct object {
  int fd;
  int flags; /* of recv: MSG_DONTWAIT where the limit is 0 */
} object;

/* Of one connection at a time. */
static char buffer[2 * ROOM];
static size_t start, end;

/* Of what is received until the end, kept for the next. */
static char *whole;
static size_t capacity;

int luaopen_socket(lua_State *L);

static int fail(lua_State *L, const char *what) {
  return luaL_error(L, "floor: %s (%s)", what, strerror(errno));
}

static void push_object(lua_State *L, int fd) {
  object *self = (object *)lua_newuserdatauv(L, sizeof *self, 0);
  self->fd = fd;
  self->flags = 0;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_setmetatable(L, -2);
}

/* ---- Receiving ---------------------------------------------------------- */

/* How much more there is in the buffer; 0: nothing has come yet. */
static size_t fill(lua_State *L, const object *self) {
  ssize_t received;
  if (start > 0) {
    memmove(buffer, buffer + start, end - start);
    end -= start;
    start = 0;
  }
  received = recv(self->fd, buffer + end, ROOM, self->flags);
  if (received <= 0) {
    if (received == 0 || errno != EAGAIN)
      fail(L, "recv");
    return 0;
  }
  end += (size_t)received;
  return (size_t)received;
}

static int not_yet(lua_State *L) {
  lua_pushnil(L);
  lua_pushliteral(L, "timeout");
  return 2;
}

static int receive_line(lua_State *L, const object *self) {
  size_t searched = 0;
  for (;;) {
    const char *line = buffer + start;
    const char *feed = memchr(line + searched, '\n', end - start - searched);
    if (feed != NULL) {
      size_t length = (size_t)(feed - line);
      start += length + 1;
      if (length > 0 && line[length - 1] == '\r')
        length--;
      lua_pushlstring(L, line, length);
      return 1;
    }
    searched = end - start;
    if (fill(L, self) == 0)
      return not_yet(L);
  }
}

static int receive_small(lua_State *L, const object *self, size_t size) {
  while (end - start < size)
    if (fill(L, self) == 0)
      return not_yet(L);
  lua_pushlstring(L, buffer + start, size);
  start += size;
  return 1;
}

static int receive_large(lua_State *L, const object *self, size_t size) {
  luaL_Buffer result;
  char *data = luaL_buffinitsize(L, &result, size);
  if (recv(self->fd, data, size, MSG_WAITALL) != (ssize_t)size)
    return fail(L, "recv");
  luaL_pushresultsize(&result, size);
  return 1;
}

static int receive_whole(lua_State *L, const object *self) {
  size_t size = 0;
  ssize_t received;
  do {
    if (size == capacity) {
      capacity = capacity == 0 ? ROOM : 2 * capacity;
      whole = (char *)realloc(whole, capacity);
      if (whole == NULL)
        return fail(L, "realloc");
    }
    received = recv(self->fd, whole + size, capacity - size, MSG_WAITALL);
    if (received < 0)
      return fail(L, "recv");
    size += (size_t)received;
  } while (received > 0);
  lua_pushlstring(L, whole, size);
  return 1;
}

static int method_receive(lua_State *L) {
  const object *self = (const object *)lua_touserdata(L, 1);
  if (lua_type(L, 2) == LUA_TNUMBER) {
    size_t size = (size_t)lua_tointeger(L, 2);
    return size < LARGE ? receive_small(L, self, size)
                        : receive_large(L, self, size);
  }
  return lua_tostring(L, 2)[1] == 'l' ? receive_line(L, self)
                                      : receive_whole(L, self);
}

/* ---- Sending, closing --------------------------------------------------- */

static int method_send(lua_State *L) {
  const object *self = (const object *)lua_touserdata(L, 1);
  size_t size;
  const char *data = lua_tolstring(L, 2, &size);
  if (send(self->fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
    return fail(L, "send");
  lua_pushinteger(L, (lua_Integer)size);
  return 1;
}

static int method_close(lua_State *L) {
  const object *self = (const object *)lua_touserdata(L, 1);
  close(self->fd);
  return 0;
}

/* ---- Connecting, accepting ---------------------------------------------- */

static int connected(int family, const void *address, socklen_t length) {
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (const struct sockaddr *)address, length) != 0) {
    close(fd);
    fd = -1;
  }
  return fd;
}

static int connect_name(const char *host, const char *service) {
  struct addrinfo hints, *list, *one;
  int fd = -1;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host, service, &hints, &list) != 0)
    return -1;
  for (one = list; one != NULL && fd < 0; one = one->ai_next)
    fd = connected(one->ai_family, one->ai_addr, one->ai_addrlen);
  freeaddrinfo(list);
  return fd;
}

static int function_connect(lua_State *L) {
  struct sockaddr_in four = {.sin_family = AF_INET};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6};
  const char *host = lua_tostring(L, 1);
  uint16_t port = htons((uint16_t)lua_tointeger(L, 2));
  int fd;
  if (inet_pton(AF_INET, host, &four.sin_addr) == 1) {
    four.sin_port = port;
    fd = connected(AF_INET, &four, sizeof four);
  } else if (inet_pton(AF_INET6, host, &six.sin6_addr) == 1) {
    six.sin6_port = port;
    fd = connected(AF_INET6, &six, sizeof six);
  } else
    fd = connect_name(host, lua_tostring(L, 2));
  if (fd < 0)
    return fail(L, "connect");
  start = end = 0;
  push_object(L, fd);
  return 1;
}

/* Of the loopback, at any port. */
static int function_bind(lua_State *L) {
  struct sockaddr_in any = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof any) != 0 ||
      listen(fd, (int)lua_tointeger(L, 3)) != 0)
    return fail(L, "bind");
  push_object(L, fd);
  return 1;
}

static int method_getsockname(lua_State *L) {
  const object *self = (const object *)lua_touserdata(L, 1);
  struct sockaddr_in name;
  socklen_t length = sizeof name;
  if (getsockname(self->fd, (struct sockaddr *)&name, &length) != 0)
    return fail(L, "getsockname");
  lua_pushliteral(L, "127.0.0.1");
  lua_pushinteger(L, ntohs(name.sin_port));
  return 2;
}

static int method_accept(lua_State *L) {
  const object *self = (const object *)lua_touserdata(L, 1);
  int fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0)
    return fail(L, "accept");
  push_object(L, fd);
  return 1;
}

/* ---- Limit 0 and a wait ------------------------------------------------- */

static int method_settimeout(lua_State *L) {
  object *self = (object *)lua_touserdata(L, 1);
  self->flags =
      lua_isnumber(L, 2) && lua_tonumber(L, 2) == 0 ? MSG_DONTWAIT : 0;
  return 0;
}

/* Waits for the first object of the list. */
static int function_select(lua_State *L) {
  struct pollfd entry = {.events = POLLIN};
  lua_rawgeti(L, 1, 1);
  entry.fd = ((const object *)lua_touserdata(L, -1))->fd;
  if (poll(&entry, 1, -1) != 1)
    return fail(L, "poll");
  return 0;
}

/* TCP_NODELAY is the only option that is set. */
static int method_setoption(lua_State *L) {
  const object *self = (const object *)lua_touserdata(L, 1);
  int on = 1;
  setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  lua_pushinteger(L, 1);
  return 1;
}

/* ---- The module --------------------------------------------------------- */

static const luaL_Reg methods[] = {{"accept", method_accept},
                                   {"close", method_close},
                                   {"getsockname", method_getsockname},
                                   {"receive", method_receive},
                                   {"send", method_send},
                                   {"setoption", method_setoption},
                                   {"settimeout", method_settimeout},
                                   {NULL, NULL}};

static const luaL_Reg functions[] = {{"bind", function_bind},
                                     {"connect", function_connect},
                                     {"select", function_select},
                                     {NULL, NULL}};

int luaopen_socket(lua_State *L) {
  lua_newtable(L);
  lua_newtable(L); /* the metatable, an upvalue of all functions */
  lua_newtable(L);
  lua_pushvalue(L, -2);
  luaL_setfuncs(L, methods, 1);
  lua_setfield(L, -2, "__index");
  luaL_setfuncs(L, functions, 1);
  lua_pushliteral(L, "floor");
  lua_setfield(L, -2, "_VERSION");
  return 1;
}
