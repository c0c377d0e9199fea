/* SPDX-License-Identifier: MIT
 *
 * wait.c: poll(2) on one descriptor or on many, under a deadline, and sleep.
 * What does not wait inside recv, send or accept waits here.  No buffers.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* Joins entries that have the same descriptor; returns how many are left.
 * Places has a zero for each descriptor there can be. */
static size_t join_entries(struct pollfd *joined, size_t *places,
                           const struct pollfd *entries, size_t count) {
  size_t i, used = 0;
  for (i = 0; i < count; i++) {
    size_t *place;
    if (entries[i].fd < 0)
      continue;
    place = &places[entries[i].fd];
    if (*place == 0) {
      joined[used] = entries[i];
      *place = ++used;
    } else
      joined[*place - 1].events =
          (short)(joined[*place - 1].events | entries[i].events);
  }
  return used;
}

/* poll(2) refuses more entries than a process may have descriptors, and what
 * is waited for both ways has two. */
static int poll_joined(struct pollfd *entries, size_t count, int timeout) {
  size_t i, last = 0, *places;
  struct pollfd *joined;
  int ready = -1;
  for (i = 0; i < count; i++)
    if (entries[i].fd >= 0 && (size_t)entries[i].fd > last)
      last = (size_t)entries[i].fd;
  places = calloc(last + 1, sizeof *places);
  joined = calloc(count, sizeof *joined);
  if (places != NULL && joined != NULL) {
    ready = poll(joined, (nfds_t)join_entries(joined, places, entries, count),
                 timeout);
    for (i = 0; ready > 0 && i < count; i++)
      if (entries[i].fd >= 0)
        entries[i].revents =
            (short)(joined[places[entries[i].fd] - 1].revents &
                    (entries[i].events | POLLERR | POLLHUP | POLLNVAL));
  } else
    errno = ENOMEM;
  free(joined);
  free(places);
  return ready;
}

/* poll(2) for a span in nanoseconds; how many entries are ready, or -errno. */
static int poll_for(struct pollfd *entries, size_t count, int64_t span) {
  int timeout = luatcp__milliseconds(span);
  int ready = poll(entries, (nfds_t)count, timeout);
  if (ready < 0 && errno == EINVAL && count > 0)
    ready = poll_joined(entries, count, timeout);
  return ready < 0 ? -errno : ready;
}

int luatcp__wait_one(int fd, short events, luatcp_deadline *deadline) {
  struct pollfd entry = {.fd = fd, .events = events, .revents = 0};
  for (;;) {
    int64_t remaining = luatcp__remaining(deadline);
    int ready;
    if (remaining == 0)
      return LUATCP_TIMEOUT;
    ready = poll_for(&entry, 1, remaining);
    if (ready != 0)
      return ready < 0 ? ready : LUATCP_OK;
  }
}

int luatcp_sleep(luatcp_deadline *deadline) {
  for (;;) {
    int64_t remaining = luatcp__remaining(deadline);
    struct timespec span;
    if (remaining == 0)
      return LUATCP_OK;
    /* time_t may have 32 bits; the loop comes back for what is left */
    if (remaining > INT64_C(1000000) * 1000000000)
      remaining = INT64_C(1000000) * 1000000000;
    span.tv_sec = (time_t)(remaining / 1000000000);
    span.tv_nsec = (long)(remaining % 1000000000);
    if (nanosleep(&span, NULL) < 0)
      return -errno;
  }
}

/* ---- Waiting for many ------------------------------------------------ */

/* What one luatcp_wait works on. */
struct waiting {
  luatcp_wait_item *items;
  size_t count;
  struct pollfd *entries;
  size_t used;  /* entries in use */
  size_t ready; /* items */
  int64_t wake; /* when a connect wants to be moved on, at the latest */
};

/* Beside its events, an item's ready says how the item is waited for: with one
 * entry, or with those of a connect, whose number is counted in CONNECT_ENTRY;
 * and whether that connect is to be moved on. */
enum { POLLED = 16, STEP_DUE = 32, CONNECTING = 64, CONNECT_ENTRY = 256 };

#define EVENTS (LUATCP_READABLE | LUATCP_WRITABLE)

short luatcp__poll_events(int events) {
  static const short bits[] = {0, POLLIN, POLLOUT, POLLIN | POLLOUT};
  return bits[events & EVENTS];
}

int luatcp__ready_events(int wanted, short happened) {
  int events = 0;
  if (happened & (POLLIN | POLLHUP | POLLERR))
    events |= LUATCP_READABLE;
  if (happened & (POLLOUT | POLLHUP | POLLERR))
    events |= LUATCP_WRITABLE;
  return wanted & events;
}

static void fill_connecting(struct waiting *w, luatcp_wait_item *item) {
  size_t own =
      luatcp__connect_poll(item->socket, w->entries + w->used, &w->wake);
  item->ready = CONNECTING | CONNECT_ENTRY * (int)own;
  w->used += own;
}

