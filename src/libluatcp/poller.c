/* SPDX-License-Identifier: MIT
 *
 * poller.c: a standing set of sockets and descriptors to wait for.
 *
 * A watch is one of them in one poller.  The kernel is told of a watch's
 * descriptors once and remembers them; what the kernel can't see is settled
 * before each wait, for the watches that are in the queue alone: those with
 * buffered input, those that are connecting, those that have new descriptors
 * or none any more.  So idle watches cost nothing.
 *
 * Each wait asks the kernel, with half of the room for events at the least, so
 * that buffered input never keeps a watch from its turn; those that have such
 * input take turns as they stand in the queue.
 *
 * A descriptor is registered for one watch at a time.  Another watch that comes
 * to have it waits until that one has left it, or takes it over when it is
 * another descriptor under the same number.
 *
 * After a fork the kernel's set belongs to both processes, or to the parent
 * alone: a child leaves it as it is, and makes its own when it uses the poller.
 *
 * The kernel gives back ids and no pointers: an id whose watch has gone can be
 * recognised, whatever a stranger has done to the descriptor.
 */
#include "poller_backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A descriptor that the backend was told of, and with which events. */
struct registration {
  int fd;
  int events;
};

/* Beside a registration's events: tell the kernel again. */
#define OUTDATED 64

struct luatcp__watch {
  luatcp_poller *poller;
  luatcp_socket *socket; /* NULL: a bare descriptor */
  int descriptor;
  int events;  /* wanted */
  uint32_t id; /* its slot, and how often that was used before */
  bool spent;  /* a one shot that was reported */
  bool gone;   /* its socket was closed, the program not yet told */
  bool queued;
  bool stale;    /* what the kernel knows may be wrong */
  bool refused;  /* the kernel does not take it */
  uint64_t turn; /* of the wait that reported it last */
  size_t place;  /* among that wait's events */
  size_t count;  /* of registrations */
  struct registration registrations[LUATCP__RACERS];
  void *data;
  struct luatcp__watch *next;           /* in the queue */
  struct luatcp__watch *next_of_socket; /* in another poller */
};

#define NO_SLOT UINT32_MAX
#define SLOT_BITS 22
#define MAX_SLOTS ((size_t)1 << SLOT_BITS)

/* An id's watch, or, in a free one, the next free slot. */
struct slot {
  struct luatcp__watch *watch;
  uint32_t uses;
  uint32_t next_free;
};

/* What is known of a descriptor. */
struct descriptor {
  struct luatcp__watch *bare;  /* is about this number */
  struct luatcp__watch *owner; /* has a registration of it */
};

struct luatcp_poller {
  void *state; /* the backend's */
  int process; /* whose set that is */
  struct slot *slots;
  size_t slot_count;
  uint32_t free_slot;
  struct descriptor *descriptors; /* by number */
  size_t descriptor_count;
  struct luatcp__watch *first, *last; /* the queue */
  uint64_t turn;
  bool stray;       /* the kernel reports what nobody watches */
  bool kernel_next; /* has the next turn where there is room for one event */
};

/* ---- Slots and ids --------------------------------------------------- */

static uint32_t slot_of(uint32_t id) { return id & (MAX_SLOTS - 1); }

static bool grow_slots(luatcp_poller *poller) {
  size_t i, count = poller->slot_count == 0 ? 16 : poller->slot_count * 2;
  struct slot *slots;
  if (count > MAX_SLOTS)
    return false;
  slots = realloc(poller->slots, count * sizeof *slots);
  if (slots == NULL)
    return false;
  for (i = count; i-- > poller->slot_count;) {
    slots[i] = (struct slot){.next_free = poller->free_slot};
    poller->free_slot = (uint32_t)i;
  }
  poller->slots = slots;
  poller->slot_count = count;
  return true;
}

static bool take_slot(luatcp_poller *poller, struct luatcp__watch *watch) {
  struct slot *slot;
  if (poller->free_slot == NO_SLOT && !grow_slots(poller))
    return false;
  slot = &poller->slots[poller->free_slot];
  watch->id = slot->uses++ << SLOT_BITS | poller->free_slot;
  poller->free_slot = slot->next_free;
  slot->watch = watch;
  return true;
}

