/* SPDX-License-Identifier: MIT
 *
 * connect.c: one connect, from a name over its addresses to a connection.
 *
 * The addresses are tried in the resolver's order, each on a fresh descriptor.
 * While the first is still silent the next one starts beside it, 250 ms later,
 * and the first to answer wins (RFC 8305, 5).  Two kinds of socket can't race:
 * one whose descriptor strangers know, and one bound to a port, which only one
 * descriptor can have.  There the addresses take turns and share the deadline.
 */
#include "fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPT_DELAY (INT64_C(250) * 1000000)

struct attempt {
  int fd;         /* connecting; may be socket->fd */
  size_t address; /* index in the list */
};

struct luatcp__connecting {
  struct luatcp__lookup *lookup; /* under way, or NULL */
  luatcp_addresses *addresses;   /* what it found */
  size_t next;                   /* the address that starts next */
  int64_t turn;                  /* when, although others are still silent */
  int error;                     /* of the last attempt that failed */
  size_t count;                  /* of attempts under way, oldest first */
  struct attempt attempts[LUATCP__RACERS];
  const char *service; /* behind host */
  char host[];
};

static bool takes_turns(const luatcp_socket *socket) {
  const struct luatcp__address *local = luatcp__setup_local(socket);
  return socket->shared || (local != NULL && luatcp__address_port(local) != 0);
}

static bool more_addresses(const struct luatcp__connecting *c) {
  return c->addresses != NULL && c->next < c->addresses->count;
}

static bool may_start(const struct luatcp__connecting *c) {
  return more_addresses(c) && c->count < LUATCP__RACERS;
}

/* ---- Ends ------------------------------------------------------------ */

/* Takes an attempt off the list; its descriptor stays open. */
static struct attempt remove_attempt(struct luatcp__connecting *c,
                                     size_t index) {
  struct attempt removed = c->attempts[index];
  c->count--;
  memmove(&c->attempts[index], &c->attempts[index + 1],
          (c->count - index) * sizeof c->attempts[0]);
  return removed;
}

/* Closes what an attempt opened; the socket's own descriptor stays. */
static void end_attempt(luatcp_socket *socket, struct luatcp__connecting *c,
                        size_t index) {
  struct attempt ended = remove_attempt(c, index);
  luatcp__watch_forget(socket, ended.fd);
  if (ended.fd != socket->fd)
    luatcp__fd_close(ended.fd);
}

/* Ends all that is under way; the target stays known. */
static void finish(luatcp_socket *socket, struct luatcp__connecting *c) {
  while (c->count > 0)
    end_attempt(socket, c, c->count - 1);
  if (c->lookup != NULL) {
    luatcp__watch_forget(socket, luatcp__lookup_descriptor(c->lookup));
    luatcp__lookup_abandon(c->lookup);
  }
  c->lookup = NULL;
  luatcp_addresses_free(c->addresses);
  c->addresses = NULL;
}

void luatcp__connect_told(luatcp_socket *socket) {
  free(socket->unreported);
  socket->unreported = NULL;
}

void luatcp__connect_abandon(luatcp_socket *socket) {
  if (socket->connecting != NULL)
    finish(socket, socket->connecting);
  free(socket->connecting);
  socket->connecting = NULL;
  luatcp__connect_told(socket);
}

/* What came of a connect is told by the next call of connect, unless another
 * call is the one to tell. */
static void end(luatcp_socket *socket, struct luatcp__connecting *c,
                int error) {
  finish(socket, c);
  c->error = error;
  socket->connecting = NULL;
  socket->unreported = c;
  socket->error = error;
  luatcp__watch_changed(socket);
}

static int fail(luatcp_socket *socket, int error) {
  end(socket, socket->connecting, error);
  return error;
}

/* Makes the descriptor of an attempt, which leaves the list, the socket's own;
 * an attempt on the one that it replaces ends. */
