/* SPDX-License-Identifier: MIT
 *
 * plain.c: see plain.h.
 */
#include "plain.h"

#include "faults.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The system's own functions, which the linker has wrapped. */
int __real_socket(int domain, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *address, socklen_t length);
int __real_listen(int fd, int backlog);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *length,
                   int flags);
int __real_connect(int fd, const struct sockaddr *address, socklen_t length);
int __real_getsockname(int fd, struct sockaddr *address, socklen_t *length);
int __real_getpeername(int fd, struct sockaddr *address, socklen_t *length);
int __real_setsockopt(int fd, int level, int option, const void *value,
                      socklen_t length);
int __real_fcntl(int fd, int command, ...);
int __real_poll(struct pollfd *entries, nfds_t count, int timeout);
ssize_t __real_recv(int fd, void *data, size_t size, int flags);
ssize_t __real_send(int fd, const void *data, size_t size, int flags);
int __real_close(int fd);

/* What the test itself can't do without. */
#define MUST(condition)                                                        \
  do {                                                                         \
    if (!(condition))                                                          \
      fault_flunk("the test's own %s: %s", #condition, strerror(errno));       \
  } while (0)

static int plain_socket(int family) {
  int fd = __real_socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  MUST(fd >= 0);
  return fd;
}

static struct sockaddr_in address_of(const char *host, unsigned port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_port = htons((uint16_t)port);
  MUST(inet_pton(AF_INET, host, &address.sin_addr) == 1);
  return address;
}

/* -1 when the port is taken. */
static int listen_on(const char *host, unsigned port, int backlog) {
  struct sockaddr_in address = address_of(host, port);
  int fd = plain_socket(AF_INET), on = 1;
  (void)__real_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (__real_bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    MUST(errno == EADDRINUSE);
    plain_close(fd);
    return -1;
  }
  MUST(__real_listen(fd, backlog) == 0);
  return fd;
}

bool plain_has_ipv6(void) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6};
  int fd = __real_socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool usable;
  if (fd < 0)
    return false;
  address.sin6_addr = in6addr_loopback;
  usable = __real_bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
  (void)__real_close(fd);
  return usable;
}

int plain_listen(const char *host, char service[8]) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  int fd = listen_on(host, 0, 16);
  MUST(fd >= 0);
  MUST(__real_getsockname(fd, (struct sockaddr *)&address, &length) == 0);
  (void)snprintf(service, 8, "%u", (unsigned)ntohs(address.sin_port));
  return fd;
}

int plain_listen_full(const char *host, const char *service, int fillers[2]) {
  unsigned port = (unsigned)atoi(service);
  struct sockaddr_in address = address_of(host, port);
  int fd = listen_on(host, port, 0), i;
  if (fd < 0)
    return fd;
  for (i = 0; i < 2; i++) {
    fillers[i] = plain_socket(AF_INET);
    MUST(__real_fcntl(fillers[i], F_SETFL, O_NONBLOCK) == 0);
    (void)__real_connect(fillers[i], (struct sockaddr *)&address,
                         sizeof address);
  }
  return fd;
}

int plain_accept(int listener) {
  struct pollfd entry = {.fd = listener, .events = POLLIN};
  int fd;
  MUST(__real_poll(&entry, 1, 10000) == 1);
  fd = __real_accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  MUST(fd >= 0);
  return fd;
}

int plain_accept_from(int listener, int port) {
  for (;;) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int fd = plain_accept(listener);
    if (__real_getpeername(fd, (struct sockaddr *)&address, &length) == 0 &&
        ntohs(address.sin_port) == port)
      return fd;
    plain_close(fd);
  }
}

int plain_connect(const char *host, const char *service) {
  struct sockaddr_in address = address_of(host, (unsigned)atoi(service));
  int fd = plain_socket(AF_INET);
  MUST(__real_connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
  return fd;
}

static int other_end = -1;

int plain_pair(int listener, const char *service) {
  other_end = plain_connect("127.0.0.1", service);
  return listener;
}

int plain_other_end(void) { return other_end; }

void plain_send(int fd, const void *data, size_t size) {
  const char *from = data;
  while (size > 0) {
    ssize_t count = __real_send(fd, from, size, MSG_NOSIGNAL);
    MUST(count > 0);
    from += count;
    size -= (size_t)count;
  }
}

void plain_receive(int fd, void *data, size_t size) {
  MUST(__real_recv(fd, data, size, MSG_WAITALL) == (ssize_t)size);
}

size_t plain_drain(int fd, void *data, size_t size) {
  struct pollfd entry = {.fd = fd, .events = POLLIN};
  ssize_t count;
  (void)__real_poll(&entry, 1, 1000);
  count = __real_recv(fd, data, size, MSG_DONTWAIT);
  return count > 0 ? (size_t)count : 0;
}

void plain_close(int fd) { (void)__real_close(fd); }

void plain_reset(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  (void)__real_setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  (void)__real_close(fd);
}

void plain_pause(void) { (void)__real_poll(NULL, 0, 1); }
