/* SPDX-License-Identifier: MIT
 *
 * network.c: connections, made and waited for together with the descriptor
 * that says that the program has to stop.
 */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static luatcp_socket *none(luatcp_socket *socket, int *status,
                           int exit_status) {
  luatcp_free(socket);
  *status = exit_status;
  return NULL;
}

/* Seconds count from when the connection stands. */
static void begin_to_count(luatcp_socket *socket) {
  static const luatcp_statistics zero;
  if (luatcp_set_statistics(socket, &zero) != LUATCP_OK) {
    /* cannot be: zero is an age */
  }
}

/* Waits for the items and the stop descriptor, which gets the last item.  An
 * error, LUATCP_OK when an item is ready, -EINTR to stop. */
static int wait_for(luatcp_deadline *deadline, luatcp_wait_item *items,
                    size_t count) {
  size_t ready;
  int status;
  items[count].socket = NULL;
  items[count].descriptor = stop_descriptor();
  items[count].events = LUATCP_READABLE;
  do
    status = luatcp_wait(deadline, items, count + 1, &ready);
  while (status == -EINTR && !stop_wanted());
  return stop_wanted() ? -EINTR : status;
}

/* ---- Connecting ------------------------------------------------------ */

/* A connect in steps: each takes no time, between them is the wait. */
static int connect_within(luatcp_socket *socket, luatcp_deadline *limit,
                          const settings *chosen) {
  for (;;) {
    luatcp_wait_item items[2];
    luatcp_deadline at_once;
    int status;
    luatcp_deadline_after(&at_once, 0);
    status = luatcp_connect(socket, &at_once, chosen->host, chosen->service);
    if (status != LUATCP_TIMEOUT && status != -EALREADY)
      return status;
    items[0].socket = socket;
    items[0].events = LUATCP_WRITABLE;
    status = wait_for(limit, items, 1);
    if (status != LUATCP_OK)
      return status;
  }
}

luatcp_socket *network_connect(const settings *chosen, int *status) {
  double start = luatcp_monotonic_time();
  luatcp_socket *socket = luatcp_new();
  luatcp_deadline limit;
  int result;
  if (socket == NULL)
    return none(NULL, status, report_failure("connect", "", -ENOMEM));
  luatcp_deadline_after(&limit, chosen->wait);
  result = luatcp_set_family(socket, chosen->family);
  if (result == LUATCP_OK)
    result = connect_within(socket, &limit, chosen);
  if (stop_wanted())
    return none(socket, status, EXIT_FAILED);
  if (result != LUATCP_OK)
    return none(socket, status,
                report_failure("connect to", chosen->host, result));
  begin_to_count(socket);
  report_connected(socket, luatcp_monotonic_time() - start);
  return socket;
}

/* ---- Listening ------------------------------------------------------- */

/* One server on one numeric address. */
static int listen_on(luatcp_socket **server, int family, bool both,
                     const char *address, const char *service) {
  luatcp_socket *socket = luatcp_new();
  int status;
  if (socket == NULL)
    return -ENOMEM;
  status = luatcp_open(socket, family);
  if (status == LUATCP_OK && both)
    status = luatcp_set_option(socket, "ipv6-v6only", 0);
  if (status == LUATCP_OK)
    status = luatcp_set_option(socket, "reuseaddr", 1);
  if (status == LUATCP_OK)
    status = luatcp_bind(socket, NULL, address, service);
  if (status == LUATCP_OK)
    status = luatcp_listen(socket, 128);
  if (status == LUATCP_OK)
    *server = socket;
  else
    luatcp_free(socket);
  return status;
}

/* Every address of this machine: one server for both families, or one for
 * IPv4 where there is no IPv6. */