static void give_slot(luatcp_poller *poller, uint32_t id) {
  struct slot *slot = &poller->slots[slot_of(id)];
  slot->watch = NULL;
  slot->next_free = poller->free_slot;
  poller->free_slot = slot_of(id);
}

static struct luatcp__watch *watch_of(const luatcp_poller *poller,
                                      uint32_t id) {
  struct luatcp__watch *watch = poller->slots[slot_of(id)].watch;
  return watch != NULL && watch->id == id ? watch : NULL;
}

/* ---- The queue ------------------------------------------------------- */

static void enqueue(struct luatcp__watch *watch) {
  luatcp_poller *poller = watch->poller;
  if (watch->queued)
    return;
  watch->queued = true;
  watch->next = NULL;
  if (poller->last != NULL)
    poller->last->next = watch;
  else
    poller->first = watch;
  poller->last = watch;
}

/* To be settled, and the kernel to be told. */
static void outdate(struct luatcp__watch *watch) {
  watch->stale = true;
  enqueue(watch);
}

static struct luatcp__watch *dequeue(luatcp_poller *poller) {
  struct luatcp__watch *watch = poller->first;
  poller->first = watch->next;
  if (poller->first == NULL)
    poller->last = NULL;
  watch->queued = false;
  return watch;
}

static void unqueue(struct luatcp__watch *watch) {
  luatcp_poller *poller = watch->poller;
  struct luatcp__watch **link = &poller->first, *before = NULL;
  if (!watch->queued)
    return;
  while (*link != watch) {
    before = *link;
    link = &before->next;
  }
  *link = watch->next;
  if (poller->last == watch)
    poller->last = before;
  watch->queued = false;
}

/* ---- Descriptors ----------------------------------------------------- */

static bool is_open(int descriptor) {
  luatcp_wait_item item = {NULL, descriptor, LUATCP_READABLE, 0};
  luatcp_deadline now;
  size_t ready;
  luatcp_deadline_after(&now, 0);
  return luatcp_wait(&now, &item, 1, &ready) != -EBADF;
}

static bool grow_descriptors(luatcp_poller *poller, int descriptor) {
  size_t needed = (size_t)descriptor + 1;
  size_t count = poller->descriptor_count == 0 ? 16 : poller->descriptor_count;
  struct descriptor *descriptors;
  while (count < needed)
    count *= 2;
  descriptors = realloc(poller->descriptors, count * sizeof *descriptors);
  if (descriptors == NULL)
    return false;
  memset(descriptors + poller->descriptor_count, 0,
         (count - poller->descriptor_count) * sizeof *descriptors);
  poller->descriptors = descriptors;
  poller->descriptor_count = count;
  return true;
}

/* Makes room for a descriptor.  What is no descriptor gets none: it may be any
 * number. */
static int have_room(luatcp_poller *poller, int descriptor) {
  if ((size_t)descriptor < poller->descriptor_count)
    return LUATCP_OK;
  if (!is_open(descriptor))
    return -EBADF;
    /* gcc's analyser loses sight of the array on the way back from here */
#if defined __GNUC__ && !defined __clang__ && __GNUC__ >= 12
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
  return grow_descriptors(poller, descriptor) ? LUATCP_OK : -ENOMEM;
#if defined __GNUC__ && !defined __clang__ && __GNUC__ >= 12
#pragma GCC diagnostic pop
#endif
}

/* ---- What the kernel is told ----------------------------------------- */

static bool is_own(const luatcp_poller *poller) {
  return poller->process == luatcp__process();
}

static void unregister(struct luatcp__watch *watch, size_t index) {
  struct registration *registration = &watch->registrations[index];
  /* it may fail: a stranger may have closed it */
  if (is_own(watch->poller))
    (void)luatcp__poller_backend.set(watch->poller->state, registration->fd,
                                     registration->events, 0, watch->id);
  watch->poller->descriptors[registration->fd].owner = NULL;
  watch->count--;
  memmove(registration, registration + 1,
          (watch->count - index) * sizeof *registration);
}

