/* SPDX-License-Identifier: MIT
 *
 * ldns.c: socket.dns: lookups, and their results as tables.  Each function
 * takes a number of seconds as optional last argument.
 */
#include "lbinding.h"

#include <string.h>

/* ---- Lookups in a box ------------------------------------------------ */

/* A list of addresses lives in a userdata, so that it is freed also where an
 * error of Lua ends the function.  Its metatable is the upvalue. */
static luatcp_addresses **new_list(lua_State *L) {
  luatcp_addresses **list =
      (luatcp_addresses **)compat_newuserdata(L, sizeof *list);
  *list = NULL;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_setmetatable(L, -2);
  return list;
}

static int list_gc(lua_State *L) {
  luatcp_addresses **list = (luatcp_addresses **)lua_touserdata(L, 1);
  luatcp_addresses_free(*list);
  *list = NULL;
  return 0;
}

static void free_list(luatcp_addresses **list) {
  luatcp_addresses_free(*list);
  *list = NULL;
}

static int lookup(lua_State *L, luatcp_deadline *deadline,
                  const luatcpL_endpoint *endpoint, int family,
                  luatcp_addresses **list) {
  int status;
  do
    status = luatcp_lookup(deadline, endpoint->host, endpoint->service, family,
                           list);
  while (luatcpL_interrupted(L, status));
  return status;
}

/* Reads host and seconds, looks the host up and leaves its list on the stack.
 */
static int check_and_lookup(lua_State *L, int family, luatcp_deadline *deadline,
                            luatcp_addresses ***list) {
  luatcpL_endpoint endpoint;
  int status = luatcpL_checkhost(L, 1, &endpoint);
  luatcpL_checkdeadline(L, 2, deadline);
  if (status != LUATCP_OK)
    return status;
  endpoint.service = NULL;
  *list = new_list(L);
  return lookup(L, deadline, &endpoint, family, *list);
}

/* The lookups of one host have their own word for a name that is not known. */
static int fail_host(lua_State *L, int status) {
  if (status != LUATCP_LOOKUP_NO_NAME)
    return luatcpL_fail(L, status);
  lua_pushnil(L);
  lua_pushliteral(L, "host not found");
  return 2;
}

/* ---- toip and tohostname --------------------------------------------- */

static void push_addresses(lua_State *L, const luatcp_addresses *list) {
  luatcp_name name;
  size_t i;
  lua_createtable(L, (int)luatcp_addresses_count(list), 0);
  for (i = 0; luatcp_addresses_get(list, i, &name) == LUATCP_OK; i++) {
    lua_pushstring(L, name.address);
    lua_rawseti(L, -2, (int)i + 1);
  }
}

/* Names have no colon, and with no letter they would be an address. */
static int is_address(const char *host) {
  return strchr(host, ':') != NULL || host[strspn(host, "0123456789.")] == '\0';
}

/* What a host was asked for by, where that is not its proper name. */
static void push_aliases(lua_State *L, const char *host, const char *proper) {
  lua_newtable(L);
  if (is_address(host) || strcmp(host, proper) == 0)
    return;
  lua_pushstring(L, host);
  lua_rawseti(L, -2, 1);
}

static void push_host(lua_State *L, const luatcp_addresses *list,
                      const char *proper, const char *alias) {
  lua_createtable(L, 0, 3);
  lua_pushstring(L, proper);
  lua_setfield(L, -2, "name");
  push_aliases(L, alias, proper);
  lua_setfield(L, -2, "alias");
  push_addresses(L, list);
  lua_setfield(L, -2, "ip");
}

static int dns_toip(lua_State *L) {
  luatcp_deadline deadline;
  luatcp_addresses **list;
  luatcp_name first;
  const char *proper;
  int status = check_and_lookup(L, LUATCP_INET, &deadline, &list);
  if (status == LUATCP_OK)
    status = luatcp_addresses_get(*list, 0, &first);
  if (status != LUATCP_OK)
    return fail_host(L, status);
  proper = luatcp_addresses_canonical_name(*list);
  lua_pushstring(L, first.address);
  push_host(L, *list, proper, lua_tostring(L, 1));
  free_list(list);
  return 2;
}

static int reverse(lua_State *L, luatcp_deadline *deadline,
                   const luatcp_name *name, char *host, size_t size) {
  int status;
  do
    status = luatcp_reverse_lookup(deadline, name, host, size, NULL, 0);
  while (luatcpL_interrupted(L, status));
  return status;
}

/* The name of an address; of a name, the proper one. */
static int host_name(lua_State *L, luatcp_deadline *deadline,
                     const luatcp_addresses *list, char *host, size_t size) {
  luatcp_name first;
  int status = luatcp_addresses_get(list, 0, &first);
  if (status != LUATCP_OK)
    return status;
  if (!is_address(lua_tostring(L, 1))) {
    const char *proper = luatcp_addresses_canonical_name(list);
    size_t length = strlen(proper);
    memcpy(host, proper, length < size ? length + 1 : size);
    host[size - 1] = '\0';
    return LUATCP_OK;
  }
  status = reverse(L, deadline, &first, host, size);
  if (status == LUATCP_OK && strcmp(host, first.address) == 0)
    return LUATCP_LOOKUP_NO_NAME; /* no name, but the address itself */
  return status;
}