static int promote(luatcp_socket *socket, struct luatcp__connecting *c,
                   size_t index) {
  struct attempt winner = remove_attempt(c, index);
  size_t i;
  int status;
  if (winner.fd == socket->fd)
    return LUATCP_OK;
  for (i = c->count; i-- > 0;)
    if (c->attempts[i].fd == socket->fd)
      (void)remove_attempt(c, i);
  status = luatcp__replace_descriptor(
      socket, winner.fd,
      luatcp__address_family(&c->addresses->list[winner.address]), true);
  socket->used = true;
  return status;
}

/* The connection stands on the descriptor of an attempt. */
static int stand(luatcp_socket *socket, struct luatcp__connecting *c,
                 size_t index) {
  int status = promote(socket, c, index);
  if (status < 0)
    return fail(socket, status);
  end(socket, c, LUATCP_OK);
  luatcp__setup_free(socket);
  socket->connected = true;
  return LUATCP_OK;
}

/* ---- Starting an attempt --------------------------------------------- */

/* A descriptor of its own for one attempt of several, ready to connect. */
static int make_racer(const luatcp_socket *socket, int family, int *fd) {
  int status;
  *fd = luatcp__fd_socket(family, true);
  if (*fd < 0)
    return *fd;
  status = luatcp__setup_apply(socket, *fd, family);
  if (status < 0)
    luatcp__fd_close(*fd);
  return status;
}

/* A fresh descriptor as the socket's own.  The old one goes first, as it may
 * hold the local port. */
static int renew_descriptor(luatcp_socket *socket, int family,
                            bool nonblocking) {
  int status, fd = luatcp__fd_socket(family, nonblocking);
  if (fd < 0)
    return fd;
  status = luatcp__replace_descriptor(socket, fd, family, nonblocking);
  if (status < 0)
    return status;
  status = luatcp__setup_apply(socket, socket->fd, family);
  /* one without its options is not for the next attempt */
  socket->used = status < 0;
  return status;
}

/* The descriptor that the next attempt connects; *fd is not always the
 * socket's own. */
static int descriptor_for(luatcp_socket *socket,
                          const struct luatcp__connecting *c, int family,
                          bool nonblocking, int *fd) {
  int status;
  if (c->count > 0)
    return make_racer(socket, family, fd);
  if (socket->fd >= 0 && !socket->used && luatcp_get_family(socket) == family) {
    status = !nonblocking || socket->nonblocking
                 ? LUATCP_OK
                 : luatcp__fd_set_nonblocking(socket->fd, true);
    socket->nonblocking |= nonblocking && status >= 0;
  } else
    status = renew_descriptor(socket, family, nonblocking);
  *fd = socket->fd;
  return status;
}

/* A peer on this machine answers at once, so the kernel may wait for it. */
static bool waits_in_kernel(const luatcp_socket *socket,
                            const struct luatcp__connecting *c,
                            const struct luatcp__address *address,
                            const luatcp_deadline *deadline) {
  return deadline != NULL && luatcp__unlimited(deadline) && !socket->shared &&
         !socket->nonblocking && c->count == 0 && !more_addresses(c) &&
         luatcp__address_is_loopback(address);
}

/* Starts on the next address.  LUATCP_OK: it stands; -EINPROGRESS or -EINTR:
 * it goes on; or why it came to nothing. */
static int start_attempt(luatcp_socket *socket, luatcp_deadline *deadline) {
  struct luatcp__connecting *c = socket->connecting;
  size_t index = c->next++;
  const struct luatcp__address *address = &c->addresses->list[index];
  bool wait = waits_in_kernel(socket, c, address, deadline);
  int fd, status = descriptor_for(socket, c, luatcp__address_family(address),
                                  !wait, &fd);
  if (status < 0)
    return status;
  if (fd == socket->fd)
    socket->used = true;
  /* without a timer the kernel would go on after a signal by itself */
  if (wait)
    (void)luatcp__send_how(socket, deadline);
  status = luatcp__fd_connect(fd, address);
  c->attempts[c->count].fd = fd;
  c->attempts[c->count].address = index;
  c->count++;
  if (status == 0)
    return stand(socket, c, c->count - 1);
  /* interrupted, it goes on in the background like any other */
  if (status == -EINPROGRESS || status == -EINTR)
    return status;
  end_attempt(socket, c, c->count - 1);
  return status;
}