static void fill(struct waiting *w) {
  size_t i;
  w->used = w->ready = 0;
  w->wake = INT64_MAX;
  for (i = 0; i < w->count; i++) {
    luatcp_wait_item *item = &w->items[i];
    const luatcp_socket *socket = item->socket;
    int fd = item->descriptor, ready = 0;
    short events = luatcp__poll_events(item->events);
    if (socket != NULL) {
      if (socket->connecting != NULL) {
        fill_connecting(w, item);
        continue;
      }
      fd = socket->fd;
      ready = luatcp__ready_already(socket, item->events);
      w->ready += ready != 0;
    }
    if (fd >= 0 && events != 0) {
      struct pollfd *entry = &w->entries[w->used++];
      entry->fd = fd;
      entry->events = events;
      entry->revents = 0;
      ready |= POLLED;
    }
    item->ready = ready;
  }
}

static bool any_happened(const struct pollfd *entries, size_t count) {
  while (count-- > 0)
    if (entries[count].revents != 0)
      return true;
  return false;
}

/* Reads the answers of poll into the items.  *due: a connect is to be moved
 * on. */
static int harvest(struct waiting *w, bool *due) {
  const struct pollfd *entry = w->entries;
  bool late = w->wake != INT64_MAX && w->wake <= luatcp__now();
  size_t i;
  *due = false;
  for (i = 0; i < w->count; i++) {
    luatcp_wait_item *item = &w->items[i];
    if (item->ready & POLLED) {
      item->ready &= EVENTS;
      if (entry->revents & POLLNVAL)
        return -EBADF;
      if (entry->revents != 0) {
        w->ready += item->ready == 0;
        item->ready |= luatcp__ready_events(item->events, entry->revents);
      }
      entry++;
    } else if (item->ready & CONNECTING) {
      size_t own = (size_t)item->ready / CONNECT_ENTRY;
      item->ready = late || any_happened(entry, own) ? STEP_DUE : 0;
      *due |= item->ready != 0;
      entry += own;
    }
  }
  return LUATCP_OK;
}

/* Only now that all answers are read, as a socket may be listed twice. */
static void step_connects(struct waiting *w) {
  size_t i;
  for (i = 0; i < w->count; i++) {
    luatcp_wait_item *item = &w->items[i];
    if (item->ready != STEP_DUE)
      continue;
    item->ready = 0;
    if (item->socket->connecting != NULL)
      (void)luatcp__connect_step(item->socket, NULL);
  }
}

/* The caller sees events alone, also when the wait has failed. */
static void clear(struct waiting *w) {
  size_t i;
  for (i = 0; i < w->count; i++)
    w->items[i].ready = 0;
}

static int64_t span_until(const struct waiting *w, luatcp_deadline *deadline,
                          int64_t *remaining) {
  int64_t now;
  *remaining = luatcp__remaining(deadline);
  if (w->ready > 0)
    return 0;
  if (w->wake == INT64_MAX)
    return *remaining;
  now = luatcp__now();
  if (w->wake <= now)
    return 0;
  return w->wake - now < *remaining ? w->wake - now : *remaining;
}

static int wait_for_items(struct waiting *w, luatcp_deadline *deadline) {
  for (;;) {
    int64_t remaining, span;
    bool moved;
    int status;
    fill(w);
    span = span_until(w, deadline, &remaining);
    status = poll_for(w->entries, w->used, span);
    if (status >= 0)
      status = harvest(w, &moved);
    if (status < 0) {
      clear(w);
      return status;
    }
    /* a connect that has just ended is seen by the next turn's poll */
    if (moved)
      step_connects(w);
    else if (w->ready > 0)
      return LUATCP_OK;
    else if (remaining == 0)
      return LUATCP_TIMEOUT;
  }
}

int luatcp_wait(luatcp_deadline *deadline, luatcp_wait_item *items,
                size_t count, size_t *ready) {
  struct pollfd few[64];
  luatcp_deadline never;
  struct waiting w = {.items = items, .count = count, .entries = few};
  size_t i, room = 0;
  int status;
  *ready = 0;
  deadline = luatcp__deadline_or_never(deadline, &never);
  /* a connect may come to need more entries while it is waited for */
  for (i = 0; i < count; i++)
    room += items[i].socket != NULL && items[i].socket->connecting != NULL
                ? LUATCP__RACERS
                : 1;
  if (room > sizeof few / sizeof few[0]) {
    if (room > SIZE_MAX / sizeof *w.entries)
      return -ENOMEM;
    w.entries = malloc(room * sizeof *w.entries);
    if (w.entries == NULL)
      return -ENOMEM;
  }
  status = wait_for_items(&w, deadline);
  *ready = status == LUATCP_OK ? w.ready : 0;
  if (w.entries != few)
    free(w.entries);
  return status;
}
