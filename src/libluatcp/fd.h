/* SPDX-License-Identifier: MIT
 *
 * fd.h: the system calls that the library makes on one descriptor.  Each
 * function is one call, returns -errno on failure, and settles what must hold
 * everywhere: close-on-exec from birth, no SIGPIPE.  No waiting policy.
 */
#ifndef LUATCP_FD_H
#define LUATCP_FD_H

#include "internal.h"

int luatcp__fd_socket(int family, bool nonblocking);
int luatcp__fd_accept(int fd);
void luatcp__fd_close(int fd);
/* Puts fd where number is, closing what is there; fd itself is closed. */
int luatcp__fd_move(int fd, int number);
int luatcp__fd_set_nonblocking(int fd, bool nonblocking);
int luatcp__fd_set_close_on_exec(int fd);

int luatcp__fd_bind(int fd, const struct luatcp__address *address);
int luatcp__fd_listen(int fd, int backlog);
int luatcp__fd_connect(int fd, const struct luatcp__address *address);
int luatcp__fd_shutdown(int fd, int how);
int luatcp__fd_local_address(int fd, struct luatcp__address *address);
int luatcp__fd_peer_address(int fd, struct luatcp__address *address);

/* Bytes moved, 0 at the end of the stream.  Without wait, -EAGAIN instead of
 * waiting whatever the descriptor's flags; whole: wait until all is there. */
enum { LUATCP__WAIT = 1, LUATCP__WHOLE = 2, LUATCP__PEEK = 4 };
ptrdiff_t luatcp__fd_recv(int fd, void *data, size_t size, int how);
ptrdiff_t luatcp__fd_send(int fd, const void *data, size_t size, int how);

/* The pending error of the descriptor as -errno, which clears it, or 0. */
int luatcp__fd_error(int fd);
int luatcp__fd_set_option(int fd, int level, int number, const void *value,
                          size_t size);
int luatcp__fd_get_option(int fd, int level, int number, void *value,
                          size_t *size);
/* Whether recv, send and accept that have a timer always come back with
 * -EINTR after a signal: if not, nobody may wait in them. */
static inline bool luatcp__fd_waits_can_be_interrupted(void) {
  /* signal(7): with a timer on the socket a handler ends the wait even where
     SA_RESTART is set.  Not documented elsewhere */
#ifdef __linux__
  return true;
#else
  return false;
#endif
}
/* How long recv and send may wait inside the kernel; rounded up. */
int luatcp__fd_set_receive_timer(int fd, int64_t nanoseconds);
int luatcp__fd_set_send_timer(int fd, int64_t nanoseconds);

#endif
