/* SPDX-License-Identifier: MIT
 *
 * tcp.c: the object and its life: made, bound, listening, accepting, shut
 * down, closed; its descriptor, limits and names.  How a connect finds its
 * address is in connect.c, what happens to bytes in stream.c.
 */
#include "fd.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Life ------------------------------------------------------------ */

luatcp_socket *luatcp_new(void) {
  luatcp_socket *socket = calloc(1, sizeof *socket);
  if (socket == NULL)
    return NULL;
  socket->fd = -1;
  socket->block = socket->total = INT64_MAX;
  socket->birth = luatcp__now();
  return socket;
}

/* Everything but the descriptor. */
static void drop_attachments(luatcp_socket *socket) {
  luatcp__connect_abandon(socket);
  luatcp__buffer_drop(socket);
  luatcp__setup_free(socket);
}

void luatcp_close(luatcp_socket *socket) {
  luatcp__watch_end(socket);
  drop_attachments(socket);
  socket->closed = true;
  if (socket->fd >= 0) {
    int fd = socket->fd;
    socket->fd = -1;
    luatcp__fd_close(fd);
  }
}

void luatcp_free(luatcp_socket *socket) {
  if (socket == NULL)
    return;
  luatcp_close(socket);
  free(socket);
}

int luatcp_state(const luatcp_socket *socket) { return socket->state; }

int luatcp_is_closed(const luatcp_socket *socket) { return socket->closed; }

/* ---- Limits ---------------------------------------------------------- */

int luatcp_set_timeout(luatcp_socket *socket, int limit, double seconds) {
  if (seconds != seconds || (limit != LUATCP_BLOCK && limit != LUATCP_TOTAL))
    return LUATCP_INVALID_ARGUMENT;
  if (limit == LUATCP_BLOCK)
    socket->block = luatcp__nanoseconds(seconds);
  else
    socket->total = luatcp__nanoseconds(seconds);
  return LUATCP_OK;
}

double luatcp_get_timeout(const luatcp_socket *socket, int limit) {
  int64_t span = limit == LUATCP_TOTAL ? socket->total : socket->block;
  return span == INT64_MAX ? -1 : (double)span / 1e9;
}

/* ---- Statistics ------------------------------------------------------ */

void luatcp_get_statistics(const luatcp_socket *socket,
                           luatcp_statistics *statistics) {
  statistics->received = socket->received;
  statistics->sent = socket->sent;
  statistics->age = (double)(luatcp__now() - socket->birth) / 1e9;
}

int luatcp_set_statistics(luatcp_socket *socket,
                          const luatcp_statistics *statistics) {
  double age = statistics->age;
  if (!(age > -9.2e9 && age < 9.2e9)) /* NaN too */
    return LUATCP_INVALID_ARGUMENT;
  socket->received = statistics->received;
  socket->sent = statistics->sent;
  /* the monotonic clock is young, so the birth may lie before its start */
  socket->birth = luatcp__now() - (int64_t)(age * 1e9);
  return LUATCP_OK;
}

/* ---- Descriptors ----------------------------------------------------- */

static int set_nonblocking(luatcp_socket *socket, bool nonblocking) {
  int status = luatcp__fd_set_nonblocking(socket->fd, nonblocking);
  if (status >= 0)
    socket->nonblocking = nonblocking;
  return status;
}

/* What is known about a descriptor, and that nothing is about its timers. */
static void describe(luatcp_socket *socket, int fd, int family) {
  socket->fd = fd;
  socket->family = (unsigned char)family;
  socket->nonblocking = socket->used = socket->send_timer = false;
  socket->receive_timer = 0;
  luatcp__watch_changed(socket);
}

int luatcp__replace_descriptor(luatcp_socket *socket, int fd, int family,
                               bool nonblocking) {
  luatcp__watch_forget(socket, socket->fd);
  if (socket->fd >= 0 && socket->shared) {
    int number = socket->fd, status = luatcp__fd_move(fd, number);
    if (status < 0)
      return status;
    fd = number;
  } else if (socket->fd >= 0)
    luatcp__fd_close(socket->fd);
  describe(socket, fd, family);
  socket->nonblocking = nonblocking;
  return LUATCP_OK;
}

static void drop_descriptor(luatcp_socket *socket) {
  luatcp__watch_forget(socket, socket->fd);
  luatcp__fd_close(socket->fd);
  describe(socket, -1, LUATCP_UNSPEC);
}

/* Gives the socket a descriptor of a family.  IPv6 ones are recorded to be for
 * IPv6 alone, so that those made in their place are, too. */
static int open_descriptor(luatcp_socket *socket, int family) {
  int status, fd = luatcp__fd_socket(family, false);
  if (fd < 0)
    return fd;
  describe(socket, fd, family);
  if (family != LUATCP_INET6)
    return LUATCP_OK;
  status = luatcp_set_option(socket, "ipv6-v6only", 1);
  if (status == LUATCP_OK || status == -ENOPROTOOPT)
    return LUATCP_OK;
  drop_descriptor(socket);
  return status;
}