/* When the address after the one just started gets its turn. */
static int64_t next_turn(const luatcp_socket *socket,
                         luatcp_deadline *deadline) {
  const struct luatcp__connecting *c = socket->connecting;
  int64_t remaining;
  if (!takes_turns(socket))
    return luatcp__later(luatcp__now(), ATTEMPT_DELAY);
  if (deadline == NULL || luatcp__immediate(deadline))
    return INT64_MAX;
  remaining = luatcp__remaining(deadline);
  if (remaining == INT64_MAX)
    return INT64_MAX;
  return luatcp__later(
      luatcp__now(), remaining / (int64_t)(c->addresses->count - c->next + 1));
}

/* ---- Moving on ------------------------------------------------------- */

/* Takes the addresses from a lookup that has ended. */
static int step_lookup(luatcp_socket *socket) {
  struct luatcp__connecting *c = socket->connecting;
  int status;
  LUATCP__KNOWN(c != NULL);
  if (c->lookup == NULL)
    return LUATCP_OK;
  if (!luatcp__lookup_finished(c->lookup))
    return -EINPROGRESS;
  luatcp__watch_forget(socket, luatcp__lookup_descriptor(c->lookup));
  status = luatcp__lookup_finish(c->lookup, &c->addresses);
  c->lookup = NULL;
  return status;
}

/* Ends the attempts that poll has an answer for, by entries in their order.
 * LUATCP_OK: one of them stands. */
static int judge_attempts(luatcp_socket *socket, const struct pollfd *entries) {
  struct luatcp__connecting *c = socket->connecting;
  int errors[LUATCP__RACERS];
  size_t i, count = c->count;
  for (i = 0; i < count; i++)
    errors[i] = entries[i].revents != 0 ? luatcp__fd_error(entries[i].fd)
                                        : -EINPROGRESS;
  for (i = 0; i < count; i++)
    if (errors[i] == 0)
      return stand(socket, c, i);
  for (i = count; i-- > 0;)
    /* cppcheck-suppress uninitvar ; both loops have the same end */
    if (errors[i] != -EINPROGRESS) {
      c->error = errors[i];
      end_attempt(socket, c, i);
    }
  return -EINPROGRESS;
}

static int step_attempts(luatcp_socket *socket) {
  struct pollfd entries[LUATCP__RACERS];
  int64_t wake = INT64_MAX;
  size_t count = luatcp__connect_poll(socket, entries, &wake);
  if (count == 0 || poll(entries, (nfds_t)count, 0) <= 0)
    return -EINPROGRESS;
  return judge_attempts(socket, entries);
}

int luatcp__connect_step(luatcp_socket *socket, luatcp_deadline *deadline) {
  struct luatcp__connecting *c = socket->connecting;
  int status = step_lookup(socket);
  if (status == -EINPROGRESS)
    return status;
  if (status != LUATCP_OK)
    return fail(socket, status);
  if (c->count > 0) {
    status = step_attempts(socket);
    if (status != -EINPROGRESS)
      return status;
  }
  if (may_start(c) && (c->count == 0 || luatcp__now() >= c->turn)) {
    if (c->count > 0 && takes_turns(socket)) {
      c->error = LUATCP_TIMEOUT;
      end_attempt(socket, c, 0);
    }
    status = start_attempt(socket, deadline);
    if (status == LUATCP_OK || socket->connecting == NULL)
      return status;
    c->turn = more_addresses(c) ? next_turn(socket, deadline) : INT64_MAX;
    if (status == -EINTR)
      return status;
    if (status != -EINPROGRESS)
      c->error = status;
  }
  if (c->count == 0 && !more_addresses(c))
    return fail(socket, c->error);
  return -EINPROGRESS;
}

