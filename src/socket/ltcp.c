/* SPDX-License-Identifier: MIT
 *
 * ltcp.c: functions and methods that create, connect, limit, name and close
 * objects.  Which of them is possible in which state, the core knows; here are
 * the Lua values on both sides.
 */
#include "lbinding.h"

#include <limits.h>
#include <string.h>

/* ---- Endpoints ------------------------------------------------------- */

int luatcpL_checkhost(lua_State *L, int arg, luatcpL_endpoint *endpoint) {
  size_t length;
  endpoint->host = luaL_checklstring(L, arg, &length);
  return strlen(endpoint->host) == length ? LUATCP_OK : LUATCP_LOOKUP_NO_NAME;
}

static void write_digits(luatcpL_endpoint *endpoint, unsigned port) {
  char *digit = endpoint->digits + sizeof endpoint->digits - 1;
  *digit = '\0';
  do {
    *--digit = (char)('0' + port % 10);
    port /= 10;
  } while (port > 0);
  endpoint->service = digit;
}

/* Numbers are spelled here: how Lua spells them depends on its version. */
static int check_port_number(lua_Number port, luatcpL_endpoint *endpoint) {
  if (!(port >= 0 && port <= 65535) || (lua_Number)(unsigned)port != port)
    return LUATCP_INVALID_PORT;
  write_digits(endpoint, (unsigned)port);
  return LUATCP_OK;
}

int luatcpL_checkservice(lua_State *L, int arg, luatcpL_endpoint *endpoint) {
  size_t length;
  endpoint->service = "";
  if (lua_type(L, arg) == LUA_TNUMBER)
    return check_port_number(lua_tonumber(L, arg), endpoint);
  endpoint->service = luaL_checklstring(L, arg, &length);
  return strlen(endpoint->service) == length ? LUATCP_OK : LUATCP_INVALID_PORT;
}

int luatcpL_checkendpoint(lua_State *L, int arg, luatcpL_endpoint *endpoint) {
  /* both types are checked before anything that either says is an error */
  int host = luatcpL_checkhost(L, arg, endpoint);
  int service = luatcpL_checkservice(L, arg + 1, endpoint);
  return host != LUATCP_OK ? host : service;
}

/* ---- Steps that methods and functions share -------------------------- */

static int bind_box(lua_State *L, luatcp_socket *const *box,
                    const luatcpL_endpoint *local) {
  luatcp_deadline deadline;
  int status;
  luatcp_deadline_start(&deadline, *box);
  do
    status = luatcp_bind(*box, &deadline, local->host, local->service);
  while (luatcpL_again(L, status, box));
  return status;
}

/* The object is at an absolute index. */
static int connect_box(lua_State *L, luatcp_socket *const *box, int index,
                       const luatcpL_endpoint *remote) {
  luatcp_deadline deadline;
  int status;
  luatcp_deadline_start(&deadline, *box);
  do {
    status = luatcp_connect(*box, &deadline, remote->host, remote->service);
    luatcpL_setclass(L, index, *box);
  } while (luatcpL_again(L, status, box));
  return status;
}

/* The result of a function whose new object is on top. */
static int give_object(lua_State *L, int status) {
  if (status == LUATCP_OK)
    return 1;
  luatcpL_discard(L);
  return luatcpL_fail(L, status);
}

/* ---- Functions: new objects ------------------------------------------ */

static int new_master(lua_State *L, int family) {
  luatcp_socket *socket = luatcpL_new(L, LUATCP_MASTER);
  if (socket == NULL)
    return luatcpL_fail(L, -ENOMEM);
  return give_object(L, family == LUATCP_UNSPEC ? LUATCP_OK
                                                : luatcp_open(socket, family));
}

static int function_tcp(lua_State *L) { return new_master(L, LUATCP_UNSPEC); }

static int function_tcp4(lua_State *L) { return new_master(L, LUATCP_INET); }

static int function_tcp6(lua_State *L) { return new_master(L, LUATCP_INET6); }