int luatcp_open(luatcp_socket *socket, int family) {
  int status;
  if (family != LUATCP_INET && family != LUATCP_INET6)
    return LUATCP_INVALID_ARGUMENT;
  if (socket->closed)
    return LUATCP_CLOSED;
  if (socket->fd >= 0 || socket->state != LUATCP_MASTER)
    return LUATCP_WRONG_STATE;
  status = open_descriptor(socket, family);
  if (status == LUATCP_OK)
    socket->wanted = (unsigned char)family;
  return status;
}

int luatcp_set_family(luatcp_socket *socket, int family) {
  if (family != LUATCP_INET && family != LUATCP_INET6 &&
      family != LUATCP_UNSPEC)
    return LUATCP_INVALID_ARGUMENT;
  if (socket->closed)
    return LUATCP_CLOSED;
  if (socket->fd >= 0 || socket->connecting != NULL)
    return LUATCP_WRONG_STATE;
  socket->wanted = (unsigned char)family;
  return LUATCP_OK;
}

int luatcp_get_family(const luatcp_socket *socket) {
  struct luatcp__address local;
  if (socket->family != LUATCP_UNSPEC)
    return socket->family;
  /* a descriptor that luatcp_set_descriptor brought */
  if (socket->fd >= 0 && luatcp__fd_local_address(socket->fd, &local) == 0)
    return luatcp__address_family(&local);
  return socket->wanted;
}

/* Strangers get a descriptor as the system makes it. */
static void forget_timers(luatcp_socket *socket) {
  if (socket->receive_timer != 0)
    (void)luatcp__fd_set_receive_timer(socket->fd, 0);
  if (socket->send_timer)
    (void)luatcp__fd_set_send_timer(socket->fd, 0);
  socket->receive_timer = 0;
  socket->send_timer = false;
}

int luatcp_get_descriptor(luatcp_socket *socket) {
  if (socket->connecting != NULL)
    luatcp__connect_materialise(socket);
  if (socket->fd < 0)
    return -1;
  if (!socket->shared)
    forget_timers(socket);
  socket->shared = true;
  (void)set_nonblocking(socket, true);
  return socket->fd;
}

void luatcp_set_descriptor(luatcp_socket *socket, int descriptor) {
  luatcp__connect_abandon(socket);
  luatcp__watch_forget(socket, socket->fd);
  describe(socket, descriptor < 0 ? -1 : descriptor, LUATCP_UNSPEC);
  socket->closed = descriptor < 0;
  socket->shared = true;
  socket->error = 0;
  socket->connected = socket->state == LUATCP_CLIENT;
  if (descriptor >= 0)
    (void)set_nonblocking(socket, true);
}

static bool is_fresh(const luatcp_socket *socket) {
  return !socket->closed && socket->fd < 0 && socket->state == LUATCP_MASTER &&
         socket->connecting == NULL;
}

