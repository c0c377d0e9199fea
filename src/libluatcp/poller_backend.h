/* SPDX-License-Identifier: MIT
 *
 * poller_backend.h: the table that each way to wait for a standing set fills.
 * poller.c knows sockets, backends know descriptors and ids.  configure picks
 * the one file that defines luatcp__poller_backend.
 */
#ifndef LUATCP_POLLER_BACKEND_H
#define LUATCP_POLLER_BACKEND_H

#include "internal.h"

/* Something has happened to the descriptor that has an id. */
struct luatcp__happening {
  uint32_t id;
  int events; /* LUATCP_READABLE, LUATCP_WRITABLE */
};

struct luatcp__poller_backend {
  const char *name;
  /* Whether a descriptor set with LUATCP_ONE_SHOT is silent after one report
   * until it is set again; if not, poller.c sets it to LUATCP_ONE_SHOT alone,
   * which means no events. */
  bool disarms;
  /* Whether a forked child has the set too, and its own copy to close; if not,
   * what the state names there may be anything. */
  bool inherited;
  /* Whether one happening has all events of its descriptor. */
  bool whole;
  int (*open)(void **state);
  void (*close)(void *state);
  /* Events wanted of fd from now on; 0: fd is no longer in the set.  Before is
   * what was set last, 0 for a new one.  -ENOENT and -EBADF: a stranger has
   * closed or replaced it meanwhile. */
  int (*set)(void *state, int fd, int before, int events, uint32_t id);
  /* Whether what was set last of fd is still so: not when a stranger has closed
   * or replaced it. */
  bool (*holds)(void *state, int fd, int events, uint32_t id);
  /* How many have happened within a span of nanoseconds (INT64_MAX: no limit),
   * up to capacity; 0 when it is up; or -errno. */
  int (*wait)(void *state, int64_t span, struct luatcp__happening *happenings,
              size_t capacity);
};

extern const struct luatcp__poller_backend luatcp__poller_backend;

#endif