/* The descriptor stays the caller's on failure. */
static int function_fromfd(lua_State *L) {
  int status, descriptor = (int)luatcpL_checkwhole(L, 1, 0, INT_MAX);
  luatcp_socket *socket = luatcpL_new(L, LUATCP_MASTER);
  if (socket == NULL)
    return luatcpL_fail(L, -ENOMEM);
  status = luatcp_adopt(socket, descriptor);
  luatcpL_setclass(L, -1, socket);
  return give_object(L, status);
}

static int check_family(lua_State *L, int arg) {
  static const char *const names[] = {"unspec", "inet", "inet6", NULL};
  static const int families[] = {LUATCP_UNSPEC, LUATCP_INET, LUATCP_INET6};
  return families[luatcpL_checkchoice(L, arg, names)];
}

/* Reads the local endpoint from two arguments; without a host there is none,
 * without a port the system picks one. */
static int check_local(lua_State *L, int arg, luatcpL_endpoint *local) {
  int status;
  local->host = NULL;
  if (lua_isnoneornil(L, arg))
    return LUATCP_OK;
  if (!lua_isnoneornil(L, arg + 1))
    return luatcpL_checkendpoint(L, arg, local);
  status = luatcpL_checkhost(L, arg, local);
  local->service = "0";
  return status;
}

static int connect_new(lua_State *L, int family, const luatcpL_endpoint *local,
                       const luatcpL_endpoint *remote) {
  luatcp_socket **box = (luatcp_socket **)lua_touserdata(L, -1);
  int status = luatcp_set_family(*box, family);
  if (status == LUATCP_OK && local->host != NULL)
    status = bind_box(L, box, local);
  if (status == LUATCP_OK)
    status = connect_box(L, box, lua_gettop(L), remote);
  return status;
}

static int function_connect(lua_State *L) {
  luatcpL_endpoint remote, local;
  int remote_status = luatcpL_checkendpoint(L, 1, &remote);
  int local_status = check_local(L, 3, &local);
  int family = check_family(L, 5);
  if (remote_status != LUATCP_OK)
    return luatcpL_fail(L, remote_status);
  if (local_status != LUATCP_OK)
    return luatcpL_fail(L, local_status);
  if (luatcpL_new(L, LUATCP_MASTER) == NULL)
    return luatcpL_fail(L, -ENOMEM);
  return give_object(L, connect_new(L, family, &local, &remote));
}

static int function_connect4(lua_State *L) {
  lua_settop(L, 4);
  lua_pushliteral(L, "inet");
  return function_connect(L);
}

static int function_connect6(lua_State *L) {
  lua_settop(L, 4);
  lua_pushliteral(L, "inet6");
  return function_connect(L);
}

#define DEFAULT_BACKLOG 32

/* The system cuts it to its own maximum anyway. */
static int check_backlog(lua_State *L, int arg) {
  lua_Number backlog = DEFAULT_BACKLOG;
  if (!lua_isnoneornil(L, arg))
    backlog = luatcpL_checkwhole(L, arg, 0, 9007199254740992.0);
  return backlog < INT_MAX ? (int)backlog : INT_MAX;
}

/* Makes a fresh object a server on an address. */
static int listen_on(luatcp_socket *socket, const luatcp_name *address,
                     const char *service, int backlog) {
  luatcp_deadline deadline;
  int status = luatcp_open(socket, address->family);
  luatcp_deadline_after(&deadline, -1);
  if (status == LUATCP_OK)
    status = luatcp_set_option(socket, "reuseaddr", 1);
  if (status == LUATCP_OK)
    status = luatcp_bind(socket, &deadline, address->address, service);
  return status == LUATCP_OK ? luatcp_listen(socket, backlog) : status;
}

/* Makes what is in a box a server on the first address that can be had.  No
 * Lua code runs here, so that nobody has to remember the addresses. */
static int listen_box(luatcp_socket **box, const luatcpL_endpoint *local,
                      int backlog) {
  luatcp_addresses *addresses;
  luatcp_name address;
  size_t i;
  int status =
      luatcp_lookup(NULL, local->host, NULL, LUATCP_UNSPEC, &addresses);
  if (status != LUATCP_OK)
    return status;
  status = LUATCP_LOOKUP_NO_NAME;
  for (i = 0; status != LUATCP_OK &&
              luatcp_addresses_get(addresses, i, &address) == LUATCP_OK;
       i++) {
    if (i > 0) { /* what has failed is not fresh */
      luatcp_free(*box);
      *box = luatcp_new();
    }
    if (*box == NULL) {
      status = -ENOMEM;
      break;
    }
    status = listen_on(*box, &address, local->service, backlog);
  }
  luatcp_addresses_free(addresses);
  return status;
}

