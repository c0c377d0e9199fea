/* SPDX-License-Identifier: MIT
 *
 * poller_epoll.c: the poller's backend on Linux, epoll(7).
 */
#include "poller_backend.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* The state is the descriptor of the epoll instance, counted from 1 so that
 * none is NULL. */
static int instance(void *state) { return (int)(intptr_t)state - 1; }

static int open_set(void **state) {
  int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0)
    return -errno;
  *state = (void *)(intptr_t)(fd + 1);
  return LUATCP_OK;
}

static void close_set(void *state) { close(instance(state)); }

static uint32_t epoll_events(int events) {
  return (events & LUATCP_READABLE ? (uint32_t)EPOLLIN : 0) |
         (events & LUATCP_WRITABLE ? (uint32_t)EPOLLOUT : 0) |
         (events & LUATCP_ONE_SHOT ? (uint32_t)EPOLLONESHOT : 0);
}

static int control(void *state, int operation, int fd, int events,
                   uint32_t id) {
  struct epoll_event event = {.events = epoll_events(events)};
  event.data.u32 = id;
  return epoll_ctl(instance(state), operation, fd, &event) < 0 ? -errno
                                                               : LUATCP_OK;
}

static int set(void *state, int fd, int before, int events, uint32_t id) {
  int status;
  if (events == 0)
    return control(state, EPOLL_CTL_DEL, fd, 0, id);
  if (before == 0) {
    status = control(state, EPOLL_CTL_ADD, fd, events, id);
    /* still there under another id, when a stranger had closed it meanwhile */
    return status == -EEXIST ? control(state, EPOLL_CTL_MOD, fd, events, id)
                             : status;
  }
  status = control(state, EPOLL_CTL_MOD, fd, events, id);
  /* closed and opened again by a stranger, it has left the set */
  return status == -ENOENT ? control(state, EPOLL_CTL_ADD, fd, events, id)
                           : status;
}

static bool holds(void *state, int fd, int events, uint32_t id) {
  return control(state, EPOLL_CTL_MOD, fd, events, id) == LUATCP_OK;
}

static int wait_for(void *state, int64_t span,
                    struct luatcp__happening *happenings, size_t capacity) {
  struct epoll_event events[256];
  int i, count;
  if (capacity > sizeof events / sizeof events[0])
    capacity = sizeof events / sizeof events[0];
  count = epoll_wait(instance(state), events, (int)capacity,
                     luatcp__milliseconds(span));
  if (count < 0)
    return -errno;
  for (i = 0; i < count; i++) {
    uint32_t happened = events[i].events;
    int failed = (happened & (EPOLLHUP | EPOLLERR)) != 0;
    happenings[i].id = events[i].data.u32;
    happenings[i].events =
        (failed || happened & EPOLLIN ? LUATCP_READABLE : 0) |
        (failed || happened & EPOLLOUT ? LUATCP_WRITABLE : 0);
  }
  return count;
}

const struct luatcp__poller_backend luatcp__poller_backend = {
    "epoll", true, true, true, open_set, close_set, set, holds, wait_for};
