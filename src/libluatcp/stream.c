/* SPDX-License-Identifier: MIT
 *
 * stream.c: bytes.  Input passes through a buffer that a socket has only while
 * it holds something unread; output is not buffered.  No connection set-up.
 */
#include "fd.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- The buffer ------------------------------------------------------ */

#define VIEW_MAX ((size_t)LUATCP_VIEW_MAX)

/* What Linux lets arrive while nobody reads, where no buffer size is set, fits
 * into it.  glibc's malloc goes to the system for each 128 KiB. */
#define BUFFER_SIZE (VIEW_MAX + VIEW_MAX / 2)

/* So much is kept in memory of its own size while more is waited for: many
 * sockets may each have the beginning of a message. */
#define LITTLE (VIEW_MAX / 16)

/* Reads of fewer bytes than this go through the buffer, so that a peer's many
 * small messages cost one system call. */
#define DIRECT_SIZE VIEW_MAX

/* A socket that is served takes a buffer and gives it back with every read, so
 * one is kept for the next that needs it. */
static _Atomic(char *) spare_buffer;

static char *take_buffer(void) {
  char *buffer = atomic_exchange(&spare_buffer, (char *)NULL);
  return buffer != NULL ? buffer : malloc(BUFFER_SIZE);
}

static size_t unread(const luatcp_socket *socket) {
  return socket->end - socket->start;
}

static size_t unread_up_to(const luatcp_socket *socket, size_t most) {
  return unread(socket) < most ? unread(socket) : most;
}

static void free_buffer(luatcp_socket *socket) {
  if (socket->capacity == BUFFER_SIZE)
    free(atomic_exchange(&spare_buffer, socket->buffer));
  else
    free(socket->buffer);
}

void luatcp__buffer_drop(luatcp_socket *socket) {
  free_buffer(socket);
  socket->buffer = NULL;
  socket->capacity = socket->start = socket->end = socket->viewed = 0;
}

/* Moves what is unread to another buffer. */
static void change_buffer(luatcp_socket *socket, char *buffer,
                          size_t capacity) {
  size_t length = unread(socket);
  if (length > 0)
    memcpy(buffer, socket->buffer + socket->start, length);
  free_buffer(socket);
  socket->buffer = buffer;
  socket->capacity = (uint32_t)capacity;
  socket->start = 0;
  socket->end = (uint32_t)length;
}

/* More has not come, and may be long in coming. */
LUATCP__SELDOM static void keep_little(luatcp_socket *socket) {
  size_t length = unread(socket);
  char *buffer;
  if (length == 0)
    luatcp__buffer_drop(socket);
  else if (length <= LITTLE && socket->capacity == BUFFER_SIZE &&
           (buffer = malloc(length)) != NULL)
    change_buffer(socket, buffer, length);
}

/* The program has got so many bytes of the buffer. */
static void consume(luatcp_socket *socket, size_t count) {
  socket->start += (uint32_t)count;
  socket->received += count;
  socket->viewed = 0;
  if (socket->start == socket->end)
    luatcp__buffer_drop(socket);
}

size_t luatcp_buffered(const luatcp_socket *socket) { return unread(socket); }

/* ---- Waiting for bytes ----------------------------------------------- */

/* Keeps what says that the connection is lost, for the option "error". */
static int remember(luatcp_socket *socket, ptrdiff_t status) {
  switch (-status) {
  case EINTR:
  case ENOMEM:
  case ENOBUFS:
  case EFAULT:
    break;
  default:
    socket->error = (int)status;
  }
  return (int)status;
}

/* Receives at least one byte.  With LUATCP__WHOLE, waits for all size bytes
 * where the kernel can; a count cut short by a signal is -EINTR. */
