/* SPDX-License-Identifier: MIT
 *
 * poller_poll.c: the poller's backend for every other system, poll(2).
 */
#include "poller_backend.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Who an entry is for, and what its descriptor was then: numbers come back. */
struct subject {
  uint32_t id;
  dev_t device;
  ino_t file;
};

struct state {
  struct pollfd *entries;
  struct subject *subjects; /* of the entries */
  size_t count;             /* of entries */
  size_t capacity;          /* of entries and subjects */
  size_t *places; /* by descriptor: its index in entries, plus one; 0: none */
  size_t known;   /* size of places */
  size_t next;    /* where to start looking, for fairness */
};

static int open_set(void **state) {
  *state = calloc(1, sizeof(struct state));
  return *state == NULL ? -ENOMEM : LUATCP_OK;
}

static void close_set(void *opaque) {
  struct state *state = opaque;
  free(state->entries);
  free(state->subjects);
  free(state->places);
  free(state);
}

/* How large an array has to be that has so many elements and needs more. */
static size_t next_capacity(size_t capacity, size_t needed) {
  size_t wanted = capacity < 16 ? 16 : capacity;
  while (wanted < needed)
    wanted *= 2;
  return wanted;
}

static bool grow_places(struct state *state, size_t needed) {
  size_t i, wanted = next_capacity(state->known, needed);
  size_t *places;
  if (needed <= state->known)
    return true;
  places = realloc(state->places, wanted * sizeof *places);
  if (places == NULL)
    return false;
  for (i = state->known; i < wanted; i++)
    places[i] = 0;
  state->places = places;
  state->known = wanted;
  return true;
}

static bool grow_entries(struct state *state, size_t needed) {
  size_t wanted = next_capacity(state->capacity, needed);
  struct pollfd *entries;
  struct subject *subjects;
  if (needed <= state->capacity)
    return true;
  entries = realloc(state->entries, wanted * sizeof *entries);
  if (entries == NULL)
    return false;
  state->entries = entries;
  subjects = realloc(state->subjects, wanted * sizeof *subjects);
  if (subjects == NULL)
    return false;
  state->subjects = subjects;
  state->capacity = wanted;
  return true;
}

static int add(struct state *state, int fd) {
  if (!grow_places(state, (size_t)fd + 1) ||
      !grow_entries(state, state->count + 1))
    return -ENOMEM;
  state->places[fd] = ++state->count;
  return LUATCP_OK;
}

/* The last entry fills the gap. */
static void take_out(struct state *state, int fd) {
  size_t place = state->places[fd] - 1, last = --state->count;
  int moved = state->entries[last].fd;
  state->places[fd] = 0;
  if (place == last)
    return;
  state->entries[place] = state->entries[last];
  state->subjects[place] = state->subjects[last];
  state->places[moved < 0 ? ~moved : moved] = place + 1;
}

static bool has(const struct state *state, int fd) {
  return fd >= 0 && (size_t)fd < state->known && state->places[fd] != 0;
}

static int set(void *opaque, int fd, int before, int events, uint32_t id) {
  struct state *state = opaque;
  struct stat file;
  size_t at;
  (void)before;
  if (events == 0) {
    if (!has(state, fd))
      return -ENOENT;
    take_out(state, fd);
    return LUATCP_OK;
  }
  /* poll(2) is not told what is in the set before it waits */
  if (fstat(fd, &file) < 0)
    return -errno;
  if (!has(state, fd)) {
    int status = add(state, fd);
    if (status != LUATCP_OK)
      return status;
  }
  at = state->places[fd] - 1;
  state->entries[at] =
      (struct pollfd){.fd = fd, .events = luatcp__poll_events(events)};
  state->subjects[at] = (struct subject){id, file.st_dev, file.st_ino};
  return LUATCP_OK;
}

static bool holds(void *opaque, int fd, int events, uint32_t id) {
  const struct state *state = opaque;
  const struct subject *subject;
  struct stat file;
  (void)events;
  if (!has(state, fd) || fstat(fd, &file) < 0)
    return false;
  subject = &state->subjects[state->places[fd] - 1];
  return subject->id == id && state->entries[state->places[fd] - 1].fd == fd &&
         subject->device == file.st_dev && subject->file == file.st_ino;
}

static int wait_for(void *opaque, int64_t span,
                    struct luatcp__happening *happenings, size_t capacity) {
  struct state *state = opaque;
  size_t i, count = 0;
  int ready =
      poll(state->entries, (nfds_t)state->count, luatcp__milliseconds(span));
  if (ready < 0)
    return -errno;
  for (i = 0; i < state->count && ready > 0 && count < capacity; i++) {
    size_t at = (state->next + i) % state->count;
    struct pollfd *entry = &state->entries[at];
    if (entry->revents == 0)
      continue;
    ready--;
    /* closed by a stranger: silent until it is set again, as elsewhere */
    if (entry->revents & POLLNVAL) {
      entry->fd = ~entry->fd;
      continue;
    }
    happenings[count].id = state->subjects[at].id;
    happenings[count].events =
        luatcp__ready_events(LUATCP_READABLE | LUATCP_WRITABLE, entry->revents);
    count++;
  }
  state->next = state->count == 0 ? 0 : (state->next + i) % state->count;
  return (int)count;
}

const struct luatcp__poller_backend luatcp__poller_backend = {
    "poll", false, true, true, open_set, close_set, set, holds, wait_for};
