/* SPDX-License-Identifier: MIT
 *
 * fd.c: one thin function per system call; see fd.h.
 */
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <unistd.h>

#if !defined(MSG_NOSIGNAL) && !defined(SO_NOSIGPIPE)
#error "this system can suppress SIGPIPE neither per call nor per socket"
#endif

#ifdef MSG_NOSIGNAL
#define SEND_FLAGS MSG_NOSIGNAL
#else
#define SEND_FLAGS 0
#endif

static int result(int status) { return status < 0 ? -errno : status; }

int luatcp__fd_set_close_on_exec(int fd) {
  return result(fcntl(fd, F_SETFD, FD_CLOEXEC));
}

int luatcp__fd_set_nonblocking(int fd, bool nonblocking) {
  int flags = fcntl(fd, F_GETFL), wanted;
  if (flags < 0)
    return -errno;
  wanted = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  return flags == wanted ? 0 : result(fcntl(fd, F_SETFL, wanted));
}

/* For systems where SIGPIPE is suppressed on the socket, not in send(2). */
static int suppress_sigpipe(int fd) {
#ifndef MSG_NOSIGNAL
  int on = 1;
  return result(setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on));
#else
  (void)fd;
  return 0;
#endif
}

/* What could not be had at birth; on failure the descriptor is closed. */
static int prepare(int fd, bool close_on_exec, bool nonblocking) {
  int status = suppress_sigpipe(fd);
  if (status == 0 && close_on_exec)
    status = luatcp__fd_set_close_on_exec(fd);
  if (status >= 0 && nonblocking)
    status = luatcp__fd_set_nonblocking(fd, true);
  if (status < 0) {
    luatcp__fd_close(fd);
    return status;
  }
  return fd;
}

static int family_number(int family) {
#ifdef ENABLE_IPV6
  return family == LUATCP_INET6 ? AF_INET6 : AF_INET;
#else
  (void)family;
  return AF_INET;
#endif
}

int luatcp__fd_socket(int family, bool nonblocking) {
  int fd;
#ifndef ENABLE_IPV6
  if (family == LUATCP_INET6)
    return -EAFNOSUPPORT;
#endif
#if defined(SOCK_CLOEXEC) && defined(SOCK_NONBLOCK)
  fd =
      socket(family_number(family),
             SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);
  return fd < 0 ? -errno : prepare(fd, false, false);
#else
  fd = socket(family_number(family), SOCK_STREAM, 0);
  return fd < 0 ? -errno : prepare(fd, true, nonblocking);
#endif
}

int luatcp__fd_accept(int fd) {
#if defined(HAVE_ACCEPT4) && defined(SOCK_CLOEXEC)
  int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
  return accepted < 0 ? -errno : prepare(accepted, false, false);
#else
  int status, accepted = accept(fd, NULL, NULL);
  if (accepted < 0)
    return -errno;
  /* BSDs hand down the server's O_NONBLOCK here, Linux does not */
  status = luatcp__fd_set_nonblocking(accepted, false);
  if (status < 0) {
    luatcp__fd_close(accepted);
    return status;
  }
  return prepare(accepted, true, false);
#endif
}

void luatcp__fd_close(int fd) {
  /* never again on EINTR: Linux and most others have freed the number, and
     another thread may own it by now */
  int saved = errno;
  close(fd);
  errno = saved;
}

int luatcp__fd_move(int fd, int number) {
  int status;
  do
#ifdef HAVE_DUP3
    status = result(dup3(fd, number, O_CLOEXEC));
#else
    status = result(dup2(fd, number));
#endif
  while (status == -EINTR);
#ifndef HAVE_DUP3
  if (status >= 0)
    status = luatcp__fd_set_close_on_exec(number);
#endif
  luatcp__fd_close(fd);
  return status < 0 ? status : 0;
}

int luatcp__fd_bind(int fd, const struct luatcp__address *address) {
  return result(bind(fd, &address->sockaddr.any, address->length));
}

int luatcp__fd_listen(int fd, int backlog) {
  return result(listen(fd, backlog));
}

int luatcp__fd_connect(int fd, const struct luatcp__address *address) {
  return result(connect(fd, &address->sockaddr.any, address->length));
}

int luatcp__fd_shutdown(int fd, int how) { return result(shutdown(fd, how)); }

int luatcp__fd_local_address(int fd, struct luatcp__address *address) {
  address->length = sizeof address->sockaddr;
  return result(getsockname(fd, &address->sockaddr.any, &address->length));
}

int luatcp__fd_peer_address(int fd, struct luatcp__address *address) {
  address->length = sizeof address->sockaddr;
  return result(getpeername(fd, &address->sockaddr.any, &address->length));
}

static ptrdiff_t moved(ssize_t count) {
  if (count >= 0)
    return (ptrdiff_t)count;
  return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ptrdiff_t luatcp__fd_recv(int fd, void *data, size_t size, int how) {
  int flags = how & LUATCP__WAIT ? 0 : MSG_DONTWAIT;
  if (how & LUATCP__WHOLE)
    flags |= MSG_WAITALL;
  if (how & LUATCP__PEEK)
    flags |= MSG_PEEK;
  return moved(recv(fd, data, size, flags));
}

ptrdiff_t luatcp__fd_send(int fd, const void *data, size_t size, int how) {
  int flags = how & LUATCP__WAIT ? SEND_FLAGS : SEND_FLAGS | MSG_DONTWAIT;
  return moved(send(fd, data, size, flags));
}

int luatcp__fd_set_option(int fd, int level, int number, const void *value,
                          size_t size) {
  return result(setsockopt(fd, level, number, value, (socklen_t)size));
}

int luatcp__fd_get_option(int fd, int level, int number, void *value,
                          size_t *size) {
  socklen_t length = (socklen_t)*size;
  int status = result(getsockopt(fd, level, number, value, &length));
  *size = (size_t)length;
  return status;
}

int luatcp__fd_error(int fd) {
  int error = 0;
  size_t size = sizeof error;
  int status = luatcp__fd_get_option(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return status < 0 ? status : -error;
}

static int set_timer(int fd, int option, int64_t nanoseconds) {
  int64_t microseconds = nanoseconds / 1000 + (nanoseconds % 1000 != 0);
  struct timeval value;
  value.tv_sec = (time_t)(microseconds / 1000000);
  value.tv_usec = (suseconds_t)(microseconds % 1000000);
  return luatcp__fd_set_option(fd, SOL_SOCKET, option, &value, sizeof value);
}

int luatcp__fd_set_receive_timer(int fd, int64_t nanoseconds) {
  return set_timer(fd, SO_RCVTIMEO, nanoseconds);
}

int luatcp__fd_set_send_timer(int fd, int64_t nanoseconds) {
  return set_timer(fd, SO_SNDTIMEO, nanoseconds);
}