/* The state that the kernel knows a descriptor to be in, or an error. */
static int examine(int fd, struct luatcp__address *local) {
  int type = 0, listening = 0, status;
  size_t size = sizeof type;
  struct luatcp__address peer;
  status = luatcp__fd_get_option(fd, SOL_SOCKET, SO_TYPE, &type, &size);
  if (status < 0)
    return status;
  status = luatcp__fd_local_address(fd, local);
  if (status < 0)
    return status;
  if (type != SOCK_STREAM || luatcp__address_family(local) == LUATCP_UNSPEC)
    return LUATCP_NOT_TCP;
  size = sizeof listening;
  status =
      luatcp__fd_get_option(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
  if (status == 0 && listening != 0)
    return LUATCP_SERVER;
  if (status < 0 && status != -ENOPROTOOPT)
    return status;
  status = luatcp__fd_peer_address(fd, &peer);
  if (status == 0)
    return LUATCP_CLIENT;
  /* EINVAL: what some systems say when the connection is over */
  return status == -ENOTCONN || status == -EINVAL ? LUATCP_MASTER : status;
}

int luatcp_adopt(luatcp_socket *socket, int descriptor) {
  struct luatcp__address local;
  int state, status;
  if (!is_fresh(socket))
    return LUATCP_WRONG_STATE;
  if (descriptor < 0)
    return -EBADF;
  state = examine(descriptor, &local);
  if (state < 0)
    return state;
  status = luatcp__fd_set_close_on_exec(descriptor);
  if (status < 0)
    return status;
  describe(socket, descriptor, luatcp__address_family(&local));
  /* other processes may have it too */
  socket->shared = true;
  (void)set_nonblocking(socket, true);
  socket->wanted = socket->family;
  socket->state = (unsigned char)state;
  socket->connected = state == LUATCP_CLIENT;
  return LUATCP_OK;
}

int luatcp_detach(luatcp_socket *socket) {
  int fd = luatcp_get_descriptor(socket);
  /* a connect under way goes on, as the new owner's */
  luatcp__connect_abandon(socket);
  luatcp__watch_forget(socket, fd);
  socket->fd = -1;
  luatcp_close(socket);
  return fd;
}

/* ---- Waiting inside the kernel --------------------------------------- */

/* The timer for "no limit": any finite one lets a signal end the wait, and
 * poll(2) goes on where it ends. */
#define FOREVER (INT64_C(1000000) * 1000000000)

static bool may_wait_in_kernel(luatcp_socket *socket) {
  if (socket->shared || !luatcp__fd_waits_can_be_interrupted())
    return false;
  return !socket->nonblocking || set_nonblocking(socket, false) >= 0;
}

static bool set_receive_timer(luatcp_socket *socket, int64_t span) {
  if (span > FOREVER)
    span = FOREVER;
  if (socket->receive_timer == span)
    return true;
  if (luatcp__fd_set_receive_timer(socket->fd, span) < 0)
    return false;
  socket->receive_timer = span;
  return true;
}

int luatcp__receive_how(luatcp_socket *socket, luatcp_deadline *deadline) {
  if (deadline->end != INT64_MAX || deadline->block == 0)
    return 0;
  if (deadline->block != INT64_MAX) {
    /* a wait that a signal has cut has less time than the timer would give */
    if (deadline->wait_end != 0)
      return 0;
    luatcp__start_wait(deadline);
  }
  return may_wait_in_kernel(socket) &&
                 set_receive_timer(socket, deadline->block)
             ? LUATCP__WAIT
             : 0;
}

int luatcp__send_how(luatcp_socket *socket, const luatcp_deadline *deadline) {
  /* the timer of send(2) does not restart with progress as the block limit
     does, so only "no limit" is left to the kernel */
  if (!luatcp__unlimited(deadline) || !may_wait_in_kernel(socket))
    return 0;
  if (!socket->send_timer) {
    if (luatcp__fd_set_send_timer(socket->fd, FOREVER) < 0)
      return 0;
    socket->send_timer = true;
  }
  return LUATCP__WAIT;
}

/* ---- Bind and listen ------------------------------------------------- */

/* Binds on the descriptor that there is when it has the family, else on a
 * fresh one. */
static int bind_address(luatcp_socket *socket,
                        const struct luatcp__address *address) {
  int family = luatcp__address_family(address), status;
  bool fresh = socket->fd < 0;
  if (!fresh && luatcp_get_family(socket) != family)
    return -EAFNOSUPPORT;
  if (fresh) {
    status = open_descriptor(socket, family);
    if (status != LUATCP_OK)
      return status;
  }
  /* what may run out of memory comes first */
  status = luatcp__setup_reserve(socket);
  if (status == LUATCP_OK)
    status = luatcp__fd_bind(socket->fd, address);
  if (status == LUATCP_OK)
    luatcp__setup_bound(socket, address);
  if (status != LUATCP_OK && fresh)
    drop_descriptor(socket);
  return status;
}

/* A limit of 0 is for calls that can be made again to go on; this is not one,
 * so its lookup gets all the time it takes. */
static luatcp_deadline *lookup_deadline(luatcp_deadline *deadline,
                                        luatcp_deadline *own) {
  if (!luatcp__immediate(deadline))
    return deadline;
  luatcp_deadline_after(own, -1);
  return own;
}

int luatcp_bind(luatcp_socket *socket, luatcp_deadline *deadline,
                const char *host, const char *service) {
  luatcp_deadline own, patient;
  luatcp_addresses *addresses;
  size_t i;
  int status;
  if (socket->closed)
    return LUATCP_CLOSED;
  if (socket->state != LUATCP_MASTER)
    return LUATCP_WRONG_STATE;
  deadline = luatcp__deadline_or_own(deadline, &own, socket);
  status =
      luatcp__resolve(lookup_deadline(deadline, &patient), host, service,
                      luatcp_get_family(socket), LUATCP__PASSIVE, &addresses);
  if (status != LUATCP_OK)
    return status;
  status = LUATCP_LOOKUP_NO_NAME;
  for (i = 0; i < addresses->count && status != LUATCP_OK; i++)
    status = bind_address(socket, &addresses->list[i]);
  luatcp_addresses_free(addresses);
  return status;
}

int luatcp_listen(luatcp_socket *socket, int backlog) {
  int status;
  if (socket->closed)
    return LUATCP_CLOSED;
  if (socket->state != LUATCP_MASTER)
    return LUATCP_WRONG_STATE;
  if (socket->fd < 0)
    return LUATCP_NO_FAMILY;
  status = luatcp__fd_listen(socket->fd, backlog);
  if (status == LUATCP_OK) {
    socket->state = LUATCP_SERVER;
    luatcp__setup_free(socket);
  }
  return status;
}

/* ---- Accept ------------------------------------------------------------- */

/* accept(2): what a connection that died in the queue answers, and pending
 * errors of the network that belong to it; the next one may be well. */
static bool is_about_one_connection(int status) {
  switch (-status) {
  case ECONNABORTED:
  case EPROTO:
  case ENETDOWN:
  case ENOPROTOOPT:
  case EHOSTUNREACH:
  case EOPNOTSUPP:
  case ENETUNREACH:
#ifdef EHOSTDOWN
  case EHOSTDOWN:
#endif
#ifdef ENONET
  case ENONET:
#endif
    return true;
  default:
    return false;
  }
}

static int accept_descriptor(luatcp_socket *server, luatcp_deadline *deadline) {
  for (;;) {
    int fd, status;
    /* accept has no flag like MSG_DONTWAIT: unless it may wait, the
       descriptor has to be non-blocking, whatever strangers did to it */
    if (luatcp__receive_how(server, deadline) == 0 &&
        (server->shared || !server->nonblocking)) {
      status = set_nonblocking(server, true);
      if (status < 0)
        return status;
    }
    fd = luatcp__fd_accept(server->fd);
    if (fd >= 0)
      return fd;
    if (fd == -EAGAIN || fd == -EWOULDBLOCK) {
      status = luatcp__wait_one(server->fd, POLLIN, deadline);
      if (status != LUATCP_OK)
        return status;
    } else if (!is_about_one_connection(fd))
      return fd;
    else if (luatcp__expired(deadline))
      return LUATCP_TIMEOUT;
  }
}

int luatcp_accept(luatcp_socket *server, luatcp_deadline *deadline,
                  luatcp_socket *client) {
  luatcp_deadline own;
  int fd;
  if (server->closed)
    return LUATCP_CLOSED;
  if (server->state != LUATCP_SERVER || !is_fresh(client))
    return LUATCP_WRONG_STATE;
  deadline = luatcp__deadline_or_own(deadline, &own, server);
  fd = accept_descriptor(server, deadline);
  if (fd < 0)
    return fd;
  describe(client, fd, server->family);
  client->wanted = server->wanted;
  client->state = LUATCP_CLIENT;
  client->connected = client->used = true;
  /* systems differ in whether a timer is handed down */
  if (server->receive_timer != 0)
    client->receive_timer = -1;
  return LUATCP_OK;
}

/* ---- Connections ----------------------------------------------------- */

int luatcp__wait_connection(luatcp_socket *socket, luatcp_deadline *deadline) {
  if (socket->closed)
    return LUATCP_CLOSED;
  if (socket->state != LUATCP_CLIENT)
    return LUATCP_WRONG_STATE;
  if (socket->connecting != NULL)
    return luatcp__connect_finish(socket, deadline);
  if (socket->connected)
    return LUATCP_OK;
  luatcp__connect_told(socket);
  return socket->error != 0 ? socket->error : -ENOTCONN;
}

int luatcp_shutdown(luatcp_socket *socket, int direction) {
  static const int hows[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};
  int status;
  if (direction < LUATCP_SHUTDOWN_RECEIVE || direction > LUATCP_SHUTDOWN_BOTH)
    return LUATCP_INVALID_ARGUMENT;
  if (socket->closed)
    return LUATCP_CLOSED;
  if (socket->state != LUATCP_CLIENT)
    return LUATCP_WRONG_STATE;
  if (!socket->connected)
    return -ENOTCONN;
  status = luatcp__fd_shutdown(socket->fd, hows[direction]);
  if (direction != LUATCP_SHUTDOWN_SEND) {
    socket->receive_shut = true;
    luatcp__buffer_drop(socket);
  }
  /* the peer was faster: both directions are shut */
  return status == -ENOTCONN ? LUATCP_OK : status;
}

/* ---- Names -------------------------------------------------------------- */

static int get_name(const luatcp_socket *socket, luatcp_name *name,
                    int (*ask)(int fd, struct luatcp__address *address)) {
  struct luatcp__address address;
  int status;
  *name = (luatcp_name){0};
  if (socket->closed)
    return LUATCP_CLOSED;
  if (socket->fd < 0)
    return LUATCP_NO_FAMILY;
  status = ask(socket->fd, &address);
  return status < 0 ? status : luatcp__address_name(&address, name);
}

int luatcp_local_name(const luatcp_socket *socket, luatcp_name *name) {
  return get_name(socket, name, luatcp__fd_local_address);
}

int luatcp_peer_name(const luatcp_socket *socket, luatcp_name *name) {
  return get_name(socket, name, luatcp__fd_peer_address);
}