static int pull(luatcp_socket *socket, luatcp_deadline *deadline, void *data,
                size_t size, int flags, size_t *received) {
  *received = 0;
  for (;;) {
    int how = luatcp__receive_how(socket, deadline), status;
    ptrdiff_t count;
    if (how != 0 && luatcp__unlimited(deadline))
      how |= flags & LUATCP__WHOLE;
    how |= flags & LUATCP__PEEK;
    count = luatcp__fd_recv(socket->fd, data, size, how);
    if (count > 0) {
      luatcp__progress(deadline);
      *received = (size_t)count;
      /* the end of the stream cuts it too: the next call sees that */
      return how & LUATCP__WHOLE && *received < size ? -EINTR : LUATCP_OK;
    }
    if (count == 0)
      return LUATCP_CLOSED;
    if (count != -EAGAIN)
      return remember(socket, count);
    status = luatcp__wait_one(socket->fd, POLLIN, deadline);
    if (status != LUATCP_OK)
      return status;
  }
}

static inline int check_receiver(luatcp_socket *socket,
                                 luatcp_deadline *deadline) {
  int status = luatcp__need_connection(socket, deadline);
  if (status == LUATCP_OK && socket->receive_shut)
    status = LUATCP_CLOSED;
  return status;
}

/* A whole buffer, in which so many bytes fit behind its start, and one more
 * than there are.  A little is moved to the front, so that much can be read. */
static int make_room(luatcp_socket *socket, size_t wanted) {
  if (socket->capacity < BUFFER_SIZE) {
    char *buffer = take_buffer();
    if (buffer == NULL)
      return -ENOMEM;
    change_buffer(socket, buffer, BUFFER_SIZE);
    return LUATCP_OK;
  }
  if (socket->start == 0 ||
      (unread(socket) > LITTLE && BUFFER_SIZE - socket->start >= wanted &&
       socket->end < BUFFER_SIZE))
    return LUATCP_OK;
  memmove(socket->buffer, socket->buffer + socket->start, unread(socket));
  socket->end -= socket->start;
  socket->start = 0;
  return LUATCP_OK;
}

/* Adds at least one byte to the buffer, in which wanted bytes have to fit. */
static int fill(luatcp_socket *socket, luatcp_deadline *deadline,
                size_t wanted) {
  size_t received;
  int status = check_receiver(socket, deadline);
  if (status == LUATCP_OK)
    status = make_room(socket, wanted);
  if (status != LUATCP_OK)
    return status;
  status = pull(socket, deadline, socket->buffer + socket->end,
                BUFFER_SIZE - socket->end, 0, &received);
  socket->end += (uint32_t)received;
  if (status != LUATCP_OK)
    keep_little(socket);
  if (socket->watches != NULL && unread(socket) > 0)
    luatcp__watch_input(socket);
  return status;
}

/* ---- Views ----------------------------------------------------------- */

static int show(luatcp_socket *socket, size_t consumed, size_t shown,
                const char **data, size_t *length) {
  socket->viewed = (uint32_t)consumed;
  *data = socket->buffer != NULL ? socket->buffer + socket->start : "";
  *length = shown;
  return LUATCP_OK;
}

/* Buffers at least so many bytes. */
static int gather(luatcp_socket *socket, luatcp_deadline *deadline,
                  size_t minimum) {
  while (unread(socket) < minimum) {
    int status = fill(socket, deadline, minimum);
    if (status != LUATCP_OK)
      return status;
    if (unread(socket) < minimum && luatcp__expired(deadline))
      return LUATCP_TIMEOUT;
  }
  return LUATCP_OK;
}

int luatcp_view(luatcp_socket *socket, luatcp_deadline *deadline,
                size_t minimum, size_t maximum, const char **data,
                size_t *length) {
  luatcp_deadline own;
  size_t shown;
  int status = LUATCP_OK;
  if (minimum < 1 || minimum > maximum || minimum > VIEW_MAX) {
    (void)show(socket, 0, 0, data, length);
    return LUATCP_INVALID_ARGUMENT;
  }
  if (maximum > VIEW_MAX)
    maximum = VIEW_MAX;
  if (unread(socket) < minimum)
    status = gather(socket, luatcp__deadline_or_own(deadline, &own, socket),
                    minimum);
  shown = unread_up_to(socket, maximum);
  (void)show(socket, shown, shown, data, length);
  return status;
}