static int wanted_events(const struct luatcp__watch *watch) {
  if ((watch->events & (LUATCP_READABLE | LUATCP_WRITABLE)) == 0)
    return 0;
  return watch->spent ? LUATCP_ONE_SHOT : watch->events;
}

/* The descriptors that stand for a watch now.  *wake is lowered to when its
 * connect wants to be moved on. */
static size_t wanted_registrations(const struct luatcp__watch *watch,
                                   struct registration *wanted, int64_t *wake) {
  const luatcp_socket *socket = watch->socket;
  struct pollfd entries[LUATCP__RACERS];
  size_t i, count = 0, found;
  if (socket == NULL || socket->connecting == NULL) {
    wanted[0].fd = socket != NULL ? socket->fd : watch->descriptor;
    wanted[0].events = wanted_events(watch);
    return wanted[0].fd >= 0 && wanted[0].events != 0;
  }
  found = luatcp__connect_poll(socket, entries, wake);
  for (i = 0; i < found; i++)
    if (entries[i].fd >= 0) {
      wanted[count].fd = entries[i].fd;
      wanted[count].events =
          entries[i].events & POLLIN ? LUATCP_READABLE : LUATCP_WRITABLE;
      count++;
    }
  return count;
}

/* The index of a registration, or their count. */
static size_t find_registration(const struct luatcp__watch *watch, int fd) {
  size_t i = 0;
  while (i < watch->count && watch->registrations[i].fd != fd)
    i++;
  return i;
}

/* Before a descriptor is registered: -EEXIST while it is for another watch. */
static int claim(struct luatcp__watch *watch, int fd) {
  luatcp_poller *poller = watch->poller;
  struct luatcp__watch *owner;
  int status = have_room(poller, fd);
  if (status != LUATCP_OK)
    return status;
  owner = poller->descriptors[fd].owner;
  if (owner != NULL) {
    size_t i = find_registration(owner, fd);
    if (luatcp__poller_backend.holds(poller->state, fd,
                                     owner->registrations[i].events & ~OUTDATED,
                                     owner->id))
      return -EEXIST;
    /* a stranger has closed it, and the number was used again */
    unregister(owner, i);
  }
  poller->descriptors[fd].owner = watch;
  return LUATCP_OK;
}

/* Tells the kernel of a registration that is there, or of the next one. */
static int tell_kernel(struct luatcp__watch *watch, size_t index, int fd,
                       int events) {
  int before = index < watch->count ? watch->registrations[index].events : 0;
  int status = luatcp__poller_backend.set(watch->poller->state, fd, before,
                                          events, watch->id);
  if (status != LUATCP_OK)
    return status;
  watch->registrations[index] = (struct registration){fd, events};
  if (index == watch->count)
    watch->count++;
  return LUATCP_OK;
}

static int set_registration(struct luatcp__watch *watch, int fd, int events) {
  size_t i = find_registration(watch, fd);
  int status;
  if (i < watch->count)
    return watch->registrations[i].events == events
               ? LUATCP_OK
               : tell_kernel(watch, i, fd, events);
  status = claim(watch, fd);
  if (status != LUATCP_OK)
    return status;
  status = tell_kernel(watch, i, fd, events);
  if (status != LUATCP_OK)
    watch->poller->descriptors[fd].owner = NULL;
  return status;
}

static bool contains(const struct registration *list, size_t count, int fd) {
  while (count-- > 0)
    if (list[count].fd == fd)
      return true;
  return false;
}

/* Makes what the kernel knows what it should know. */
static int update(struct luatcp__watch *watch, int64_t *wake) {
  struct registration wanted[LUATCP__RACERS];
  size_t i, count = wanted_registrations(watch, wanted, wake);
  int status = LUATCP_OK;
  for (i = watch->count; i-- > 0;)
    if (!contains(wanted, count, watch->registrations[i].fd))
      unregister(watch, i);
  for (i = 0; i < count && status == LUATCP_OK; i++)
    status = set_registration(watch, wanted[i].fd, wanted[i].events);
  watch->stale = status != LUATCP_OK;
  return status;
}