size_t luatcp__connect_poll(const luatcp_socket *socket, struct pollfd *entries,
                            int64_t *wake) {
  const struct luatcp__connecting *c = socket->connecting;
  size_t i;
  LUATCP__KNOWN(c != NULL);
  if (c->lookup != NULL) {
    entries[0] = (struct pollfd){.fd = luatcp__lookup_descriptor(c->lookup),
                                 .events = POLLIN};
    if (luatcp__lookup_finished(c->lookup))
      *wake = 0;
    return 1;
  }
  for (i = 0; i < c->count; i++)
    entries[i] = (struct pollfd){.fd = c->attempts[i].fd, .events = POLLOUT};
  if (c->count == 0)
    *wake = 0;
  else if (may_start(c) && c->turn < *wake)
    *wake = c->turn;
  return c->count;
}

/* Waits until something has happened: LUATCP_OK when the connection stands,
 * -EINPROGRESS when there is a step to take. */
static int wait_for_step(luatcp_socket *socket, luatcp_deadline *deadline) {
  struct pollfd entries[LUATCP__RACERS];
  int64_t wake = INT64_MAX, now, span, remaining = luatcp__remaining(deadline);
  size_t count = luatcp__connect_poll(socket, entries, &wake);
  if (wake == 0)
    return -EINPROGRESS;
  if (remaining == 0)
    return LUATCP_TIMEOUT;
  span = remaining;
  if (wake != INT64_MAX) {
    now = luatcp__now();
    if (wake <= now)
      return -EINPROGRESS;
    span = wake - now < remaining ? wake - now : remaining;
  }
  if (poll(entries, (nfds_t)count, luatcp__milliseconds(span)) < 0)
    return -errno;
  LUATCP__KNOWN(socket->connecting != NULL);
  return socket->connecting->lookup == NULL ? judge_attempts(socket, entries)
                                            : -EINPROGRESS;
}

int luatcp__connect_finish(luatcp_socket *socket, luatcp_deadline *deadline) {
  struct luatcp__connecting *c = socket->connecting;
  /* it was begun without a limit that could be shared out */
  if (takes_turns(socket) && more_addresses(c) && c->turn == INT64_MAX)
    c->turn = next_turn(socket, deadline);
  for (;;) {
    int status = luatcp__connect_step(socket, deadline);
    if (status != -EINPROGRESS)
      return status;
    status = wait_for_step(socket, deadline);
    if (status != -EINPROGRESS)
      return status;
  }
}

void luatcp__connect_materialise(luatcp_socket *socket) {
  struct luatcp__connecting *c = socket->connecting;
  struct attempt last;
  luatcp_deadline forever;
  luatcp_deadline_after(&forever, -1);
  /* a stranger can't wait for a lookup, or for an attempt yet to start */
  while (c->lookup != NULL || c->count == 0) {
    if (luatcp__connect_step(socket, NULL) != -EINPROGRESS)
      return;
    if (c->lookup != NULL)
      (void)wait_for_step(socket, &forever);
  }
  /* nor for several at once: the others get their turn again later */
  while (c->count > 1) {
    c->next = c->attempts[c->count - 1].address;
    end_attempt(socket, c, c->count - 1);
  }
  c->turn = INT64_MAX;
  last = c->attempts[0];
  if (promote(socket, c, 0) < 0) {
    (void)fail(socket, -EMFILE);
    return;
  }
  last.fd = socket->fd;
  c->attempts[c->count++] = last;
}

/* ---- Connecting ------------------------------------------------------ */

static bool same_target(const struct luatcp__connecting *c, const char *host,
                        const char *service) {
  return strcmp(c->host, host) == 0 && strcmp(c->service, service) == 0;
}