static int function_bind(lua_State *L) {
  luatcpL_endpoint local;
  int status = luatcpL_checkendpoint(L, 1, &local);
  int backlog = check_backlog(L, 3);
  luatcp_socket **box;
  if (status != LUATCP_OK)
    return luatcpL_fail(L, status);
  if (strcmp(local.host, "*") == 0)
    local.host = "0.0.0.0";
  if (luatcpL_new(L, LUATCP_MASTER) == NULL)
    return luatcpL_fail(L, -ENOMEM);
  box = (luatcp_socket **)lua_touserdata(L, -1);
  status = listen_box(box, &local, backlog);
  if (status == LUATCP_OK)
    luatcpL_setclass(L, -1, *box);
  return give_object(L, status);
}

const luaL_Reg luatcpL_tcp_functions[] = {{"tcp", function_tcp},
                                          {"tcp4", function_tcp4},
                                          {"tcp6", function_tcp6},
                                          {"bind", function_bind},
                                          {"connect", function_connect},
                                          {"connect4", function_connect4},
                                          {"connect6", function_connect6},
                                          {"fromfd", function_fromfd},
                                          {NULL, NULL}};

/* ---- Methods: from master to client and server ----------------------- */

static int method_bind(lua_State *L) {
  luatcpL_endpoint local;
  luatcp_socket **box = luatcpL_checkclass(L, LUATCP_MASTER);
  int status = luatcpL_checkendpoint(L, 2, &local);
  if (status == LUATCP_OK)
    status = bind_box(L, box, &local);
  return luatcpL_result(L, status);
}

static int method_connect(lua_State *L) {
  luatcpL_endpoint remote;
  luatcp_socket **box = luatcpL_checkany(L);
  int status = luatcpL_checkendpoint(L, 2, &remote);
  if (status == LUATCP_OK)
    status = connect_box(L, box, 1, &remote);
  return luatcpL_result(L, status);
}

static int method_listen(lua_State *L) {
  luatcp_socket **box = luatcpL_checkclass(L, LUATCP_MASTER);
  int status = luatcp_listen(*box, check_backlog(L, 2));
  luatcpL_setclass(L, 1, *box);
  return luatcpL_result(L, status);
}

static int method_accept(lua_State *L) {
  luatcp_socket **box = luatcpL_checkclass(L, LUATCP_SERVER);
  luatcp_socket *client;
  luatcp_deadline deadline;
  int status;
  luatcp_deadline_start(&deadline, *box);
  /* the object first: a connection that memory is short for stays queued */
  client = luatcpL_new(L, LUATCP_CLIENT);
  if (client == NULL)
    return luatcpL_fail(L, -ENOMEM);
  luatcpL_unbox(L, box);
  do
    status = luatcp_accept(*box, &deadline, client);
  while (luatcpL_again(L, status, box));
  return give_object(L, status);
}

static int method_shutdown(lua_State *L) {
  static const char *const names[] = {"both", "send", "receive", NULL};
  static const int directions[] = {LUATCP_SHUTDOWN_BOTH, LUATCP_SHUTDOWN_SEND,
                                   LUATCP_SHUTDOWN_RECEIVE};
  luatcp_socket **box = luatcpL_checkclass(L, LUATCP_CLIENT);
  int direction = directions[luatcpL_checkchoice(L, 2, names)];
  return luatcpL_result(L, luatcp_shutdown(*box, direction));
}

static int method_close(lua_State *L) {
  luatcp_socket **box = luatcpL_checkbox(L);
  if (*box != NULL)
    luatcp_close(*box);
  return luatcpL_succeed(L);
}

/* ---- Methods: names -------------------------------------------------- */

static int give_name(lua_State *L, int status, const luatcp_name *name) {
  if (status != LUATCP_OK)
    return luatcpL_fail(L, status);
  lua_pushstring(L, name->address);
  lua_pushinteger(L, name->port);
  lua_pushstring(L, name->family == LUATCP_INET6 ? "inet6" : "inet");
  return 3;
}