void luatcp_release(luatcp_socket *socket) {
  if (socket->viewed > 0)
    consume(socket, socket->viewed);
}

/* Takes the CRs out of the next length bytes of the buffer, moving the others
 * up to what follows; returns how many are left. */
LUATCP__SELDOM static size_t drop_returns(luatcp_socket *socket,
                                          size_t length) {
  char *data = socket->buffer + socket->start;
  size_t from = length, to = length;
  while (from-- > 0)
    if (data[from] != '\r')
      data[--to] = data[from];
  socket->start += (uint32_t)to;
  socket->received += to;
  return length - to;
}

/* Shows the first length bytes of the buffer as text; end is 1 when the last
 * of them is the LF of a line. */
static inline int show_text(luatcp_socket *socket, size_t length, size_t end,
                            const char **data, size_t *shown) {
  size_t text = length - end;
  const char *start, *found;
  if (text == 0)
    return show(socket, length, 0, data, shown);
  start = socket->buffer + socket->start;
  found = memchr(start, '\r', text);
  if (found == NULL)
    return show(socket, length, text, data, shown);
  if (found == start + text - 1)
    return show(socket, length, text - 1, data, shown);
  text = drop_returns(socket, text);
  return show(socket, text + end, text, data, shown);
}

static inline int show_line(luatcp_socket *socket, int ends, size_t length,
                            size_t end, const char **data, size_t *shown) {
  if (ends == LUATCP_LINE_RAW)
    return show(socket, length, length, data, shown);
  return show_text(socket, length, end, data, shown);
}

/* The LF that ends the next line in the buffer, from an offset on, or NULL. */
static const char *find_feed(const luatcp_socket *socket, size_t from) {
  LUATCP__KNOWN(socket->buffer != NULL);
  return memchr(socket->buffer + socket->start + from, '\n',
                unread(socket) - from);
}

/* Shows the next line, when all of it is buffered and a view may have it. */
static inline bool show_whole_line(luatcp_socket *socket, int ends,
                                   size_t searched, const char **data,
                                   size_t *length) {
  const char *feed = find_feed(socket, searched);
  size_t size;
  if (feed == NULL)
    return false;
  size = (size_t)(feed - (socket->buffer + socket->start)) + 1;
  if (size > VIEW_MAX)
    return false;
  (void)show_line(socket, ends, size, 1, data, length);
  return true;
}

/* No whole line is buffered, or one that is too long. */
LUATCP__SELDOM static int wait_for_line(luatcp_socket *socket,
                                        luatcp_deadline *deadline, int ends,
                                        const char **data, size_t *length) {
  luatcp_deadline own;
  int status = LUATCP_OK;
  deadline = luatcp__deadline_or_own(deadline, &own, socket);
  while (status == LUATCP_OK) {
    size_t searched = unread(socket);
    status =
        searched >= VIEW_MAX ? LUATCP_MORE : fill(socket, deadline, VIEW_MAX);
    if (status == LUATCP_OK) {
      if (show_whole_line(socket, ends, searched, data, length))
        return LUATCP_OK;
      if (luatcp__expired(deadline))
        status = LUATCP_TIMEOUT;
    }
  }
  (void)show_line(socket, ends, unread_up_to(socket, VIEW_MAX), 0, data,
                  length);
  return status;
}

int luatcp_view_line(luatcp_socket *socket, luatcp_deadline *deadline, int ends,
                     const char **data, size_t *length) {
  if (unread(socket) > 0 && show_whole_line(socket, ends, 0, data, length))
    return LUATCP_OK;
  return wait_for_line(socket, deadline, ends, data, length);
}

