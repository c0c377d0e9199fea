/* SPDX-License-Identifier: MIT
 *
 * sys/event.h: the part of kqueue(2) that luatcp uses, for systems without it.
 * A test double (kqueue.c): it shows that poller_kqueue.c works as kqueue's
 * manual describes it, not what a BSD kernel does.
 */
#ifndef LUATCP_TEST_SYS_EVENT_H
#define LUATCP_TEST_SYS_EVENT_H

#include <stdint.h>
#include <time.h>

struct kevent {
  uintptr_t ident;
  short filter;
  unsigned short flags;
  unsigned int fflags;
  intptr_t data;
  void *udata;
};

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)

#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_ENABLE 0x0004
#define EV_EOF 0x8000

#define EV_SET(event, id, filter_, flags_, fflags_, data_, udata_)             \
  (*(event) = (struct kevent){.ident = (id),                                   \
                              .filter = (filter_),                             \
                              .flags = (flags_),                               \
                              .fflags = (fflags_),                             \
                              .data = (data_),                                 \
                              .udata = (udata_)})

int kqueue(void);
int kevent(int queue, const struct kevent *changes, int change_count,
           struct kevent *events, int capacity, const struct timespec *limit);

#endif