static void close_set(luatcp_poller *poller) {
  if (luatcp__poller_backend.inherited || is_own(poller))
    luatcp__poller_backend.close(poller->state);
}

/* Tells a fresh set of all that is watched. */
static int fill_set(const luatcp_poller *poller, void *fresh) {
  size_t i, j;
  for (i = 0; i < poller->slot_count; i++) {
    const struct luatcp__watch *watch = poller->slots[i].watch;
    for (j = 0; watch != NULL && j < watch->count; j++) {
      int status = luatcp__poller_backend.set(
          fresh, watch->registrations[j].fd, 0,
          watch->registrations[j].events & ~OUTDATED, watch->id);
      /* others: a stranger has closed or replaced it */
      if (status == -ENOMEM || status == -ENOSPC)
        return status;
    }
  }
  return LUATCP_OK;
}

/* Makes a new set, of only what is watched. */
static int renew_set(luatcp_poller *poller) {
  void *fresh;
  int status = luatcp__poller_backend.open(&fresh);
  if (status != LUATCP_OK)
    return status;
  status = fill_set(poller, fresh);
  if (status != LUATCP_OK) {
    luatcp__poller_backend.close(fresh);
    return status;
  }
  close_set(poller);
  poller->state = fresh;
  poller->process = luatcp__process();
  poller->stray = false;
  return LUATCP_OK;
}

static int own_set(luatcp_poller *poller) {
  return is_own(poller) ? LUATCP_OK : renew_set(poller);
}

/* ---- What the other files tell --------------------------------------- */

void luatcp__watch_input(const luatcp_socket *socket) {
  struct luatcp__watch *watch;
  for (watch = socket->watches; watch != NULL; watch = watch->next_of_socket)
    enqueue(watch);
}

void luatcp__watch_changed(const luatcp_socket *socket) {
  struct luatcp__watch *watch;
  for (watch = socket->watches; watch != NULL; watch = watch->next_of_socket)
    outdate(watch);
}

void luatcp__watch_forget(const luatcp_socket *socket, int fd) {
  struct luatcp__watch *watch;
  size_t i;
  for (watch = socket->watches; watch != NULL; watch = watch->next_of_socket)
    for (i = watch->count; i-- > 0;)
      if (watch->registrations[i].fd == fd) {
        unregister(watch, i);
        outdate(watch);
      }
}

void luatcp__watch_end(luatcp_socket *socket) {
  while (socket->watches != NULL) {
    struct luatcp__watch *watch = socket->watches;
    socket->watches = watch->next_of_socket;
    while (watch->count > 0)
      unregister(watch, watch->count - 1);
    watch->socket = NULL;
    watch->descriptor = -1;
    watch->gone = true;
    enqueue(watch);
  }
}

/* ---- Finding, adding, removing --------------------------------------- */

static struct luatcp__watch *find(const luatcp_poller *poller,
                                  const luatcp_socket *socket, int descriptor) {
  struct luatcp__watch *watch;
  if (socket == NULL)
    return descriptor >= 0 && (size_t)descriptor < poller->descriptor_count
               ? poller->descriptors[descriptor].bare
               : NULL;
  for (watch = socket->watches; watch != NULL; watch = watch->next_of_socket)
    if (watch->poller == poller)
      return watch;
  return NULL;
}

/* Makes a watch known under its socket or descriptor. */
static int link_watch(struct luatcp__watch *watch) {
  luatcp_poller *poller = watch->poller;
  int status;
  if (watch->socket != NULL) {
    watch->next_of_socket = watch->socket->watches;
    watch->socket->watches = watch;
    return LUATCP_OK;
  }
  status = have_room(poller, watch->descriptor);
  if (status == LUATCP_OK)
    poller->descriptors[watch->descriptor].bare = watch;
  return status;
}

static void unlink_watch(struct luatcp__watch *watch) {
  struct luatcp__watch **link;
  if (watch->socket == NULL) {
    if (watch->descriptor >= 0)
      watch->poller->descriptors[watch->descriptor].bare = NULL;
    return;
  }
  for (link = &watch->socket->watches; *link != watch;)
    link = &(*link)->next_of_socket;
  *link = watch->next_of_socket;
}