static int dns_tohostname(lua_State *L) {
  char host[LUATCP_HOST_SIZE];
  luatcp_deadline deadline;
  luatcp_addresses **list;
  int status = check_and_lookup(L, LUATCP_UNSPEC, &deadline, &list);
  if (status == LUATCP_OK)
    status = host_name(L, &deadline, *list, host, sizeof host);
  if (status != LUATCP_OK)
    return fail_host(L, status);
  lua_pushstring(L, host);
  push_host(L, *list, host, lua_tostring(L, 1));
  free_list(list);
  return 2;
}

/* ---- getaddrinfo and getnameinfo ------------------------------------- */

static void push_name(lua_State *L, const luatcp_name *name) {
  lua_createtable(L, 0, 2);
  lua_pushstring(L, name->family == LUATCP_INET6 ? "inet6" : "inet");
  lua_setfield(L, -2, "family");
  lua_pushstring(L, name->address);
  lua_setfield(L, -2, "addr");
}

static int dns_getaddrinfo(lua_State *L) {
  luatcp_deadline deadline;
  luatcp_addresses **list;
  luatcp_name name;
  size_t i;
  int status = check_and_lookup(L, LUATCP_UNSPEC, &deadline, &list);
  if (status != LUATCP_OK)
    return luatcpL_fail(L, status);
  lua_createtable(L, (int)luatcp_addresses_count(*list), 0);
  for (i = 0; luatcp_addresses_get(*list, i, &name) == LUATCP_OK; i++) {
    push_name(L, &name);
    lua_rawseti(L, -2, (int)i + 1);
  }
  free_list(list);
  return 1;
}

/* Reads host and service, of which one may be nil.  A service is looked up
 * with any host. */
static int check_host_and_service(lua_State *L, luatcpL_endpoint *endpoint) {
  int host = LUATCP_OK, service = LUATCP_OK;
  int any_host = lua_isnoneornil(L, 1), no_service = lua_isnoneornil(L, 2);
  luaL_argcheck(L, !any_host || !no_service, 1, "host or service expected");
  if (!any_host)
    host = luatcpL_checkhost(L, 1, endpoint);
  else
    endpoint->host = "127.0.0.1";
  if (!no_service)
    service = luatcpL_checkservice(L, 2, endpoint);
  else
    endpoint->service = NULL;
  return host != LUATCP_OK ? host : service;
}

/* Pushes the table of the names of all addresses. */
static int push_names(lua_State *L, luatcp_deadline *deadline,
                      const luatcp_addresses *list) {
  char host[LUATCP_HOST_SIZE];
  luatcp_name name;
  size_t i;
  int status = LUATCP_OK;
  lua_newtable(L);
  for (i = 0;
       status == LUATCP_OK && luatcp_addresses_get(list, i, &name) == LUATCP_OK;
       i++) {
    status = reverse(L, deadline, &name, host, sizeof host);
    if (status != LUATCP_OK)
      break;
    lua_pushstring(L, host);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return status;
}

static int push_service(lua_State *L, luatcp_deadline *deadline,
                        const luatcp_addresses *list) {
  char service[LUATCP_SERVICE_SIZE];
  luatcp_name name;
  int status = luatcp_addresses_get(list, 0, &name);
  if (status != LUATCP_OK)
    return status;
  do
    status = luatcp_reverse_lookup(deadline, &name, NULL, 0, service,
                                   sizeof service);
  while (luatcpL_interrupted(L, status));
  if (status == LUATCP_OK)
    lua_pushstring(L, service);
  return status;
}

/* Names (none without a host), then the service where one was asked for. */
static int dns_getnameinfo(lua_State *L) {
  luatcpL_endpoint endpoint;
  luatcp_deadline deadline;
  luatcp_addresses **list;
  int no_service = lua_isnoneornil(L, 2);
  int status = check_host_and_service(L, &endpoint);
  luatcpL_checkdeadline(L, 3, &deadline);
  lua_settop(L, 2);
  list = new_list(L);
  if (status == LUATCP_OK)
    status = lookup(L, &deadline, &endpoint, LUATCP_UNSPEC, list);
  if (status == LUATCP_OK && !lua_isnil(L, 1))
    status = push_names(L, &deadline, *list);
  else if (status == LUATCP_OK)
    lua_newtable(L);
  if (status == LUATCP_OK && !no_service)
    status = push_service(L, &deadline, *list);
  free_list(list);
  return status == LUATCP_OK ? 2 - no_service : luatcpL_fail(L, status);
}

/* ---- gethostname ----------------------------------------------------- */

static int dns_gethostname(lua_State *L) {
  char name[LUATCP_HOST_SIZE];
  int status = luatcp_host_name(name, sizeof name);
  if (status != LUATCP_OK)
    return luatcpL_fail(L, status);
  lua_pushstring(L, name);
  return 1;
}

static const luaL_Reg functions[] = {{"toip", dns_toip},
                                     {"tohostname", dns_tohostname},
                                     {"getaddrinfo", dns_getaddrinfo},
                                     {"getnameinfo", dns_getnameinfo},
                                     {"gethostname", dns_gethostname},
                                     {NULL, NULL}};

void luatcpL_opendns(lua_State *L) {
  const luaL_Reg *function;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, list_gc);
  lua_setfield(L, -2, "__gc");
  lua_createtable(L, 0, sizeof functions / sizeof functions[0] - 1);
  for (function = functions; function->name != NULL; function++) {
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, function->func, 1);
    lua_setfield(L, -2, function->name);
  }
  lua_setfield(L, -3, "dns");
  lua_pop(L, 1);
}