/* ---- Reading into the caller's memory -------------------------------- */

/* Moves what is buffered, up to size, to data. */
static size_t take_buffered(luatcp_socket *socket, void *data, size_t size) {
  size_t count = unread_up_to(socket, size);
  if (count > 0) {
    memcpy(data, socket->buffer + socket->start, count);
    consume(socket, count);
  }
  return count;
}

/* Receives at least one byte, through the buffer when size is small. */
static int receive_some(luatcp_socket *socket, luatcp_deadline *deadline,
                        char *data, size_t size, size_t direct, int flags,
                        size_t *received) {
  int status;
  *received = take_buffered(socket, data, size);
  if (*received > 0)
    return LUATCP_OK;
  if (size < direct) {
    status = fill(socket, deadline, size);
    *received = take_buffered(socket, data, size);
    return status;
  }
  status = check_receiver(socket, deadline);
  if (status != LUATCP_OK)
    return status;
  status = pull(socket, deadline, data, size, flags, received);
  socket->received += *received;
  return status;
}

int luatcp_recv(luatcp_socket *socket, luatcp_deadline *deadline, void *data,
                size_t size, size_t *received) {
  luatcp_deadline own;
  *received = 0;
  if (size == 0)
    return luatcp_recv_test(socket, deadline);
  deadline = luatcp__deadline_or_own(deadline, &own, socket);
  /* who takes what there is seldom has small reads */
  return receive_some(socket, deadline, data, size, DIRECT_SIZE / 16, 0,
                      received);
}

/* Fills data as far as the stream goes. */
static int receive_all(luatcp_socket *socket, luatcp_deadline *deadline,
                       char *data, size_t size, size_t *received) {
  *received = 0;
  while (*received < size) {
    size_t count;
    int status =
        receive_some(socket, deadline, data + *received, size - *received,
                     DIRECT_SIZE, LUATCP__WHOLE, &count);
    *received += count;
    if (status != LUATCP_OK)
      return status;
    if (*received < size && luatcp__expired(deadline))
      return LUATCP_TIMEOUT;
  }
  return LUATCP_OK;
}

int luatcp_recv_count(luatcp_socket *socket, luatcp_deadline *deadline,
                      void *data, size_t size, size_t *received) {
  luatcp_deadline own;
  deadline = luatcp__deadline_or_own(deadline, &own, socket);
  return receive_all(socket, deadline, data, size, received);
}

int luatcp_recv_until_closed(luatcp_socket *socket, luatcp_deadline *deadline,
                             void *data, size_t size, size_t *received) {
  luatcp_deadline own;
  int status;
  deadline = luatcp__deadline_or_own(deadline, &own, socket);
  status = receive_all(socket, deadline, data, size, received);
  if (status == LUATCP_OK)
    return LUATCP_MORE;
  /* the object's own end is no end of the stream */
  return status == LUATCP_CLOSED && !socket->closed && !socket->receive_shut
             ? LUATCP_OK
             : status;
}

/* Moves text without CRs from the first length bytes of the buffer to data, as
 * far as there is room.  Says in *copied how many bytes of data that are, and
 * returns how many of the buffer. */
static size_t take_text(const luatcp_socket *socket, size_t length, char *data,
                        size_t room, size_t *copied) {
  const char *start = socket->buffer + socket->start;
  size_t at = 0;
  *copied = 0;
  while (at < length) {
    const char *found = memchr(start + at, '\r', length - at);
    size_t run = (found != NULL ? (size_t)(found - start) : length) - at;
    size_t count = run < room - *copied ? run : room - *copied;
    if (count > 0)
      memcpy(data + *copied, start + at, count);
    *copied += count;
    at += count;
    if (count < run)
      break;
    at += found != NULL;
  }
  return at;
}

/* Moves what is buffered of a line to data, as far as there is room: LUATCP_OK
 * with its end, LUATCP_MORE when it goes on beyond the room, LUATCP_TIMEOUT
 * when more has to be received to tell. */