static void drop(struct luatcp__watch *watch) {
  while (watch->count > 0)
    unregister(watch, watch->count - 1);
  unqueue(watch);
  unlink_watch(watch);
  give_slot(watch->poller, watch->id);
  free(watch);
}

static bool valid_events(int events) {
  return (events & ~(LUATCP_READABLE | LUATCP_WRITABLE | LUATCP_ONE_SHOT)) == 0;
}

/* Sets what is wanted, and tells the kernel at once, so that the caller hears
 * of what can't be waited for; also what it should know, as a stranger may have
 * closed and opened the descriptor.  When that fails, waits try again. */
static int want(struct luatcp__watch *watch, int events, void *data) {
  int64_t wake = INT64_MAX;
  size_t i;
  int status;
  for (i = 0; i < watch->count; i++)
    watch->registrations[i].events |= OUTDATED;
  watch->events = events;
  watch->data = data;
  watch->spent = false;
  outdate(watch);
  status = own_set(watch->poller);
  return status == LUATCP_OK ? update(watch, &wake) : status;
}

int luatcp_poller_add(luatcp_poller *poller, luatcp_socket *socket,
                      int descriptor, int events, void *data) {
  struct luatcp__watch *watch;
  int status;
  if (!valid_events(events))
    return LUATCP_INVALID_ARGUMENT;
  if (socket != NULL && socket->closed)
    return LUATCP_CLOSED;
  if (socket == NULL && descriptor < 0)
    return -EBADF;
  if (find(poller, socket, descriptor) != NULL)
    return LUATCP_WATCHED;
  watch = calloc(1, sizeof *watch);
  if (watch == NULL)
    return -ENOMEM;
  watch->poller = poller;
  watch->socket = socket;
  watch->descriptor = socket != NULL ? -1 : descriptor;
  if (!take_slot(poller, watch)) {
    free(watch);
    return -ENOMEM;
  }
  status = link_watch(watch);
  if (status != LUATCP_OK) {
    give_slot(poller, watch->id);
    free(watch);
    return status;
  }
  status = want(watch, events, data);
  if (status != LUATCP_OK)
    drop(watch);
  return status == -EEXIST ? LUATCP_WATCHED : status;
}

int luatcp_poller_modify(luatcp_poller *poller, luatcp_socket *socket,
                         int descriptor, int events, void *data) {
  struct luatcp__watch *watch = find(poller, socket, descriptor);
  int status;
  if (!valid_events(events))
    return LUATCP_INVALID_ARGUMENT;
  if (watch == NULL)
    return LUATCP_NOT_WATCHED;
  status = want(watch, events, data);
  return status == -EEXIST ? LUATCP_WATCHED : status;
}

int luatcp_poller_remove(luatcp_poller *poller, luatcp_socket *socket,
                         int descriptor) {
  struct luatcp__watch *watch = find(poller, socket, descriptor);
  if (watch == NULL)
    return LUATCP_NOT_WATCHED;
  drop(watch);
  return LUATCP_OK;
}

int luatcp_poller_new(luatcp_poller **poller) {
  int status;
  *poller = calloc(1, sizeof **poller);
  if (*poller == NULL)
    return -ENOMEM;
  (*poller)->free_slot = NO_SLOT;
  (*poller)->process = luatcp__process();
  status = luatcp__poller_backend.open(&(*poller)->state);
  if (status != LUATCP_OK) {
    free(*poller);
    *poller = NULL;
  }
  return status;
}

void luatcp_poller_free(luatcp_poller *poller) {
  size_t i;
  if (poller == NULL)
    return;
  for (i = 0; i < poller->slot_count; i++)
    if (poller->slots[i].watch != NULL) {
      struct luatcp__watch *watch = poller->slots[i].watch;
      unlink_watch(watch);
      free(watch);
    }
  close_set(poller);
  free(poller->slots);
  free(poller->descriptors);
  free(poller);
}

/* ---- Waiting ------------------------------------------------------------ */