static int listen_everywhere(const settings *chosen, luatcp_socket **servers,
                             size_t *count) {
  int status = -EAFNOSUPPORT;
  if (chosen->family != LUATCP_INET)
    status = listen_on(servers, LUATCP_INET6, chosen->family == LUATCP_UNSPEC,
                       "::", chosen->service);
  if (chosen->family == LUATCP_INET ||
      (chosen->family == LUATCP_UNSPEC &&
       (status == -EAFNOSUPPORT || status == -EADDRNOTAVAIL)))
    status = listen_on(servers, LUATCP_INET, false, "0.0.0.0", chosen->service);
  *count = status == LUATCP_OK;
  return status;
}

/* Text of a port number. */
static const char *port_text(const luatcp_socket *server, char *text,
                             size_t size) {
  luatcp_name name;
  int status = luatcp_local_name(server, &name), port = 0;
  size_t at = size - 1;
  if (status == LUATCP_OK)
    port = name.port;
  text[at] = '\0';
  do {
    text[--at] = (char)('0' + port % 10);
    port /= 10;
  } while (port > 0);
  return text + at;
}

/* Each address of a host.  Where the system chooses the port for the first, the
 * others get the same. */
static int listen_on_host(const settings *chosen, luatcp_socket **servers,
                          size_t *count) {
  luatcp_addresses *addresses;
  luatcp_name name;
  char text[8];
  const char *service = chosen->service;
  int status =
      luatcp_lookup(NULL, chosen->host, NULL, chosen->family, &addresses);
  if (status != LUATCP_OK)
    return status;
  for (size_t i = 0; i < luatcp_addresses_count(addresses); i++) {
    int result = luatcp_addresses_get(addresses, i, &name);
    if (result != LUATCP_OK || *count == SERVERS_MAX)
      break;
    result =
        listen_on(&servers[*count], name.family, false, name.address, service);
    if (result == LUATCP_OK)
      service = port_text(servers[(*count)++], text, sizeof text);
    else
      status = result;
  }
  luatcp_addresses_free(addresses);
  return *count > 0 ? LUATCP_OK : status;
}

size_t network_listen(const settings *chosen,
                      luatcp_socket *servers[SERVERS_MAX], int *status) {
  size_t count = 0;
  int result = chosen->host == NULL ? listen_everywhere(chosen, servers, &count)
                                    : listen_on_host(chosen, servers, &count);
  if (result != LUATCP_OK) {
    *status = report_failure("listen on port", chosen->service, result);
    return 0;
  }
  for (size_t i = 0; i < count; i++) {
    luatcp_name name;
    if (luatcp_local_name(servers[i], &name) == LUATCP_OK)
      report_listening(&name);
  }
  return count;
}

static int accept_from(luatcp_socket *const *servers, size_t count,
                       luatcp_socket *client) {
  int status = LUATCP_TIMEOUT;
  for (size_t i = 0; i < count && status == LUATCP_TIMEOUT; i++) {
    luatcp_deadline at_once;
    luatcp_deadline_after(&at_once, 0);
    status = luatcp_accept(servers[i], &at_once, client);
  }
  return status;
}

luatcp_socket *network_accept(const settings *chosen,
                              luatcp_socket *const *servers, size_t count,
                              int *status) {
  luatcp_socket *client = luatcp_new();
  luatcp_deadline limit;
  int result = client != NULL ? LUATCP_TIMEOUT : -ENOMEM;
  luatcp_deadline_after(&limit, chosen->wait);
  while (result == LUATCP_TIMEOUT) {
    luatcp_wait_item items[SERVERS_MAX + 1];
    for (size_t i = 0; i < count; i++) {
      items[i].socket = servers[i];
      items[i].events = LUATCP_READABLE;
    }
    result = wait_for(&limit, items, count);
    if (result != LUATCP_OK)
      break;
    result = accept_from(servers, count, client);
  }
  if (stop_wanted())
    return none(client, status, EXIT_FAILED);
  if (result != LUATCP_OK)
    return none(client, status, report_failure("accept", "", result));
  begin_to_count(client);
  report_connected(client, 0);
  return client;
}
