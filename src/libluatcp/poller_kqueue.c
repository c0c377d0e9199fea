/* SPDX-License-Identifier: MIT
 *
 * poller_kqueue.c: the poller's backend on the BSDs and macOS, kqueue(2).
 */
#include "poller_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/event.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The state is the descriptor of the queue, counted from 1 so that none is
 * NULL. */
static int queue(void *state) { return (int)(intptr_t)state - 1; }

static int open_set(void **state) {
  int fd = kqueue();
  if (fd < 0)
    return -errno;
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  *state = (void *)(intptr_t)(fd + 1);
  return LUATCP_OK;
}

static void close_set(void *state) { close(queue(state)); }

static int change(void *state, int fd, short filter, unsigned short flags,
                  uint32_t id) {
  struct kevent event;
  EV_SET(&event, (uintptr_t)fd, filter, flags, 0, 0, (void *)(uintptr_t)id);
  return kevent(queue(state), &event, 1, NULL, 0, NULL) < 0 ? -errno
                                                            : LUATCP_OK;
}

/* One of the two filters that make up what is wanted of a descriptor. */
static int set_filter(void *state, int fd, short filter, bool before,
                      bool wanted, uint32_t id) {
  if (wanted)
    return change(state, fd, filter, EV_ADD | EV_ENABLE, id);
  return before ? change(state, fd, filter, EV_DELETE, id) : LUATCP_OK;
}

static int set(void *state, int fd, int before, int events, uint32_t id) {
  int read_status =
      set_filter(state, fd, EVFILT_READ, (before & LUATCP_READABLE) != 0,
                 (events & LUATCP_READABLE) != 0, id);
  int write_status =
      set_filter(state, fd, EVFILT_WRITE, (before & LUATCP_WRITABLE) != 0,
                 (events & LUATCP_WRITABLE) != 0, id);
  return read_status != LUATCP_OK ? read_status : write_status;
}

/* What is there already can be enabled.  A one shot that was reported has
 * nothing there, and nothing to lose. */
static bool holds(void *state, int fd, int events, uint32_t id) {
  short filter = events & LUATCP_READABLE ? EVFILT_READ : EVFILT_WRITE;
  return (events & (LUATCP_READABLE | LUATCP_WRITABLE)) != 0 &&
         change(state, fd, filter, EV_ENABLE, id) == LUATCP_OK;
}

/* One entry a filter: those of one descriptor are joined by poller.c. */
static int wait_for(void *state, int64_t span,
                    struct luatcp__happening *happenings, size_t capacity) {
  struct kevent events[256];
  struct timespec limit;
  int i, count;
  if (capacity > sizeof events / sizeof events[0])
    capacity = sizeof events / sizeof events[0];
  /* some systems refuse spans of more than a hundred million seconds */
  if (span > INT64_C(10000000) * 1000000000 && span != INT64_MAX)
    span = INT64_C(10000000) * 1000000000;
  limit.tv_sec = (time_t)(span / 1000000000);
  limit.tv_nsec = (long)(span % 1000000000);
  count = kevent(queue(state), NULL, 0, events, (int)capacity,
                 span == INT64_MAX ? NULL : &limit);
  if (count < 0)
    return -errno;
  for (i = 0; i < count; i++) {
    happenings[i].id = (uint32_t)(uintptr_t)events[i].udata;
    happenings[i].events =
        events[i].filter == EVFILT_READ ? LUATCP_READABLE : LUATCP_WRITABLE;
  }
  return count;
}

const struct luatcp__poller_backend luatcp__poller_backend = {
    "kqueue", false, false, false, open_set, close_set, set, holds, wait_for};
