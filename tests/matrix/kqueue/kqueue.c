/* SPDX-License-Identifier: MIT
 *
 * kqueue.c: kqueue(2) on top of epoll(7), see sys/event.h.  A queue is an epoll
 * descriptor.  As in a kernel, each descriptor has up to two filters with data
 * of their own, and loses them when it is closed: then epoll does not know it
 * any more, and what the table says about it is out of date.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <unistd.h>

struct watched {
  unsigned wanted; /* EPOLLIN, EPOLLOUT; 0: not watched */
  void *udata[2];  /* of reading and of writing */
  bool write_next; /* reading had the last room in a caller's array */
};

struct queue {
  int fd;
  int size; /* of watched, whose index is the descriptor */
  struct watched *watched;
  struct queue *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct queue
    *queues; /* closed ones too, until the number is used again */

static struct queue *find(int fd) {
  struct queue *queue = queues;
  while (queue != NULL && queue->fd != fd)
    queue = queue->next;
  return queue;
}

int kqueue(void) {
  struct queue *queue;
  int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0)
    return -1;
  pthread_mutex_lock(&lock);
  queue = find(fd);
  if (queue != NULL) {
    memset(queue->watched, 0, (size_t)queue->size * sizeof *queue->watched);
  } else if ((queue = calloc(1, sizeof *queue)) != NULL) {
    queue->fd = fd;
    queue->next = queues;
    queues = queue;
  }
  pthread_mutex_unlock(&lock);
  if (queue == NULL) {
    (void)close(fd);
    errno = ENOMEM;
    return -1;
  }
  return fd;
}

static struct watched *room_for(struct queue *queue, int fd) {
  if (fd >= queue->size) {
    int size = fd + 64;
    struct watched *more = realloc(queue->watched, (size_t)size * sizeof *more);
    if (more == NULL)
      return NULL;
    memset(more + queue->size, 0, (size_t)(size - queue->size) * sizeof *more);
    queue->watched = more;
    queue->size = size;
  }
  return &queue->watched[fd];
}

static int control(int queue, int operation, int fd, unsigned wanted) {
  struct epoll_event event = {.events = wanted |
                                        (wanted & EPOLLIN ? EPOLLRDHUP : 0u)};
  event.data.fd = fd;
  return epoll_ctl(queue, operation, fd, &event) == 0 ? 0 : errno;
}

/* 0, or an errno number. */
static int change(struct queue *queue, const struct kevent *event) {
  int fd = (int)event->ident, status = 0;
  unsigned filter = event->filter == EVFILT_READ ? EPOLLIN : EPOLLOUT, wanted;
  struct watched *watched;
  if ((event->filter != EVFILT_READ && event->filter != EVFILT_WRITE) ||
      (event->flags & ~(EV_ADD | EV_DELETE | EV_ENABLE)) != 0)
    return EINVAL;
  if (event->ident > INT_MAX)
    return EBADF;
  watched = room_for(queue, fd);
  if (watched == NULL)
    return ENOMEM;
  /* the same events again: is it still the same descriptor? */
  if (watched->wanted != 0) {
    status = control(queue->fd, EPOLL_CTL_MOD, fd, watched->wanted);
    if (status == ENOENT || status == EBADF)
      watched->wanted = 0;
    if (status == EBADF)
      return EBADF;
  }
  wanted = watched->wanted;
  if (event->flags & EV_DELETE) {
    if (!(wanted & filter))
      return ENOENT;
    wanted &= ~filter;
    status = control(queue->fd, wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, fd,
                     wanted);
  } else {
    if (!(wanted & filter) && !(event->flags & EV_ADD))
      return ENOENT;
    status = control(queue->fd, wanted == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd,
                     wanted | filter);
    if (status == 0)
      watched->udata[filter == EPOLLOUT] = event->udata;
    wanted |= filter;
  }
  if (status == 0)
    watched->wanted = wanted;
  return status;
}

static bool report(const struct watched *watched, int fd, bool write,
                   unsigned happened, struct kevent *event) {
  unsigned filter = write ? EPOLLOUT : EPOLLIN;
  unsigned end = EPOLLERR | EPOLLHUP | (write ? 0u : EPOLLRDHUP);
  if (!(watched->wanted & filter) || !(happened & (filter | end)))
    return false;
  EV_SET(event, (uintptr_t)fd, (short)(write ? EVFILT_WRITE : EVFILT_READ),
         (unsigned short)(happened & end ? EV_EOF : 0), 0, 0,
         watched->udata[write]);
  return true;
}

static int collect(struct queue *queue, const struct epoll_event *happened,
                   int count, struct kevent *events, int capacity) {
  int i, filled = 0;
  for (i = 0; i < count && filled < capacity; i++) {
    int fd = happened[i].data.fd, turn;
    struct watched *watched = &queue->watched[fd];
    bool first = watched->write_next;
    watched->write_next = false;
    for (turn = 0; turn < 2 && filled < capacity; turn++) {
      bool write = turn == 0 ? first : !first;
      if (report(watched, fd, write, happened[i].events, &events[filled])) {
        filled++;
        watched->write_next = !write && filled == capacity;
      }
    }
  }
  return filled;
}

static int milliseconds(const struct timespec *limit) {
  if (limit == NULL)
    return -1;
  if (limit->tv_sec >= INT_MAX / 1000 - 1)
    return INT_MAX;
  return (int)(limit->tv_sec * 1000 + (limit->tv_nsec + 999999) / 1000000);
}

int kevent(int fd, const struct kevent *changes, int change_count,
           struct kevent *events, int capacity, const struct timespec *limit) {
  struct epoll_event happened[256];
  struct queue *queue;
  int i, count, left, status = 0;
  pthread_mutex_lock(&lock);
  queue = find(fd);
  if (queue == NULL)
    status = EBADF;
  for (i = 0; i < change_count && status == 0; i++)
    status = change(queue, &changes[i]);
  pthread_mutex_unlock(&lock);
  if (status != 0) {
    errno = status;
    return -1;
  }
  if (capacity <= 0)
    return 0;
  if (limit != NULL && (limit->tv_sec < 0 || limit->tv_nsec < 0 ||
                        limit->tv_nsec >= 1000000000)) {
    errno = EINVAL;
    return -1;
  }
  left = milliseconds(limit);
  for (;;) {
    count = epoll_wait(fd, happened, capacity < 256 ? capacity : 256, left);
    if (count <= 0)
      return count;
    pthread_mutex_lock(&lock);
    count = collect(queue, happened, count, events, capacity);
    pthread_mutex_unlock(&lock);
    if (count > 0 || left == 0)
      return count;
    /* a descriptor that is closed, of which there is a copy: epoll goes on
       about it */
    (void)poll(NULL, 0, 1);
    left -= left > 0;
  }
}
