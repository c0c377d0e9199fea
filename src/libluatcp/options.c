/* SPDX-License-Identifier: MIT
 *
 * options.c: the options in one table, and the record of what a socket was
 * given before its connection stands, for each fresh descriptor to inherit.
 */
#include "fd.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

/* macOS has the idle time under the name of the whole feature, BSDs have
 * another word for the cork. */
#if !defined(TCP_KEEPIDLE) && defined(__APPLE__) && defined(TCP_KEEPALIVE)
#define TCP_KEEPIDLE TCP_KEEPALIVE
#endif
#if !defined(TCP_CORK) && defined(TCP_NOPUSH)
#define TCP_CORK TCP_NOPUSH
#endif

/* What a system lacks has a row without a number. */
#define MISSING (-1)
#if !defined(IPV6_V6ONLY) || !defined(ENABLE_IPV6)
#undef IPV6_V6ONLY
#define IPV6_V6ONLY MISSING
#endif
#ifndef SO_REUSEPORT
#define SO_REUSEPORT MISSING
#endif
#ifndef TCP_KEEPCNT
#define TCP_KEEPCNT MISSING
#endif
#ifndef TCP_KEEPIDLE
#define TCP_KEEPIDLE MISSING
#endif
#ifndef TCP_KEEPINTVL
#define TCP_KEEPINTVL MISSING
#endif
#ifndef TCP_USER_TIMEOUT
#define TCP_USER_TIMEOUT MISSING
#endif
#ifndef TCP_DEFER_ACCEPT
#define TCP_DEFER_ACCEPT MISSING
#endif
#ifndef TCP_FASTOPEN
#define TCP_FASTOPEN MISSING
#endif
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT MISSING
#endif
#ifndef TCP_QUICKACK
#define TCP_QUICKACK MISSING
#endif
#ifndef TCP_CORK
#define TCP_CORK MISSING
#endif
#ifndef SO_BINDTODEVICE
#define SO_BINDTODEVICE MISSING
#endif

struct option {
  const char *name;
  int kind;
  int level;
  int number;
};

#define BOOLEAN LUATCP_OPTION_BOOLEAN
#define NUMBER LUATCP_OPTION_NUMBER