/* What one luatcp_poller_wait collects. */
struct harvest {
  luatcp_event *events;
  size_t capacity;
  size_t count;
  size_t known; /* watches in the queue that are ready without the kernel */
  int64_t wake; /* when a connect wants to be moved on */
  bool moved;   /* one was */
  bool cut;     /* the kernel may have more to tell */
};

/* A one shot is silent from here on. */
static void spend(struct luatcp__watch *watch) {
  size_t i;
  watch->spent = true;
  for (i = 0; i < watch->count; i++)
    if (watch->registrations[i].events != LUATCP_ONE_SHOT &&
        tell_kernel(watch, i, watch->registrations[i].fd, LUATCP_ONE_SHOT) !=
            LUATCP_OK)
      outdate(watch);
}

/* Adds to the events, joining what is about one watch; false when they are
 * full. */
static bool report(struct luatcp__watch *watch, int events, struct harvest *h) {
  if (watch->turn == watch->poller->turn) {
    h->events[watch->place].events |= events;
    return true;
  }
  if (h->count == h->capacity)
    return false;
  watch->turn = watch->poller->turn;
  watch->place = h->count;
  h->events[h->count++] = (luatcp_event){watch->data, events};
  if (watch->events & LUATCP_ONE_SHOT && !watch->gone)
    spend(watch);
  return true;
}

/* Those of the wanted events that hold whatever the kernel says. */
static int known_events(const struct luatcp__watch *watch) {
  /* what can't be waited for is ready: its use will say why */
  if (watch->refused)
    return watch->events & (LUATCP_READABLE | LUATCP_WRITABLE);
  return watch->socket != NULL && watch->socket->connecting == NULL
             ? luatcp__ready_already(watch->socket, watch->events)
             : 0;
}

/* These events and what else holds, which the kernel may have had no room to
 * tell. */
static int complete(const struct luatcp__watch *watch, int events) {
  luatcp_wait_item item = {watch->socket, watch->descriptor,
                           watch->events & (LUATCP_READABLE | LUATCP_WRITABLE),
                           0};
  luatcp_deadline now;
  size_t ready;
  if (item.events == events)
    return events;
  luatcp_deadline_after(&now, 0);
  if (luatcp_wait(&now, &item, 1, &ready) != LUATCP_OK)
    return events;
  return events | item.ready;
}

/* When the kernel has refused to watch a connect: it may lack memory. */
#define RETRY_DELAY (INT64_C(10) * 1000000)

/* Settles one watch of the queue; it goes back there while the kernel does not
 * tell when it changes. */
static void attend(struct luatcp__watch *watch, struct harvest *h) {
  luatcp_socket *socket = watch->socket;
  int64_t wake = INT64_MAX;
  int status;
  if (watch->gone) {
    if (report(watch, 0, h))
      drop(watch);
    else
      enqueue(watch);
    return;
  }
  if (socket != NULL && socket->connecting != NULL) {
    if (update(watch, &wake) != LUATCP_OK && wake == INT64_MAX)
      h->wake = luatcp__later(luatcp__now(), RETRY_DELAY);
    if (wake != INT64_MAX && wake <= luatcp__now()) {
      (void)luatcp__connect_step(socket, NULL);
      h->moved = true;
    }
    if (wake < h->wake)
      h->wake = wake;
    outdate(watch);
    return;
  }
  status = watch->stale ? update(watch, &wake) : LUATCP_OK;
  watch->refused = status != LUATCP_OK && status != -EEXIST;
  if (!watch->spent && known_events(watch) != 0)
    h->known++;
  else if (status != -EEXIST)
    return;
  enqueue(watch);
}

/* Settles what is in the queue now. */
static void attend_all(luatcp_poller *poller, struct harvest *h) {
  struct luatcp__watch *last = poller->last, *watch;
  if (last == NULL)
    return;
  do {
    watch = dequeue(poller);
    /* the last one may be freed, but not before it was compared */
    if (watch == last) {
      attend(watch, h);
      return;
    }
    attend(watch, h);
  } while (poller->first != NULL);
}

/* Reports what is ready without the kernel, in turn: the queue begins with what
 * finds no room. */