static struct luatcp__connecting *new_connecting(const char *host,
                                                 const char *service) {
  size_t host_size = strlen(host) + 1, service_size = strlen(service) + 1;
  struct luatcp__connecting *c = malloc(sizeof *c + host_size + service_size);
  if (c == NULL)
    return NULL;
  memset(c, 0, sizeof *c);
  memcpy(c->host, host, host_size);
  memcpy(c->host + host_size, service, service_size);
  c->service = c->host + host_size;
  c->error = LUATCP_LOOKUP_NO_NAME; /* for a list that turns out empty */
  return c;
}

/* Finds the addresses, or has them looked up.  With no limit the caller waits
 * for the resolver anyhow, and needs no thread for it. */
static int begin_lookup(luatcp_socket *socket, struct luatcp__connecting *c,
                        luatcp_deadline *deadline) {
  int family = luatcp__setup_local(socket) != NULL ? luatcp_get_family(socket)
                                                   : socket->wanted;
  int status =
      luatcp__resolve_numeric(c->host, c->service, family, 0, &c->addresses);
  if (status != LUATCP_MORE)
    return status;
  if (luatcp__unlimited(deadline))
    return luatcp__resolve_name(deadline, c->host, c->service, family, 0,
                                &c->addresses);
  return luatcp__lookup_start(c->host, c->service, family, 0, &c->lookup);
}

static int begin(luatcp_socket *socket, luatcp_deadline *deadline,
                 const char *host, const char *service) {
  struct luatcp__connecting *c = new_connecting(host, service);
  int status;
  luatcp__connect_abandon(socket);
  if (c == NULL)
    return -ENOMEM;
  socket->connecting = c;
  luatcp__watch_changed(socket);
  socket->error = 0;
  status = begin_lookup(socket, c, deadline);
  return status == LUATCP_OK ? LUATCP_OK : fail(socket, status);
}

/* One step for a caller who does not wait. */
static int step_once(luatcp_socket *socket, luatcp_deadline *deadline,
                     bool begun) {
  size_t next = socket->connecting->next;
  int status = luatcp__connect_step(socket, deadline);
  if (status != -EINPROGRESS)
    return status;
  LUATCP__KNOWN(socket->connecting != NULL);
  return begun || socket->connecting->next != next ? LUATCP_TIMEOUT : -EALREADY;
}

/* What luatcp_wait or another call has brought about; LUATCP_MORE when there is
 * no news of this target. */
static int take_news(luatcp_socket *socket, const char *host,
                     const char *service) {
  int status = LUATCP_MORE;
  if (socket->unreported != NULL &&
      same_target(socket->unreported, host, service))
    status = socket->unreported->error;
  luatcp__connect_told(socket);
  return status;
}

static int connect_on(luatcp_socket *socket, luatcp_deadline *deadline,
                      const char *host, const char *service) {
  bool begun = false;
  int status;
  if (socket->connecting == NULL ||
      !same_target(socket->connecting, host, service)) {
    status = begin(socket, deadline, host, service);
    if (status != LUATCP_OK)
      return status;
    begun = true;
  }
  if (luatcp__immediate(deadline))
    return step_once(socket, deadline, begun);
  return luatcp__connect_finish(socket, deadline);
}

int luatcp_connect(luatcp_socket *socket, luatcp_deadline *deadline,
                   const char *host, const char *service) {
  luatcp_deadline own;
  int status;
  if (socket->closed)
    return LUATCP_CLOSED;
  if (socket->state == LUATCP_SERVER)
    return LUATCP_WRONG_STATE;
  status = take_news(socket, host, service);
  if (status != LUATCP_MORE)
    return status;
  if (socket->connected)
    return -EISCONN;
  deadline = luatcp__deadline_or_own(deadline, &own, socket);
  socket->state = LUATCP_CLIENT;
  status = connect_on(socket, deadline, host, service);
  luatcp__connect_told(socket);
  return status;
}