static int method_getsockname(lua_State *L) {
  luatcp_name name;
  luatcp_socket **box = luatcpL_checkany(L);
  return give_name(L, luatcp_local_name(*box, &name), &name);
}

static int method_getpeername(lua_State *L) {
  luatcp_name name;
  luatcp_socket **box = luatcpL_checkany(L);
  return give_name(L, luatcp_peer_name(*box, &name), &name);
}

static int method_getfamily(lua_State *L) {
  switch (luatcp_get_family(*luatcpL_checkany(L))) {
  case LUATCP_INET:
    lua_pushliteral(L, "inet4");
    break;
  case LUATCP_INET6:
    lua_pushliteral(L, "inet6");
    break;
  default:
    lua_pushliteral(L, "unspec");
  }
  return 1;
}

/* ---- Methods: limits ------------------------------------------------- */

/* Programs also write "block" and "total", and some "r" for the latter. */
static int check_limit(lua_State *L, int arg) {
  size_t length;
  const char *mode = luaL_optlstring(L, arg, "b", &length);
  if (strlen(mode) != length)
    luatcpL_badargument(L, arg, "string contains zeros");
  if (strcmp(mode, "b") == 0 || strncmp(mode, "block", 5) == 0)
    return LUATCP_BLOCK;
  if (strcmp(mode, "t") == 0 || strncmp(mode, "total", 5) == 0 ||
      strcmp(mode, "r") == 0)
    return LUATCP_TOTAL;
  return luaL_argerror(L, arg, "invalid timeout mode");
}

static int method_settimeout(lua_State *L) {
  luatcp_socket **box = luatcpL_checkany(L);
  lua_Number seconds = luaL_optnumber(L, 2, -1);
  int limit = check_limit(L, 3);
  luaL_argcheck(L, seconds == seconds, 2, "seconds expected, got NaN");
  return luatcpL_result(L, luatcp_set_timeout(*box, limit, seconds));
}

/* Whole numbers of seconds as integers, "-1" among them. */
static void push_seconds(lua_State *L, double seconds) {
  if (seconds <= INT_MAX && (double)(int)seconds == seconds)
    lua_pushinteger(L, (int)seconds);
  else
    lua_pushnumber(L, seconds);
}

static int method_gettimeout(lua_State *L) {
  luatcp_socket **box = luatcpL_checkany(L);
  push_seconds(L, luatcp_get_timeout(*box, LUATCP_BLOCK));
  luatcpL_unbox(L, box);
  push_seconds(L, luatcp_get_timeout(*box, LUATCP_TOTAL));
  return 2;
}

/* ---- Methods: descriptors -------------------------------------------- */

static int method_getfd(lua_State *L) {
  luatcp_socket **box = luatcpL_checkbox(L);
  lua_pushinteger(L, *box != NULL ? luatcp_get_descriptor(*box) : -1);
  return 1;
}

static int method_setfd(lua_State *L) {
  luatcp_socket **box = luatcpL_checkany(L);
  int descriptor = (int)luatcpL_checkwhole(L, 2, INT_MIN, INT_MAX);
  luatcp_set_descriptor(*box, descriptor);
  return 0;
}

static int method_detach(lua_State *L) {
  int descriptor = luatcp_detach(*luatcpL_checkany(L));
  if (descriptor < 0)
    return luatcpL_fail(L, LUATCP_CLOSED);
  lua_pushinteger(L, descriptor);
  return 1;
}

const luaL_Reg luatcpL_tcp_methods[] = {{"accept", method_accept},
                                        {"bind", method_bind},
                                        {"close", method_close},
                                        {"connect", method_connect},
                                        {"detach", method_detach},
                                        {"getfamily", method_getfamily},
                                        {"getfd", method_getfd},
                                        {"getpeername", method_getpeername},
                                        {"getsockname", method_getsockname},
                                        {"gettimeout", method_gettimeout},
                                        {"listen", method_listen},
                                        {"setfd", method_setfd},
                                        {"setpeername", method_connect},
                                        {"setsockname", method_bind},
                                        {"settimeout", method_settimeout},
                                        {"shutdown", method_shutdown},
                                        {NULL, NULL}};