static int take_line(luatcp_socket *socket, int ends, char *data, size_t room,
                     size_t *received) {
  *received = 0;
  while (unread(socket) > 0) {
    const char *start = socket->buffer + socket->start, *feed;
    size_t left = room - *received, length = unread(socket), copied;
    /* no more is looked at than could be taken */
    if (length > left)
      length = left + 1;
    feed = memchr(start, '\n', length);
    if (feed != NULL)
      length = (size_t)(feed - start) + (ends == LUATCP_LINE_RAW);
    if (ends == LUATCP_LINE_RAW) {
      copied = length < left ? length : left;
      if (copied > 0)
        memcpy(data + *received, start, copied);
      consume(socket, copied);
      *received += copied;
      if (copied < length)
        return LUATCP_MORE;
      if (feed != NULL)
        return LUATCP_OK;
    } else {
      size_t taken = take_text(socket, length, data + *received, left, &copied);
      bool ended = feed != NULL && taken == length;
      *received += copied;
      consume(socket, taken + ended);
      if (ended)
        return LUATCP_OK;
      if (taken < length)
        return LUATCP_MORE;
    }
  }
  return LUATCP_TIMEOUT;
}

/* Does not wait for the end of a line that has filled data: a peer might never
 * send it. */
int luatcp_recv_line(luatcp_socket *socket, luatcp_deadline *deadline, int ends,
                     char *data, size_t size, size_t *received) {
  luatcp_deadline own;
  bool filled = false;
  *received = 0;
  for (;;) {
    size_t count;
    int status =
        take_line(socket, ends, data + *received, size - *received, &count);
    *received += count;
    if (status != LUATCP_TIMEOUT)
      return status;
    if (deadline == NULL)
      deadline = luatcp__deadline_or_own(NULL, &own, socket);
    else if ((filled || *received > 0) && luatcp__expired(deadline))
      return LUATCP_TIMEOUT;
    status = fill(socket, deadline, 1);
    if (status != LUATCP_OK)
      return status;
    filled = true;
  }
}

int luatcp_recv_test(luatcp_socket *socket, luatcp_deadline *deadline) {
  luatcp_deadline own;
  size_t count;
  char byte;
  int status;
  if (unread(socket) > 0)
    return LUATCP_OK;
  deadline = luatcp__deadline_or_own(deadline, &own, socket);
  status = check_receiver(socket, deadline);
  if (status != LUATCP_OK)
    return status;
  return pull(socket, deadline, &byte, 1, LUATCP__PEEK, &count);
}

/* ---- Sending --------------------------------------------------------- */

int luatcp_send(luatcp_socket *socket, luatcp_deadline *deadline,
                const void *data, size_t size, size_t *sent) {
  luatcp_deadline own;
  int status, how = 0;
  *sent = 0;
  deadline = luatcp__deadline_or_own(deadline, &own, socket);
  status = luatcp__need_connection(socket, deadline);
  while (status == LUATCP_OK && *sent < size) {
    int before = how;
    ptrdiff_t count = luatcp__fd_send(socket->fd, (const char *)data + *sent,
                                      size - *sent, how);
    if (count > 0) {
      luatcp__progress(deadline);
      *sent += (size_t)count;
      socket->sent += (size_t)count;
      if (*sent == size)
        break;
      if (luatcp__expired(deadline))
        return LUATCP_TIMEOUT;
      if (how != 0) /* what waits for all is cut short by a signal only */
        return -EINTR;
    } else if (count != -EAGAIN)
      return count == 0 ? LUATCP_CLOSED : remember(socket, count);
    /* the first try took what fits; now the kernel waits for the rest, or
       poll where it can't, or where it gave up although it should wait */
    how = luatcp__send_how(socket, deadline);
    if (how == 0 || before != 0)
      status = luatcp__wait_one(socket->fd, POLLOUT, deadline);
  }
  return status;
}