static const struct option options[] = {
    {"keepalive", BOOLEAN, SOL_SOCKET, SO_KEEPALIVE},
    {"linger", LUATCP_OPTION_LINGER, SOL_SOCKET, SO_LINGER},
    {"reuseaddr", BOOLEAN, SOL_SOCKET, SO_REUSEADDR},
    {"reuseport", BOOLEAN, SOL_SOCKET, SO_REUSEPORT},
    {"tcp-nodelay", BOOLEAN, IPPROTO_TCP, TCP_NODELAY},
    {"tcp-cork", BOOLEAN, IPPROTO_TCP, TCP_CORK},
    {"tcp-quickack", BOOLEAN, IPPROTO_TCP, TCP_QUICKACK},
    {"tcp-keepidle", NUMBER, IPPROTO_TCP, TCP_KEEPIDLE},
    {"tcp-keepintvl", NUMBER, IPPROTO_TCP, TCP_KEEPINTVL},
    {"tcp-keepcnt", NUMBER, IPPROTO_TCP, TCP_KEEPCNT},
    {"tcp-user-timeout", NUMBER, IPPROTO_TCP, TCP_USER_TIMEOUT},
    {"tcp-defer-accept", NUMBER, IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {"tcp-fastopen", NUMBER, IPPROTO_TCP, TCP_FASTOPEN},
    {"tcp-fastopen-connect", BOOLEAN, IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
    {"ipv6-v6only", BOOLEAN, IPPROTO_IPV6, IPV6_V6ONLY},
    {"recv-buffer-size", NUMBER, SOL_SOCKET, SO_RCVBUF},
    {"send-buffer-size", NUMBER, SOL_SOCKET, SO_SNDBUF},
    {"bindtodevice", LUATCP_OPTION_STRING, SOL_SOCKET, SO_BINDTODEVICE},
    {"error", LUATCP_OPTION_ERROR, SOL_SOCKET, SO_ERROR},
};

#define OPTIONS (sizeof options / sizeof options[0])

static const struct option *find(const char *name) {
  size_t i;
  for (i = 0; i < OPTIONS; i++)
    if (strcmp(options[i].name, name) == 0)
      return &options[i];
  return NULL;
}

int luatcp_option_kind(const char *option) {
  const struct option *found = find(option);
  return found != NULL ? found->kind : LUATCP_UNKNOWN_OPTION;
}

/* ---- Values of one descriptor ---------------------------------------- */

static int set_value(int fd, const struct option *option, int64_t value) {
  if (option->kind == LUATCP_OPTION_LINGER) {
    struct linger linger = {.l_onoff = value >= 0,
                            .l_linger = value >= 0 ? (int)value : 0};
    return luatcp__fd_set_option(fd, option->level, option->number, &linger,
                                 sizeof linger);
  } else {
    int number = (int)value;
    return luatcp__fd_set_option(fd, option->level, option->number, &number,
                                 sizeof number);
  }
}

static int get_value(int fd, const struct option *option, int64_t *value) {
  int status;
  if (option->kind == LUATCP_OPTION_LINGER) {
    struct linger linger = {0};
    size_t size = sizeof linger;
    status = luatcp__fd_get_option(fd, option->level, option->number, &linger,
                                   &size);
    *value = linger.l_onoff ? linger.l_linger : -1;
  } else {
    int number = 0;
    size_t size = sizeof number;
    status = luatcp__fd_get_option(fd, option->level, option->number, &number,
                                   &size);
    *value = option->kind == LUATCP_OPTION_BOOLEAN ? number != 0 : number;
  }
  return status;
}

static bool value_fits(const struct option *option, int64_t value) {
  switch (option->kind) {
  case LUATCP_OPTION_BOOLEAN:
    return value == 0 || value == 1;
  case LUATCP_OPTION_NUMBER:
    return value >= 0 && value <= INT_MAX;
  case LUATCP_OPTION_LINGER:
    return value >= -1 && value <= INT_MAX;
  default:
    return false;
  }
}

/* ---- The record ------------------------------------------------------ */

struct luatcp__setup {
  struct luatcp__address local; /* length 0: not bound */
  uint32_t recorded;            /* bit per row of the table */
  int values[OPTIONS];          /* of those */
  char device[IF_NAMESIZE];     /* of bindtodevice */
};

_Static_assert(OPTIONS <= 32, "one bit per option");

static struct luatcp__setup *setup_of(luatcp_socket *socket) {
  if (socket->setup == NULL)
    socket->setup = calloc(1, sizeof *socket->setup);
  return socket->setup;
}

void luatcp__setup_free(luatcp_socket *socket) {
  free(socket->setup);
  socket->setup = NULL;
}

int luatcp__setup_reserve(luatcp_socket *socket) {
  return setup_of(socket) != NULL ? LUATCP_OK : -ENOMEM;
}

void luatcp__setup_bound(luatcp_socket *socket,
                         const struct luatcp__address *local) {
  socket->setup->local = *local;
}

const struct luatcp__address *luatcp__setup_local(const luatcp_socket *socket) {
  return socket->setup != NULL && socket->setup->local.length != 0
             ? &socket->setup->local
             : NULL;
}

static int apply_row(const struct luatcp__setup *setup, int fd, size_t i) {
  if (options[i].kind == LUATCP_OPTION_STRING)
    return luatcp__fd_set_option(fd, options[i].level, options[i].number,
                                 setup->device, strlen(setup->device));
  return set_value(fd, &options[i], setup->values[i]);
}

int luatcp__setup_apply(const luatcp_socket *socket, int fd, int family) {
  const struct luatcp__setup *setup = socket->setup;
  size_t i;
  int status = LUATCP_OK;
  if (setup == NULL)
    return LUATCP_OK;
  for (i = 0; i < OPTIONS && status == LUATCP_OK; i++)
    if ((setup->recorded >> i & 1) &&
        (options[i].level != IPPROTO_IPV6 || family == LUATCP_INET6))
      status = apply_row(setup, fd, i);
  if (status == LUATCP_OK && setup->local.length != 0)
    status = luatcp__fd_bind(fd, &setup->local);
  return status;
}

/* Once a connection stands no descriptor follows; a server has its own. */
static bool must_record(const luatcp_socket *socket) {
  return socket->state != LUATCP_SERVER && !socket->connected;
}

/* ---- The interface --------------------------------------------------- */

/* The row of an option of one of the kinds in a bit set, on a socket that has
 * a descriptor to ask. */
static int find_usable(const luatcp_socket *socket, const char *name,
                       unsigned kinds, const struct option **option) {
  *option = find(name);
  if (*option == NULL)
    return LUATCP_UNKNOWN_OPTION;
  if ((kinds >> (*option)->kind & 1) == 0)
    return LUATCP_INVALID_ARGUMENT;
  if (socket->closed)
    return LUATCP_CLOSED;
  if ((*option)->number == MISSING)
    return -ENOPROTOOPT;
  return LUATCP_OK;
}

#define KIND(kind) (1u << (kind))
#define NUMERIC_KINDS                                                          \
  (KIND(LUATCP_OPTION_BOOLEAN) | KIND(LUATCP_OPTION_NUMBER) |                  \
   KIND(LUATCP_OPTION_LINGER))

int luatcp_set_option(luatcp_socket *socket, const char *option,
                      int64_t value) {
  const struct option *found;
  struct luatcp__setup *setup = NULL;
  int status = find_usable(socket, option, NUMERIC_KINDS, &found);
  if (status != LUATCP_OK)
    return status;
  if (!value_fits(found, value))
    return LUATCP_INVALID_ARGUMENT;
  if (socket->fd < 0)
    return LUATCP_NO_FAMILY;
  if (must_record(socket) && (setup = setup_of(socket)) == NULL)
    return -ENOMEM;
  status = set_value(socket->fd, found, value);
  if (status == LUATCP_OK && setup != NULL) {
    setup->recorded |= UINT32_C(1) << (found - options);
    setup->values[found - options] = (int)value;
  }
  return status;
}

/* The failure of a connect that nobody has waited for counts too. */
static int get_error(luatcp_socket *socket, int64_t *value) {
  int status;
  if (socket->connecting != NULL)
    (void)luatcp__connect_step(socket, NULL);
  if (socket->fd >= 0) {
    status = luatcp__fd_error(socket->fd);
    if (status < 0)
      socket->error = status;
  }
  if (!socket->connected)
    luatcp__connect_told(socket);
  *value = socket->error;
  return LUATCP_OK;
}

int luatcp_get_option(luatcp_socket *socket, const char *option,
                      int64_t *value) {
  const struct option *found;
  int status = find_usable(socket, option,
                           NUMERIC_KINDS | KIND(LUATCP_OPTION_ERROR), &found);
  *value = 0;
  if (status != LUATCP_OK)
    return status;
  if (found->kind == LUATCP_OPTION_ERROR)
    return get_error(socket, value);
  if (socket->fd < 0)
    return LUATCP_NO_FAMILY;
  return get_value(socket->fd, found, value);
}

int luatcp_set_option_string(luatcp_socket *socket, const char *option,
                             const char *value, size_t length) {
  const struct option *found;
  struct luatcp__setup *setup = NULL;
  int status = find_usable(socket, option, KIND(LUATCP_OPTION_STRING), &found);
  if (status != LUATCP_OK)
    return status;
  if (length >= sizeof setup->device || memchr(value, '\0', length) != NULL)
    return LUATCP_INVALID_ARGUMENT;
  if (socket->fd < 0)
    return LUATCP_NO_FAMILY;
  if (must_record(socket) && (setup = setup_of(socket)) == NULL)
    return -ENOMEM;
  status = luatcp__fd_set_option(socket->fd, found->level, found->number, value,
                                 length);
  if (status == LUATCP_OK && setup != NULL) {
    setup->recorded |= UINT32_C(1) << (found - options);
    memset(setup->device, 0, sizeof setup->device);
    memcpy(setup->device, value, length);
  }
  return status;
}

int luatcp_get_option_string(luatcp_socket *socket, const char *option,
                             char *value, size_t size, size_t *length) {
  const struct option *found;
  char device[IF_NAMESIZE + 1] = {0};
  size_t device_size = IF_NAMESIZE;
  int status = find_usable(socket, option, KIND(LUATCP_OPTION_STRING), &found);
  *length = 0;
  if (size > 0)
    value[0] = '\0';
  if (status != LUATCP_OK)
    return status;
  if (socket->fd < 0)
    return LUATCP_NO_FAMILY;
  status = luatcp__fd_get_option(socket->fd, found->level, found->number,
                                 device, &device_size);
  if (status != LUATCP_OK)
    return status;
  /* what the kernel says to be there; whether a NUL counts depends on it */
  if (device_size < sizeof device)
    device[device_size] = '\0';
  if (strlen(device) >= size)
    return LUATCP_INVALID_ARGUMENT;
  *length = strlen(device);
  memcpy(value, device, *length + 1);
  return LUATCP_OK;
}