static void give_known(luatcp_poller *poller, struct harvest *h) {
  const struct luatcp__watch *last = poller->last;
  struct luatcp__watch *watch = NULL;
  while (watch != last && h->count < h->capacity) {
    int events;
    watch = dequeue(poller);
    enqueue(watch);
    events = known_events(watch);
    if (events == 0 || watch->spent || watch->turn == poller->turn)
      continue;
    (void)report(watch, h->cut ? complete(watch, events) : events, h);
  }
}

static void take(luatcp_poller *poller,
                 const struct luatcp__happening *happening, struct harvest *h) {
  struct luatcp__watch *watch = watch_of(poller, happening->id);
  int events;
  if (watch != NULL && watch->gone)
    return;
  /* or somebody watches, but not this descriptor */
  if (watch == NULL || (watch->socket == NULL && watch->count == 0)) {
    poller->stray = true;
    return;
  }
  if (watch->socket != NULL && watch->socket->connecting != NULL) {
    (void)luatcp__connect_step(watch->socket, NULL);
    h->moved = true;
    return;
  }
  events = happening->events & watch->events;
  /* some kernels tell of each event by itself */
  if (events == 0 || (watch->spent && watch->turn != poller->turn))
    return;
  if (watch->queued)
    events |= known_events(watch);
  if (h->cut && !luatcp__poller_backend.whole)
    events = complete(watch, events);
  if (watch->events & LUATCP_ONE_SHOT && luatcp__poller_backend.disarms &&
      watch->count == 1)
    watch->registrations[0].events = LUATCP_ONE_SHOT;
  (void)report(watch, events, h);
}

static int64_t span_until(const struct harvest *h, int64_t remaining) {
  int64_t now;
  if (h->count > 0 || h->known > 0 || h->moved)
    return 0;
  if (h->wake == INT64_MAX)
    return remaining;
  now = luatcp__now();
  if (h->wake <= now)
    return 0;
  return h->wake - now < remaining ? h->wake - now : remaining;
}

/* The most that is taken from the kernel at once. */
#define HAPPENINGS 256

/* How much of the room is kept for what is ready without the kernel. */
static size_t room_to_keep(luatcp_poller *poller, size_t room, size_t known) {
  if (room == 1) {
    poller->kernel_next = !poller->kernel_next;
    return poller->kernel_next ? 1 : 0;
  }
  return known < room / 2 ? known : room / 2;
}

static int ask(luatcp_poller *poller, int64_t span, struct harvest *h) {
  struct luatcp__happening happenings[HAPPENINGS];
  size_t room = h->capacity - h->count;
  int i, found;
  if (h->known > 0)
    room -= room_to_keep(poller, room, h->known);
  if (room > HAPPENINGS)
    room = HAPPENINGS;
  h->cut = true;
  if (room == 0)
    return LUATCP_OK;
  found = luatcp__poller_backend.wait(poller->state, span, happenings, room);
  if (found < 0)
    return found;
  h->cut = (size_t)found == room;
  for (i = 0; i < found; i++)
    take(poller, &happenings[i], h);
  /* a descriptor that was closed while a copy of it lived on can't be taken out
     of the kernel's set any more */
  return poller->stray ? renew_set(poller) : LUATCP_OK;
}

int luatcp_poller_wait(luatcp_poller *poller, luatcp_deadline *deadline,
                       luatcp_event *events, size_t capacity, size_t *count) {
  luatcp_deadline never;
  int status;
  *count = 0;
  if (capacity == 0)
    return LUATCP_INVALID_ARGUMENT;
  status = own_set(poller);
  if (status != LUATCP_OK)
    return status;
  deadline = luatcp__deadline_or_never(deadline, &never);
  poller->turn++;
  for (;;) {
    struct harvest h = {
        .events = events, .capacity = capacity, .wake = INT64_MAX};
    int64_t remaining;
    attend_all(poller, &h);
    remaining = luatcp__remaining(deadline);
    status = ask(poller, span_until(&h, remaining), &h);
    if (h.known > 0)
      give_known(poller, &h);
    *count = h.count;
    if (h.count > 0)
      return LUATCP_OK;
    if (status < 0)
      return status;
    if (remaining == 0 && !h.moved)
      return LUATCP_TIMEOUT;
  }
}
